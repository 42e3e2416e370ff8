"""Any encoder of ours as a model of mteb 2."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import EncoderError, ParameterError
from isogloss.encoders.base import unit_rows
from isogloss.mteb.meta import LEXICAL_DIMS, model_meta

if TYPE_CHECKING:
    from isogloss.encoders.base import Encoder

BLOCK = 4096  # texts that are held at once


class MtebEncoder:
    """An encoder as mteb's `EncoderProtocol`: DataLoaders in, unit vectors out.

    Parameters
    ----------
    encoder : str or Encoder
        A spec string, or an encoder that is loaded.
    dim : int, optional
        Keep so many of the first numbers of each vector, and scale it to length 1 again.
    dims : sequence of int, optional
        The lengths for which the model was trained (Matryoshka); mteb is told all of them. Those
        of ``lexical`` are known.
    name, training_datasets, languages
        See `isogloss.mteb.meta.model_meta`. Training sets must be known or given.

    Raises
    ------
    ParameterError
        For a `dim` that is not among `dims`, or when the training sets are not known.
    EncoderError
        For an encoder that has still to be fitted on the texts (``lsa``): as a model of encoders
        it would see each task's texts in other batches. `MtebSearch` fits it on the corpus.

    Examples
    --------
    >>> model = MtebEncoder("lexical", dim=64)  # doctest: +SKIP
    >>> mteb.evaluate(model, tasks)  # doctest: +SKIP
    """

    def __init__(
        self,
        encoder: "str | Encoder",
        *,
        dim: int | None = None,
        dims: Sequence[int] | None = None,
        name: str | None = None,
        training_datasets: Iterable[str] | str | None = None,
        languages: Sequence[str] | None = None,
    ) -> None:
        self.encoder = load(encoder)
        if getattr(self.encoder, "is_fitted", True) is not True:
            raise EncoderError(
                f"{self.encoder.spec!r} has to be fitted on texts first: fit it and give the "
                "encoder, or search with MtebSearch, which fits it on the corpus"
            )
        known = LEXICAL_DIMS if self.encoder.spec == "lexical" else ()
        lengths = tuple(dims if dims is not None else known)
        if dim is not None and dim not in {*lengths, self.encoder.dim}:
            shown = sorted({*lengths, self.encoder.dim})
            raise ParameterError(
                f"dim is {dim}; {self.encoder.spec!r} may be cut to {shown}: name others in dims"
            )
        self.dim = dim or self.encoder.dim
        self.mteb_model_meta = model_meta(
            self.encoder,
            name=name,
            training_datasets=training_datasets,
            dims=lengths,
            dim=dim,
            languages=languages,
            loader=load_model,
        )

    def encode(
        self,
        inputs: Any,
        *,
        task_metadata: Any = None,
        hf_split: str = "",
        hf_subset: str = "",
        prompt_type: Any = None,
        **options: Any,
    ) -> NDArray[np.float32]:
        """Encode the batches of a DataLoader.

        Parameters
        ----------
        inputs : DataLoader
            Batches, each a mapping with a list of strings under ``"text"``.
        task_metadata, hf_split, hf_subset
            Not used: the prompts of our encoders depend on the type only.
        prompt_type : PromptType, optional
            ``query`` goes through `encode_query`, with the model's query prompt; everything else
            through `encode`, with that of documents.
        **options
            ``batch_size`` (windows read at once) and ``show_progress_bar`` are taken;
            ``precision`` may be ``"float32"``.

        Returns
        -------
        float32 (n, dim)
            Unit rows.

        Raises
        ------
        ParameterError
            For a list of strings, which was mteb's way before version 2, for batches without
            text, and for another precision.
        """
        if options.get("precision") not in (None, "float32"):
            raise ParameterError(f"precision is {options['precision']!r}: vectors are float32 here")
        query = getattr(prompt_type, "value", prompt_type) == "query"
        parts = []
        for texts in _blocks(_texts(inputs)):
            if query:
                vectors = self.encoder.encode_query(texts)
            else:
                vectors = self.encoder.encode(texts, batch_size=options.get("batch_size"))
            parts.append(vectors[:, : self.dim])
        if not parts:
            return np.zeros((0, self.dim), dtype=np.float32)
        whole = np.concatenate(parts)
        return whole if self.dim == self.encoder.dim else unit_rows(whole)

    def similarity(self, embeddings1: Any, embeddings2: Any) -> NDArray[np.float32]:
        """Give all cosines, float32 (n, m)."""
        one, other = (np.asarray(each, dtype=np.float32) for each in (embeddings1, embeddings2))
        return np.asarray(np.atleast_2d(one) @ np.atleast_2d(other).T, dtype=np.float32)

    def similarity_pairwise(self, embeddings1: Any, embeddings2: Any) -> NDArray[np.float32]:
        """Give the cosine of each pair of rows, float32 (n,)."""
        one, other = (np.asarray(each, dtype=np.float32) for each in (embeddings1, embeddings2))
        return np.asarray(np.einsum("ij,ij->i", one, other), dtype=np.float32)


def load(encoder: "str | Encoder") -> "Encoder":
    """Give an encoder, loading it where a spec was given."""
    if isinstance(encoder, str):
        from isogloss.encoders.spec import load_encoder

        return load_encoder(encoder)
    if not callable(getattr(encoder, "encode", None)):
        raise ParameterError(f"encoder is {encoder!r}: give an encoder or its spec, as 'lexical'")
    return encoder


def load_model(
    model_name: str,
    revision: str | None = None,
    *,
    spec: str,
    embed_dim: int | None = None,
    device: str | None = None,
    **options: Any,
) -> MtebEncoder:
    """Load a model from its `ModelMeta`, as mteb does.

    Raises
    ------
    EncoderError
        When the encoder is another by now.
    """
    model = MtebEncoder(spec, dim=embed_dim, name=model_name, **options)
    found = model.mteb_model_meta.revision
    if revision is not None and revision != found:
        raise EncoderError(
            f"{spec!r} is revision {found} here, not {revision}: its weights or settings changed"
        )
    return model


def _texts(inputs: Any) -> Iterator[str]:
    for batch in inputs:
        if isinstance(batch, str) or not hasattr(batch, "keys"):
            raise ParameterError(
                f"encode got {type(batch).__name__} where a batch was due: mteb 2 gives "
                "DataLoaders of {'text': [...]}, not lists of strings"
            )
        if "text" not in batch:
            raise ParameterError(f"a batch has {sorted(batch.keys())} and no 'text'")
        for text in batch["text"]:
            if not isinstance(text, str):
                raise ParameterError(f"a batch holds {type(text).__name__} where text was due")
            yield text


def _blocks(texts: Iterator[str]) -> Iterator[list[str]]:
    block: list[str] = []
    for text in texts:
        block.append(text)
        if len(block) == BLOCK:
            yield block
            block = []
    if block:
        yield block
