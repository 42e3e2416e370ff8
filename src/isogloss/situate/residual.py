"""Situated vectors by a trained residual: the chunk's own vector beside one that read its context.

Two encoders serve. The chunk encoder reads the chunk alone and stays as it was; the situated
encoder reads the chunk, a separator, and the chunks around it, and was trained on the sum of both
inner products, so that it only had to learn what the chunk alone could not answer. Both vectors
are put one after the other, each over the square root of two: one inner product of unit vectors
then orders chunks as the sum of both scores does. Queries pass both encoders too.

Paper: SitEmb-v1.5: Improved Context-Aware Dense Retrieval (2025). It names neither the rank nor
the size of the context; ours are parameters. An encoder fed with context but not trained for it
takes it for a longer passage: `ResidualSituator.untrained` is that, for comparison.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import AtlasError, EncoderError, ParameterError
from isogloss._core.files import atomic_path, storage_errors, write_json
from isogloss._core.tensors import load_tensors, save_tensors
from isogloss.encoders.base import Encoder, Truncation, check_texts, unit_rows
from isogloss.situate.adapter import Arrays, merge
from isogloss.situate.base import BaseSituator, Chunked, Reading, digest_of
from isogloss.situate.model import Item, TokenModel
from isogloss.situate.plain import around, check_reach, fingerprint_of

__all__ = ["ContextInput", "Reach", "ResidualSituator", "join"]

FORMAT = 1
KIND = "residual situator"
POOLS = ("chunk", "all")
_LEAST = 4  # tokens of a neighbour that are worth reading


@dataclass(frozen=True, slots=True)
class Reach:
    """How much of its document the situated encoder reads with a chunk.

    Parameters
    ----------
    before, after : int
        Neighbours on either side, nearest first; those that do not fit the window are left out.
    pool : {"all", "chunk"}
        Whether the vector is the mean over all tokens, or over the chunk's, which saw the context.
        The first learns more of the context and the second keeps more of the chunk.
    """

    before: int = 3
    after: int = 1
    pool: str = "all"

    def check(self) -> None:
        """Refuse what cannot be used.

        Raises
        ------
        ParameterError
        """
        check_reach(self.before, self.after)
        if self.pool not in POOLS:
            raise ParameterError(f"pool is {self.pool!r}: give 'chunk' or 'all'")


class ContextInput:
    """Turns chunks into what the situated encoder reads: chunk, separator, context.

    Parameters
    ----------
    model : TokenModel
    reach : Reach
    """

    def __init__(self, model: TokenModel, reach: Reach) -> None:
        reach.check()
        self.model, self.reach = model, reach
        self.room = model.window - len(model.lead) - len(model.trail)
        self._prompt = len(model.tokens(model.prompts.get("document", ""))[0])
        self.truncation = Truncation(window=model.window, overflow="truncate")

    def readings(self, document: Chunked) -> list[Reading]:
        """Say for each chunk what is read, and which neighbours are in it.

        The chunk's own text is never part of its context. A neighbour that does not fit is cut at
        its far end, and what is cut is counted in ``truncation``.
        """
        tokens = [self.model.tokens(text) for text in document.chunks]
        found = []
        for place, text in enumerate(document.chunks):
            near, context = self._context(document, tokens, place)
            found.append(Reading(text, context, neighbours=near, empty=not text.strip()))
        return found

    def _context(
        self, document: Chunked, tokens: list[tuple[list[int], list[tuple[int, int]]]], place: int
    ) -> tuple[tuple[int, ...], str]:
        wanted = around(document.chunks, place, self.reach.before, self.reach.after)
        room = self.room - self._prompt - len(tokens[place][0]) - len(self.model.middle)
        kept: dict[int, str] = {}
        held = 0
        for other in sorted(wanted, key=lambda i: (abs(i - place), i)):
            ids, offsets = tokens[other]
            text = document.chunks[other]
            if len(ids) > room:
                if room < _LEAST:
                    break
                # the end that lies nearer to the chunk
                text = text[offsets[-room][0] :] if other < place else text[: offsets[room - 1][1]]
            if text.strip():
                kept[other] = text.strip()
            read = min(room, len(ids))
            room, held = room - read, held + read
        wished = sum(len(tokens[i][0]) for i in wanted)
        self.truncation.texts += 1
        self.truncation.tokens += wished
        self.truncation.tokens_beyond += wished - held
        self.truncation.long_texts += held < wished
        near = tuple(sorted(kept))
        return near, " ".join(kept[i] for i in near)

    def items(self, text: str, context: str = "", *, kind: str = "document") -> list[Item]:
        """Give the inputs of the model for a text: one, or several for one beyond the window."""
        model = self.model
        ids = model.tokens(model.prompts.get(kind, "") + text)[0]
        if len(ids) > self.room:
            pieces = [ids[i : i + self.room] for i in range(0, len(ids), self.room)]
            return [self._alone(piece) for piece in pieces]
        if not context:
            return [self._alone(ids)]
        more = model.tokens(context)[0]
        more = more[: max(0, self.room - len(ids) - len(model.middle))]
        if not more:
            return [self._alone(ids)]
        whole = (*model.lead, *ids, *model.middle, *more, *model.trail)
        second = len(model.lead) + len(ids) + len(model.middle)
        stop = second if self.reach.pool == "chunk" else len(whole)
        return [Item(whole, ((0, stop),), second)]

    def _alone(self, ids: Sequence[int]) -> Item:
        whole = (*self.model.lead, *ids, *self.model.trail)
        return Item(whole, ((0, len(whole)),))

    def encode(
        self, inputs: Sequence[tuple[str, str]], *, kind: str = "document"
    ) -> NDArray[np.float32]:
        """Encode pairs of text and context: float32 (n, dim), unit rows.

        ``kind`` says which of the model's prompts is read first, "document" or "query".
        """
        items: list[Item] = []
        owners: list[int] = []
        for row, (text, context) in enumerate(inputs):
            some = self.items(text, context, kind=kind)
            items += some
            owners += [row] * len(some)
        total = np.zeros((len(inputs), self.model.hidden))
        counts = np.zeros(len(inputs))
        for owner, item, sums in zip(owners, items, self.model.sums(items), strict=True):
            total[owner] += sums.sum(axis=0)
            counts[owner] += sum(stop - start for start, stop in item.spans)
        return unit_rows(self.model.dense(total / np.maximum(counts, 1)[:, None]))


class ResidualSituator(BaseSituator):
    """A frozen chunk encoder and a trained situated encoder, served as one vector of both.

    Parameters
    ----------
    chunk_encoder : Encoder
        Reads the chunk alone, and queries.
    model : TokenModel
        Of the situated encoder, with its adapter merged in.
    reach : Reach
        What of the document is read with a chunk.
    adapter : dict of str to float32
        What was trained; empty for an untrained encoder.
    record : dict
        What is known of the training.
    """

    name = "residual"

    def __init__(
        self,
        chunk_encoder: Encoder,
        model: TokenModel,
        *,
        reach: Reach,
        adapter: Arrays | None = None,
        record: dict[str, Any] | None = None,
    ) -> None:
        self.chunk_encoder, self.model, self.reach = chunk_encoder, model, reach
        self.adapter, self.record = dict(adapter or {}), dict(record or {})
        if self.adapter:
            merge(model.model, self.adapter)
        self.input = ContextInput(model, reach)
        self.spec = f"{self.name} of {chunk_encoder.spec} and {model.name}"
        self.dim = chunk_encoder.dim + model.dim
        self.max_tokens = model.window
        self.truncation = self.input.truncation
        weights = digest_of(
            f"{name}{self.adapter[name].shape}{self.adapter[name].tobytes().hex()}"
            for name in sorted(self.adapter)
        )
        self.fingerprint = fingerprint_of(
            self.name,
            {**asdict(reach), "window": model.window},
            [chunk_encoder.fingerprint, model.fingerprint, weights],
        )

    def readings(self, document: Chunked) -> list[Reading]:
        """Say what each chunk's vector is computed from: its text, and the chunks around it."""
        return self.input.readings(document)

    def _encode(self, readings: list[Reading]) -> NDArray[np.float32]:
        own = self.chunk_encoder.encode([reading.text for reading in readings])
        within = self.input.encode([(reading.text, reading.context) for reading in readings])
        return join(own, within)

    def encode_query(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode queries by both encoders: float32 (n, dim), unit rows; zeros without content."""
        items = check_texts(texts)
        own = self.chunk_encoder.encode_query(items)
        return join(own, self.situated_query(items))

    def situated_query(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode queries by the situated encoder alone: the second half, at unit length."""
        items = check_texts(texts)
        out = np.zeros((len(items), self.model.dim), dtype=np.float32)
        filled = [row for row, text in enumerate(items) if text.strip()]
        if filled:
            out[filled] = self.input.encode([(items[row], "") for row in filled], kind="query")
        return out

    def save(self, folder: str | Path) -> Path:
        """Write ``isogloss.json`` and ``adapter.safetensors``; give the folder.

        Raises
        ------
        StorageError
            When the disk refuses.
        """
        path = Path(folder).expanduser()
        with storage_errors(str(path)):
            path.mkdir(parents=True, exist_ok=True)
            with atomic_path(path / "adapter.safetensors") as temporary:
                save_tensors(temporary, self.adapter)
            write_json(path / "isogloss.json", self._description())
        return path

    def _description(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "kind": KIND,
            "fingerprint": self.fingerprint,
            "chunk_encoder": {
                "spec": self.chunk_encoder.spec,
                "fingerprint": self.chunk_encoder.fingerprint,
            },
            "situated_encoder": {
                "name": self.model.name,
                "fingerprint": self.model.fingerprint,
                "window": self.model.window,
            },
            "reach": asdict(self.reach),
            "training": self.record,
        }

    @classmethod
    def load(
        cls, folder: str | Path, *, threads: int | None = None, offline: bool | None = None
    ) -> "ResidualSituator":
        """Load what `save` or `train_residual` wrote.

        Parameters
        ----------
        folder : path
        threads : int, optional
        offline : bool, optional
            As in `isogloss.encoders.spec.load_encoder`.

        Raises
        ------
        EncoderError
            When there is no such folder, or its encoders are not those it was trained with.
        AtlasError
            When it is damaged, or was written by a newer version.
        """
        from isogloss.encoders.spec import load_encoder

        path = Path(folder).expanduser()
        told = read_description(path)
        adapter = load_tensors(path / "adapter.safetensors")
        try:
            base, situated = told["chunk_encoder"], told["situated_encoder"]
            reach = Reach(**told["reach"])
            chunk_encoder = load_encoder(str(base["spec"]), threads=threads, offline=offline)
            model = TokenModel(
                str(situated["name"]), window=int(situated["window"]), threads=threads,
                offline=offline,
            )  # fmt: skip
            wanted = (base["fingerprint"], situated["fingerprint"])
            record = dict(told["training"])
        except (KeyError, TypeError, ValueError) as error:
            raise AtlasError(f"{path / 'isogloss.json'} is damaged: train it again") from error
        found = (chunk_encoder.fingerprint, model.fingerprint)
        for name, one, expected in zip(
            (chunk_encoder.spec, model.name), found, wanted, strict=True
        ):
            if one != expected:
                raise EncoderError(
                    f"{str(path)!r} was trained beside another {name!r} than the one found here: "
                    "bring that one back, or train again"
                )
        return cls(chunk_encoder, model, reach=reach, adapter=adapter, record=record)


def read_description(folder: Path) -> dict[str, Any]:
    """Read what a folder says of itself.

    Raises
    ------
    EncoderError
        When it holds no situator.
    AtlasError
        When it is damaged, or was written by a newer version.
    """
    path = folder / "isogloss.json"
    if not path.is_file() or not (folder / "adapter.safetensors").is_file():
        raise EncoderError(
            f"{str(folder)!r} is no situator: it needs isogloss.json and adapter.safetensors, as "
            "isogloss.situate.train_residual writes them"
        )
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise AtlasError(f"{path} is damaged: train it again") from error
    if not isinstance(told, dict) or told.get("kind") != KIND:
        raise EncoderError(f"{str(folder)!r} holds no {KIND}: give the folder of a trained one")
    if not isinstance(told.get("format"), int) or told["format"] > FORMAT:
        raise AtlasError(
            f"{path} has format {told.get('format')}, this version reads up to {FORMAT}: use the "
            "isogloss that wrote it"
        )
    return told


def join(own: NDArray[np.float32], within: NDArray[np.float32]) -> NDArray[np.float32]:
    """Put two unit vectors of each row one after the other, at unit length.

    The inner product of two such vectors is half the sum of the inner products of their parts.

    Parameters
    ----------
    own : float32 (n, d), within : float32 (n, e)

    Returns
    -------
    float32 (n, d + e)
        A row of which one part is zeros is all zeros: nothing was read.

    Examples
    --------
    >>> a, b = np.array([[1, 0]], np.float32), np.array([[0.6, 0.8]], np.float32)
    >>> round(float((join(a, b) @ join(b, b).T)[0, 0]), 3)  # (0.6 + 1.0) / 2
    0.8
    """
    both = np.concatenate([own, within], axis=1) * np.float32(np.sqrt(0.5))
    both[~(own.any(axis=1) & within.any(axis=1))] = 0.0
    return np.ascontiguousarray(both, dtype=np.float32)
