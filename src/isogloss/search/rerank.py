"""Rerankers: read each candidate beside the query, and order the candidates anew."""

import json
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from isogloss._core.checks import whole_number
from isogloss._core.errors import EncoderError, ParameterError

if TYPE_CHECKING:
    from isogloss.encoders.base import Encoder

__all__ = ["CrossEncoder", "EncoderSimilarity", "Reranker"]


@runtime_checkable
class Reranker(Protocol):
    """Anything that scores texts against a query.

    Attributes
    ----------
    name : str
        What it is, for the strategy of a result.
    """

    @property
    def name(self) -> str:
        """What it is, in a few words."""
        ...

    def score(self, query: str, texts: Sequence[str]) -> NDArray[np.floating[Any]]:
        """Give one finite score a text, higher is better: float (n,)."""
        ...


class EncoderSimilarity:
    """Rerank by the cosine of another encoder, such as a larger one than built the atlas.

    Parameters
    ----------
    encoder : str or Encoder
        A spec string, or an encoder.

    Raises
    ------
    EncoderError
        When the spec names nothing that can be loaded, or an encoder that must be fitted first.

    Examples
    --------
    >>> near = EncoderSimilarity("lexical")
    >>> scores = near.score("cats", ["a cat purrs", "stocks fell"])
    >>> bool(scores[0] > scores[1])
    True
    """

    def __init__(self, encoder: "str | Encoder") -> None:
        if isinstance(encoder, str):
            from isogloss.encoders.spec import load_encoder

            if encoder.strip() == "lsa":
                raise EncoderError("encoder 'lsa' is not fitted: give 'lsa:FOLDER', or another")
            encoder = load_encoder(encoder)
        self.encoder = encoder

    @property
    def name(self) -> str:
        """What it is, in a few words."""
        return f"cosine of {self.encoder.spec}"

    def score(self, query: str, texts: Sequence[str]) -> NDArray[np.float64]:
        """Give the cosine of each text with the query: float64 (n,), -1 to 1."""
        rows = self.encoder.encode(list(texts)).astype(np.float64)
        vector = self.encoder.encode_query([query])[0].astype(np.float64)
        return np.asarray(np.einsum("ij,j->i", rows, vector))


class CrossEncoder:
    """Rerank by a cross-encoder, which reads query and passage together.

    A passage longer than the model's window is cut between words into windows, and its best
    window counts; nothing is left out.

    Parameters
    ----------
    model : str
        A folder, or a hub id such as ``"cross-encoder/ms-marco-MiniLM-L6-v2"``.
    batch_size : int, default 16
        Pairs read at once; changes time and memory.
    offline : bool, optional
        Never open a socket; None asks the environment.

    Raises
    ------
    EncoderError
        When the model cannot be found or loaded, or gives more than one score a pair.
    MissingExtra
        Without the extra ``models``.

    Notes
    -----
    The score is the model's raw output (a logit): it orders passages of one query and has no
    fixed range. R. Nogueira, K. Cho: Passage Re-ranking with BERT, 2019.
    """

    def __init__(self, model: str, *, batch_size: int = 16, offline: bool | None = None) -> None:
        from isogloss.encoders.folder import find_folder
        from isogloss.encoders.transformer import plain_tokenizer

        path = find_folder(model, offline=offline)
        _need_head(path, model)
        self.model = model
        self.batch_size = whole_number(batch_size, "batch_size", 1)
        loaded = _load(str(path))
        self._network, self._tokenizer = loaded.model.eval(), loaded.tokenizer
        self._plain = plain_tokenizer(loaded.tokenizer, model)
        self._lock = threading.Lock()
        positions = int(getattr(loaded.model.config, "max_position_embeddings", 0) or 512)
        given = int(loaded.tokenizer.model_max_length)
        self.max_tokens = min(positions, given if 0 < given < 10**7 else positions)
        self.long_texts = 0

    @property
    def name(self) -> str:
        """What it is, in a few words."""
        return f"cross-encoder {self.model}"

    def score(self, query: str, texts: Sequence[str]) -> NDArray[np.float64]:
        """Give the model's logit of each text: float64 (n,).

        Raises
        ------
        ParameterError
            When the query leaves no room for a passage.
        """
        out = np.full(len(texts), -np.inf)
        pieces, owners = self._windows(query, texts)
        order = sorted(range(len(pieces)), key=lambda i: (-len(pieces[i]), i))
        for start in range(0, len(order), self.batch_size):
            rows = order[start : start + self.batch_size]
            values = self._forward(query, [pieces[row] for row in rows])
            for row, value in zip(rows, values.tolist(), strict=True):
                out[owners[row]] = max(out[owners[row]], value)
        if not np.isfinite(out).all():
            raise EncoderError(f"the cross-encoder {self.model!r} gave a score that is no number")
        return out

    def _windows(self, query: str, texts: Sequence[str]) -> tuple[list[str], list[int]]:
        from isogloss.encoders.windows import cut

        extra = self._tokenizer.num_special_tokens_to_add(pair=True)
        asked = len(self._plain.encode(query, add_special_tokens=False).ids)
        room = self.max_tokens - asked - extra - 2  # two spare: a cut text may cut otherwise
        if room < 16:
            raise ParameterError(
                f"the query has {asked} tokens and the cross-encoder reads {self.max_tokens} of "
                "query and passage together: shorten the query, or search without reranking"
            )
        pieces, owners = [], []
        for owner, found in enumerate(
            self._plain.encode_batch(list(texts), add_special_tokens=False)
        ):
            spans = [(0, len(found.ids))]
            if len(found.ids) > room:
                self.long_texts += 1
                spans = cut(found.word_ids, room)
            for begin, end in spans:
                whole = begin == 0 and end == len(found.ids)
                edge = (0, 0) if whole else (found.offsets[begin][0], found.offsets[end - 1][1])
                pieces.append(texts[owner] if whole else texts[owner][edge[0] : edge[1]])
                owners.append(owner)
        return pieces, owners

    def _forward(self, query: str, pieces: list[str]) -> NDArray[np.float64]:
        from isogloss._core.extras import need
        from isogloss._core.torch_threads import ONE_THREAD

        torch = need("torch", extra="models")
        with ONE_THREAD, torch.inference_mode(), self._lock:
            rows = self._tokenizer(
                [query] * len(pieces),
                pieces,
                padding=True,
                truncation="only_second",
                max_length=self.max_tokens,
                return_tensors="pt",
            )
            logits = self._network(**rows).logits
        return np.asarray(logits[:, 0].double().numpy())


def _need_head(path: Path, model: str) -> None:
    """Refuse a plain encoder: its head would be drawn at random, and rank at random."""
    try:
        config = json.loads((path / "config.json").read_text(encoding="utf-8"))
        kinds = [str(kind) for kind in config.get("architectures") or []]
    except (OSError, ValueError, AttributeError) as error:
        reason = " ".join(str(error).split())[:160]
        raise EncoderError(f"{model!r} is no cross-encoder: its config.json: {reason}") from error
    if not any("ForSequenceClassification" in kind for kind in kinds):
        found = ", ".join(kinds) or "nothing"
        raise EncoderError(
            f"{model!r} is no cross-encoder: its config.json names {found}, not a model "
            f"ForSequenceClassification; an encoder reranks as 'encoder:{model}' or "
            f"'maxsim:{model}'"
        )


def _load(path: str) -> Any:
    from isogloss._core.extras import need

    library = need("sentence_transformers", extra="models")
    from transformers.utils import logging as progress

    shown = progress.is_progress_bar_enabled()
    level = progress.get_verbosity()
    progress.disable_progress_bar()
    try:
        model = library.CrossEncoder(
            path, device="cpu", local_files_only=True, model_kwargs={"use_safetensors": True}
        )
    except Exception as error:  # of several libraries, whose errors share no other base
        reason = " ".join(str(error).split())[:240]
        raise EncoderError(f"cannot load {path!r} as a cross-encoder: {reason}") from error
    finally:
        progress.set_verbosity(level)
        if shown:
            progress.enable_progress_bar()
    if int(model.model.config.num_labels) != 1:
        raise EncoderError(
            f"{path!r} gives {model.model.config.num_labels} scores a pair: a reranker gives one"
        )
    return model
