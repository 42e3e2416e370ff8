"""Any sentence-transformers or transformers model, through PyTorch.

The model's own modules and prompts do the encoding. Batches hold windows of similar length; each
batch is computed by one thread and batches are shared out over threads, so the number of threads
changes no vector. What stands beside a text in its batch changes a vector by rounding only: by
less than 1e-5 in any component.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import EncoderError
from isogloss._core.extras import need
from isogloss._core.threads import thread_count
from isogloss._core.torch_threads import ONE_THREAD
from isogloss.encoders.context import WITHOUT_CONTEXT, Context, as_overflow, make_context
from isogloss.encoders.folder import find_folder, fingerprint, read_folder
from isogloss.encoders.windows import Pieces, WindowedEncoder


class TransformerEncoder(WindowedEncoder[str]):
    """A sentence-transformers model on the CPU.

    Parameters
    ----------
    name : str
        A folder, or a hub id.
    overflow : {"pool", "truncate", "error"}, default "pool"
        What to do with texts longer than the model's window.
    batch_size : int, default 32
        Windows that one thread reads at once.
    threads : int, optional
        Batches computed at once; None for `isogloss._core.threads.thread_count`. PyTorch is held
        to one thread a batch while `encode` runs.
    trust_remote_code : bool, default False
        Let the model bring Python code.
    offline : bool, optional
        Never open a socket; None asks the environment.
    context : int, optional
        Tokens to read at once where that is more than the model's window, special tokens
        included. Texts that fit the window keep their vectors. See `isogloss.encoders.context`.
    method : str, optional
        How: one of `isogloss.encoders.context.METHODS`; by default the one that suits the model's
        kind of positions.
    trained : int, optional
        Positions the model was trained on; None for what it says of itself.
    near : int, optional
        SelfExtend's distance of exact positions; None for an eighth of ``trained``.

    Raises
    ------
    EncoderError
        When the model cannot be found or loaded, or its positions cannot be stretched.
    ParameterError
        For options of long texts that do not fit together or do not fit the model.
    MissingExtra
        Without the extra ``models``.
    """

    def __init__(
        self,
        name: str,
        *,
        overflow: str = "pool",
        batch_size: int | None = None,
        threads: int | None = None,
        trust_remote_code: bool = False,
        offline: bool | None = None,
        context: int | None = None,
        method: str | None = None,
        trained: int | None = None,
        near: int | None = None,
    ) -> None:
        longer = make_context(context=context, method=method, trained=trained, near=near)
        if longer is not None and longer.method in WITHOUT_CONTEXT:
            overflow = as_overflow(longer.method, overflow)
        path = find_folder(name, offline=offline)
        folder = read_folder(path, trust_remote_code=trust_remote_code)
        self.batch_size = batch_size or 32
        self.threads = threads or thread_count()
        self._model = _load(str(path), trust_remote_code)
        self._tokenizer = plain_tokenizer(self._model.tokenizer, name)
        self._extra = self._tokenizer.num_special_tokens_to_add(is_pair=False)
        window = _window(self._model)
        settings = {"overflow": overflow, "window": window, "prompts": folder.prompts}
        self._stretch = None
        if longer is not None:
            if longer.method not in WITHOUT_CONTEXT:
                self._stretch = _stretched(self._model, longer, name, window)
                longer = self._stretch.options
                window = longer.context
                settings |= {"window": window, "context": longer.settings()}
            name += longer.suffix()
        dim = self._model.get_embedding_dimension()
        super().__init__(
            spec=name,
            dim=int(dim),
            fingerprint=fingerprint(path, settings),
            max_tokens=window,
            overflow=overflow,
            prompts=folder.prompts,
        )
        self._trained = self._stretch.options.trained if self._stretch else None

    def _room(self, prompt: str) -> tuple[int | None, int]:
        extra = self._extra
        if prompt:
            extra += len(self._tokenizer.encode(prompt, add_special_tokens=False).ids)
        if self.max_tokens is None:
            return None, extra
        if self.max_tokens <= extra:
            raise EncoderError(f"{self.spec!r} reads {self.max_tokens} tokens: no room for a text")
        return self.max_tokens - extra, extra

    def _tokenise(self, texts: list[str], prompt: str) -> list[tuple[Any, Sequence[int | None]]]:
        found = self._tokenizer.encode_batch(texts, add_special_tokens=False)
        return [(one.offsets, one.word_ids) for one in found]

    def _piece(self, text: str, tokens: Any, start: int, stop: int) -> str:
        whole = start == 0 and stop == len(tokens)
        return text if whole else text[tokens[start][0] : tokens[stop - 1][1]]

    def _forward(self, pieces: Pieces[str], batch_size: int | None) -> NDArray[np.floating[Any]]:
        size = batch_size or self.batch_size
        order = sorted(range(len(pieces.items)), key=lambda i: (-pieces.lengths[i], i))
        batches = [order[start : start + size] for start in range(0, len(order), size)]
        out = np.empty((len(order), self.dim), dtype=np.float32)

        def work(rows: list[int]) -> None:
            out[rows] = self._vectors([pieces.items[row] for row in rows], pieces.prompt)

        with ONE_THREAD, ThreadPoolExecutor(min(self.threads, len(batches))) as workers:
            for _ in workers.map(work, batches):
                pass
        return out

    def _vectors(self, texts: list[str], prompt: str) -> NDArray[np.float32]:
        torch = need("torch", extra="models")
        with torch.inference_mode():
            with self._lock:  # setting padding on a fast tokenizer is not thread-safe
                features = self._model.preprocess(texts, prompt=prompt or None)
            stretched = self._stretch
            with stretched.reading(features["attention_mask"]) if stretched else nullcontext():
                vectors = self._model(features)["sentence_embedding"]
        return vectors[:, : self.dim].float().numpy()  # type: ignore[no-any-return]


def _load(path: str, trust_remote_code: bool) -> Any:
    library = need("sentence_transformers", extra="models")
    from transformers.utils import logging as progress

    shown = progress.is_progress_bar_enabled()
    progress.disable_progress_bar()
    try:
        model = library.SentenceTransformer(
            path,
            device="cpu",
            trust_remote_code=trust_remote_code,
            local_files_only=True,
            model_kwargs={"use_safetensors": True},
        )
    except Exception as error:  # of five libraries, whose errors share no other base
        reason = " ".join(str(error).split())[:240]
        raise EncoderError(f"cannot load {path!r} as a model: {reason}") from error
    finally:
        if shown:
            progress.enable_progress_bar()
    return model.eval()


def _stretched(model: Any, longer: Context, name: str, window: int | None) -> Any:
    """Stretch a model's positions, and lift the limit of its tokenizer."""
    from isogloss.encoders.stretch import stretch

    if window is None:
        raise EncoderError(f"{name!r} reads texts of any length: leave out context")
    inner = model.transformers_model
    if inner is None:
        raise EncoderError(f"{name!r} holds no transformer whose positions could be stretched")
    done = stretch(inner, inner.config, longer, name=name, window=window)
    model.max_seq_length = done.options.context
    return done


def _window(model: Any) -> int | None:
    window = model.max_seq_length
    # tokenizers without a limit say so with a number like 1e30
    return int(window) if window is not None and window < 10**7 else None


def plain_tokenizer(tokenizer: Any, name: str) -> Any:
    """Give a copy of a model's fast tokenizer that neither pads nor truncates.

    Raises
    ------
    EncoderError
        When the model has only a tokenizer written in Python.
    """
    library = need("tokenizers", extra="models")
    inner = getattr(tokenizer, "backend_tokenizer", tokenizer)
    if not hasattr(inner, "to_str"):
        raise EncoderError(f"{name!r} has no fast tokenizer (tokenizer.json): convert it first")
    plain = library.Tokenizer.from_str(inner.to_str())
    plain.no_padding()
    plain.no_truncation()
    return plain
