"""Sentence-transformers models through ONNX Runtime, in float32 or 8 bits; no torch.

Windows are grouped by their exact length, so nothing is padded, and each group is computed by one
thread. The vector of a text therefore depends on that text alone: batch size, order, company and
the number of threads change nothing, not even by rounding.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import EncoderError
from isogloss._core.extras import need
from isogloss._core.files import atomic_path
from isogloss._core.threads import thread_count
from isogloss.encoders.folder import ModelFolder, find_folder, fingerprint, read_folder, read_json
from isogloss.encoders.head import read_head
from isogloss.encoders.onnx_graph import FAMILIES, Linear, build, linear_float32, read_weights
from isogloss.encoders.windows import Pieces, WindowedEncoder

CONVERTER = 1  # raise it when the written graphs change
RUN_TOKENS = 1024  # tokens in one run: activations stay in the cache of a core


class OnnxEncoder(WindowedEncoder[list[int]]):
    """A transformer on the CPU through ONNX Runtime.

    BERT, RoBERTa, XLM-RoBERTa and DistilBERT models are converted from their safetensors, once;
    the graph is kept in the cache folder (``ISOGLOSS_CACHE``, else ``~/.cache/isogloss``). Other
    models need an ``onnx/model.onnx`` or ``model.onnx`` in their folder.

    Parameters
    ----------
    name : str
        A folder, or a hub id.
    int8 : bool, default False
        Linear layers in 8 bits: about twice as fast; vectors differ by a cosine of about .999.
    overflow : {"pool", "truncate", "error"}, default "pool"
        What to do with texts longer than the model's window.
    batch_size : int, optional
        Most windows in one run; by default as many of one length as hold 1,024 tokens.
    threads : int, optional
        Runs at once; None for `isogloss._core.threads.thread_count`.
    offline : bool, optional
        Never open a socket; None asks the environment.

    Raises
    ------
    EncoderError
        When the model cannot be found, converted or read.
    MissingExtra
        Without the extra ``onnx``.
    """

    def __init__(
        self,
        name: str,
        *,
        int8: bool = False,
        overflow: str = "pool",
        batch_size: int | None = None,
        threads: int | None = None,
        offline: bool | None = None,
    ) -> None:
        for module in ("onnxruntime", "tokenizers"):
            need(module, extra="onnx")
        path = find_folder(name, offline=offline)
        folder = read_folder(path)
        self.batch_size = batch_size
        self.threads = threads or thread_count()
        self._head = read_head(folder)
        self._tokenizer = _tokenizer(folder)
        self._before, self._after = _specials(self._tokenizer)
        window = _window(folder)
        self._session, source = _open_model(folder, int8)
        self._inputs = [one.name for one in self._session.get_inputs()]
        self._wide = self._session.get_inputs()[0].type == "tensor(int64)"
        settings = {
            "runtime": "onnx",
            "int8": int8,
            "converter": CONVERTER,
            "overflow": overflow,
            "window": window,
            "prompts": folder.prompts,
        }
        super().__init__(
            spec=f"{'onnx-int8' if int8 else 'onnx'}:{name}",
            dim=self._head.dim(self._hidden()),
            fingerprint=fingerprint(path, settings, source),
            max_tokens=window,
            overflow=overflow,
            prompts=folder.prompts,
        )

    def _hidden(self) -> int:
        """Width of a token's vector, by reading the shortest text."""
        ids = [*self._before, *self._after] or [0]
        return int(self._run(np.array([ids]))[0].shape[-1])

    def _room(self, prompt: str) -> tuple[int | None, int]:
        extra = len(self._before) + len(self._after) + len(self._prompt_ids(prompt))
        if self.max_tokens is None:
            return None, extra
        if self.max_tokens <= extra:
            raise EncoderError(f"{self.spec!r} reads {self.max_tokens} tokens: no room for a text")
        return self.max_tokens - extra, extra

    def _prompt_ids(self, prompt: str) -> list[int]:
        if not prompt:
            return []
        # Read with a word behind it, as it always is: a space at its end joins that word.
        one = self._tokenizer.encode(f"{prompt}a", add_special_tokens=False)
        return [
            token
            for token, (_, end) in zip(one.ids, one.offsets, strict=True)
            if end <= len(prompt)
        ]

    def _tokenise(self, texts: list[str], prompt: str) -> list[tuple[Any, Sequence[int | None]]]:
        found = self._tokenizer.encode_batch(
            [prompt + text for text in texts], add_special_tokens=False
        )
        result = []
        for one in found:
            skip = sum(end <= len(prompt) for _, end in one.offsets) if prompt else 0
            result.append((one.ids[skip:], one.word_ids[skip:]))
        return result

    def _piece(self, text: str, tokens: Any, start: int, stop: int) -> list[int]:
        return list(tokens[start:stop])

    def _forward(
        self, pieces: Pieces[list[int]], batch_size: int | None
    ) -> NDArray[np.floating[Any]]:
        before = [*self._before, *self._prompt_ids(pieces.prompt)]
        groups: dict[int, list[int]] = {}
        for row, ids in enumerate(pieces.items):
            groups.setdefault(len(ids), []).append(row)
        most = batch_size or self.batch_size
        batches = []
        for length in sorted(groups, reverse=True):  # long ones first: all threads end together
            size = most or max(1, RUN_TOKENS // (length + len(before) + len(self._after)))
            rows = groups[length]
            batches += [rows[start : start + size] for start in range(0, len(rows), size)]
        out = np.empty((len(pieces.items), self.dim), dtype=np.float32)

        def work(rows: list[int]) -> None:
            ids = np.array([[*before, *pieces.items[row], *self._after] for row in rows])
            out[rows] = self._head.apply(self._run(ids), len(before) if pieces.prompt else 0)

        with ThreadPoolExecutor(min(self.threads, len(batches))) as workers:
            for _ in workers.map(work, batches):
                pass
        return out

    def _run(self, ids: NDArray[Any]) -> NDArray[np.float32]:
        """Token vectors (b, l, h) of rows of token ids (b, l)."""
        ids = ids.astype(np.int64 if self._wide else np.int32)
        feed = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
        feed["token_type_ids"] = np.zeros_like(ids)
        output = self._session.run(None, {name: feed[name] for name in self._inputs})[0]
        return np.asarray(output, dtype=np.float32).reshape(*ids.shape, -1)


def _tokenizer(folder: ModelFolder) -> Any:
    library = need("tokenizers", extra="onnx")
    path = folder.transformer / "tokenizer.json"
    if not path.is_file():
        raise EncoderError(
            f"{str(folder.path)!r} has no tokenizer.json, which 'onnx:' needs: load it without "
            "'onnx:'"
        )
    try:
        tokenizer = library.Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises plain Exception
        raise EncoderError(f"{str(path)!r} cannot be read: {error}") from error
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def _specials(tokenizer: Any) -> tuple[list[int], list[int]]:
    """Give the ids that the model wants before and after a text."""
    one = tokenizer.encode("a")
    inside = [i for i, special in enumerate(one.special_tokens_mask) if not special]
    if not inside:
        return one.ids, []
    return one.ids[: inside[0]], one.ids[inside[-1] + 1 :]


def _window(folder: ModelFolder) -> int | None:
    """Give the tokens that the model reads at once, special tokens included."""
    positions = folder.config.get("max_position_embeddings")
    kind = str(folder.config.get("model_type"))
    if isinstance(positions, int) and kind in FAMILIES:
        positions -= FAMILIES[kind].first_position
    limits = [
        read_json(folder.transformer / "sentence_bert_config.json").get("max_seq_length"),
        read_json(folder.transformer / "tokenizer_config.json").get("model_max_length"),
        positions,
    ]
    # tokenizers without a limit say so with a number like 1e30
    known = [int(limit) for limit in limits if isinstance(limit, int | float) and limit < 10**7]
    return min(known) if known else None


def cache_folder() -> Path:
    """Give the folder in which converted models are kept.

    Examples
    --------
    >>> cache_folder().name != ""
    True
    """
    if named := os.environ.get("ISOGLOSS_CACHE"):
        return Path(named).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "isogloss"


def _open_model(folder: ModelFolder, int8: bool) -> tuple[Any, list[Path]]:
    """Open a session over our own graph, else over the folder's; also the files that it is from."""
    weights = sorted(folder.transformer.glob("model*.safetensors"))
    if weights and folder.config.get("model_type") in FAMILIES:
        return _open_converted(folder, int8), []
    for name in ("onnx/model.onnx", "model.onnx"):
        path = folder.path / name
        if path.is_file() and not int8:
            return _session(path), [path]
        if path.is_file():
            raise EncoderError(
                f"{str(folder.path)!r} brings only {name}, and 'onnx-int8:' quantises from "
                f"safetensors of {', '.join(FAMILIES)}: use 'onnx:'"
            )
    return _open_converted(folder, int8), []  # raises what is missing


def _open_converted(folder: ModelFolder, int8: bool) -> Any:
    key = fingerprint(folder.transformer, {"converter": CONVERTER, "int8": int8})
    path = cache_folder() / "onnx" / f"{key}.onnx"
    if path.is_file():
        return _session(path, "delete that file, and it is made again")
    data = _convert(folder, int8)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(path) as temporary:
            temporary.write_bytes(data)
    except OSError:  # a cache that cannot be written costs a second next time, nothing else
        return _session(data)
    return _session(path)


def _convert(folder: ModelFolder, int8: bool) -> bytes:
    from isogloss.encoders import onnx_int8

    where, config = folder.transformer, folder.config
    weights = read_weights(where)
    linear: Linear = linear_float32
    if int8:
        seen: list[str] = []
        watched = build(config, weights, where, onnx_int8.watching(seen))
        session = _session(_serialise(watched, where))
        words, positions = (
            len(weights[f"embeddings.{name}_embeddings.weight"]) for name in ("word", "position")
        )
        length = min(64, positions - FAMILIES[config["model_type"]].first_position)
        largest = onnx_int8.calibrate(session, seen, words, length=length)
        linear = onnx_int8.linear_int8(largest)
    return _serialise(build(config, weights, where, linear), where)


def _serialise(model: Any, where: Path) -> bytes:
    try:
        return bytes(model.SerializeToString())
    except ValueError as error:  # protobuf holds at most 2 GB
        raise EncoderError(
            f"{str(where)!r} is too large for one ONNX file ({error}): load it without 'onnx:'"
        ) from error


def _session(model: Path | bytes, cure: str = "") -> Any:
    runtime = need("onnxruntime", extra="onnx")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1  # threads share out runs, not the rows of one
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.enable_mem_pattern = False  # shapes differ from run to run
    source = str(model) if isinstance(model, Path) else model
    try:
        return runtime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime's errors share no base but Exception
        reason = " ".join(str(error).split())[:240]
        name = repr(str(model)) if isinstance(model, Path) else "the converted model"
        end = f"; {cure}" if cure else ""
        raise EncoderError(f"ONNX Runtime cannot read {name}: {reason}{end}") from error
