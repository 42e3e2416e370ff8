"""The vectors of single tokens, from a transformers model on the CPU.

`TransformerEncoder` gives one vector a text; late chunking and the situated encoder need the
tokens' own. Weights come from safetensors only and no code of the folder is run.
"""

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import EncoderError, ParameterError
from isogloss._core.extras import need
from isogloss._core.threads import thread_count
from isogloss._core.torch_threads import ONE_THREAD
from isogloss.encoders.folder import find_folder, fingerprint, read_folder, read_json
from isogloss.encoders.head import read_head

__all__ = ["Item", "TokenModel"]

BATCH = 16  # windows that one thread reads at once
_HALVES = re.compile("[\ud800-\udfff]")
_POSITIONS_BEFORE = {"roberta": 2, "xlm-roberta": 2, "camembert": 2, "mpnet": 2}


@dataclass(frozen=True, slots=True)
class Item:
    """One input of the model.

    Parameters
    ----------
    ids : tuple of int
        Tokens, special ones included.
    spans : tuple of (int, int)
        Runs of tokens whose vectors are wanted, each as start and stop.
    second : int, optional
        First token of the second text, for models that tell two texts apart.
    """

    ids: tuple[int, ...]
    spans: tuple[tuple[int, int], ...]
    second: int | None = None


class TokenModel:
    """A transformers model that pools by mean, and its tokenizer.

    Parameters
    ----------
    name : str
        A folder, or a hub id, of a sentence-transformers or transformers model.
    window : int, optional
        Tokens to read at once, special ones included; by default what the model says of itself,
        and never more than it has positions for.
    threads : int, optional
        Batches computed at once.
    offline : bool, optional
        Never open a socket; None asks the environment.

    Raises
    ------
    EncoderError
        When the model cannot be found or loaded, has no fast tokenizer, or does not pool by mean.
    ParameterError
        For a window that the model cannot read.
    MissingExtra
        Without the extra ``models``.
    """

    def __init__(
        self,
        name: str,
        *,
        window: int | None = None,
        threads: int | None = None,
        offline: bool | None = None,
    ) -> None:
        path = find_folder(name, offline=offline)
        folder = read_folder(path)
        self.name = name
        self.head = read_head(folder)
        if self.head.pooling != "mean":
            raise EncoderError(
                f"{name!r} pools by {self.head.pooling!r}: chunks within a window need a model "
                "that pools by mean, such as sentence-transformers/all-MiniLM-L6-v2"
            )
        self.prompts = folder.prompts
        self.fingerprint = fingerprint(path, {})
        self.model, tokenizer = _load(str(folder.transformer))
        from isogloss.encoders.transformer import plain_tokenizer

        self.tokenizer = plain_tokenizer(tokenizer, name)
        self.hidden = int(self.model.config.hidden_size)
        self.dim = self.head.dim(self.hidden)
        self.lead, self.middle, self.trail = _specials(self.tokenizer)
        self.pad = int(self.model.config.pad_token_id or 0)
        self._kinds = int(getattr(self.model.config, "type_vocab_size", 0) or 0)
        self.window = _window(self.model.config, folder.transformer, window, name)
        self.threads = threads or thread_count()

    def tokens(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        """Cut a text into tokens, without special ones: ids, and offsets in code points."""
        if not text.isascii():  # half a surrogate pair is no character: one mark for one
            text = _HALVES.sub("\N{REPLACEMENT CHARACTER}", text)
        found = self.tokenizer.encode(text, add_special_tokens=False)
        return list(found.ids), list(found.offsets)

    def sums(self, items: Sequence[Item]) -> list[NDArray[np.float32]]:
        """Add up the token vectors of each span.

        Parameters
        ----------
        items : sequence of Item

        Returns
        -------
        list of float32 (spans, hidden)
            One array an item. What stands beside an item in its batch changes it by rounding
            only, by less than 1e-4 of a token's length.
        """
        order = sorted(range(len(items)), key=lambda row: (-len(items[row].ids), row))
        batches = [order[start : start + BATCH] for start in range(0, len(order), BATCH)]
        out: list[NDArray[np.float32]] = [np.zeros((0, self.hidden), np.float32)] * len(items)

        def work(rows: list[int]) -> None:
            torch = need("torch", extra="models")
            some = [items[row] for row in rows]
            with torch.inference_mode():
                vectors = self.forward(some).float().numpy()
            for row, item, tokens in zip(rows, some, vectors, strict=True):
                parts = [tokens[start:stop].sum(axis=0) for start, stop in item.spans]
                out[row] = np.stack(parts) if parts else out[row]

        if batches:
            with ONE_THREAD, ThreadPoolExecutor(min(self.threads, len(batches))) as workers:
                for _ in workers.map(work, batches):
                    pass
        return out

    def forward(self, items: Sequence[Item]) -> Any:
        """Give the token vectors of a batch: tensor (n, longest, hidden), padding included."""
        torch = need("torch", extra="models")
        longest = max(len(item.ids) for item in items)
        ids = np.full((len(items), longest), self.pad, dtype=np.int64)
        mask = np.zeros((len(items), longest), dtype=np.int64)
        kinds = np.zeros((len(items), longest), dtype=np.int64)
        for row, item in enumerate(items):
            ids[row, : len(item.ids)] = item.ids
            mask[row, : len(item.ids)] = 1
            if item.second is not None and self._kinds > 1:
                kinds[row, item.second : len(item.ids)] = 1
        given = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}
        if self._kinds:
            given["token_type_ids"] = torch.from_numpy(kinds)
        return self.model(**given).last_hidden_state

    def dense(self, pooled: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
        """Apply the dense layers that follow pooling, where there are any: float32 (n, dim)."""
        rows = np.ascontiguousarray(pooled, dtype=np.float32)
        return self.head.apply(rows[:, None, :]) if self.head.dense else rows


def _load(path: str) -> tuple[Any, Any]:
    need("torch", extra="models")
    library = need("transformers", extra="models")
    from transformers.utils import logging as progress

    shown = progress.is_progress_bar_enabled()
    progress.disable_progress_bar()
    given = {"local_files_only": True, "trust_remote_code": False}
    try:
        tokenizer = library.AutoTokenizer.from_pretrained(path, **given)
        model = library.AutoModel.from_pretrained(path, use_safetensors=True, **given)
    except Exception as error:  # of several libraries, whose errors share no other base
        reason = " ".join(str(error).split())[:240]
        raise EncoderError(f"cannot load {path!r} as a model: {reason}") from error
    finally:
        if shown:
            progress.enable_progress_bar()
    model.eval()
    model.requires_grad_(False)
    return model.float(), tokenizer


def _specials(tokenizer: Any) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Give the ids before a text, between two texts, and after the last."""
    one, two = tokenizer.encode("a"), tokenizer.encode("a", "a")
    inside = [i for i, special in enumerate(one.special_tokens_mask) if not special]
    if not inside:
        return tuple(one.ids), (), ()
    lead, trail = tuple(one.ids[: inside[0]]), tuple(one.ids[inside[-1] + 1 :])
    length = inside[-1] + 1 - inside[0]
    rest = [i for i, special in enumerate(two.special_tokens_mask) if not special]
    middle = tuple(two.ids[rest[length - 1] + 1 : rest[length]])
    return lead, middle or trail, trail


def _window(config: Any, folder: Any, wanted: int | None, name: str) -> int:
    positions = int(getattr(config, "max_position_embeddings", 0) or 0)
    positions -= _POSITIONS_BEFORE.get(str(config.model_type), 0)
    stated = read_json(folder / "sentence_bert_config.json").get("max_seq_length")
    limits = [int(limit) for limit in (stated, positions) if isinstance(limit, int) and limit > 0]
    if wanted is None:
        if not limits:
            raise EncoderError(f"{name!r} does not say how many tokens it reads: give window=")
        return min(limits)
    if not 8 <= wanted <= (positions if positions > 0 else wanted):
        most = f" to {positions}" if positions > 0 else " or more"
        raise ParameterError(f"window is {wanted}: {name!r} can read 8{most} tokens")
    return wanted
