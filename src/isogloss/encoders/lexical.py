"""The `lexical` encoder: weighted words, word pairs and word pieces, and a small network."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import AtlasError, EncoderError, ParameterError
from isogloss._core.files import write_json
from isogloss._core.tensors import load_tensors, save_tensors
from isogloss._core.threads import map_blocks
from isogloss.encoders.base import EncodesDocuments, Truncation
from isogloss.encoders.folder import read_description
from isogloss.text.tokens import TOKENS_VERSION, text_buffers

if TYPE_CHECKING:
    from isogloss import _native

# 2: a table of 4-bit numbers may be packed, two to a byte. 3: rows are weighed again.
FORMAT = 3
PLAIN_FORMAT = 2
# Texts that one thread encodes at a time.
BLOCK = 512


@dataclass(frozen=True, eq=False)
class LexicalWeights:
    """All numbers of a lexical encoder.

    Parameters
    ----------
    words : list of str (w,)
        Words that have a row of their own.
    pairs : int32 (p, 2)
        Neighbouring words that have one.
    buckets : int
        Rows for the pieces of unknown words.
    idf : float32 (f,)
        Weight of each feature, f = w + p + buckets.
    table : int8 (f, t), scale : float32 (f,)
        Row i stands for ``table[i] * scale[i]``. Numbers from -7 to 7 are stored in 4 bits.
    skip : float32 (t, dim), inner : float32 (t, h), bias : float32 (h,), outer : float32 (h, dim)
        The network: ``x @ skip + relu(x @ inner + bias) @ outer``. Kept in 16 bits; the encoder
        rounds skip and inner to 8 bits (`round_layer`) when it is made.
    weigh : float32 (t, t), weigh_bias : float32 (1,), optional
        Rows are weighed again by how they agree with their sum s: a row r by
        ``clip(1 + weigh_bias + r @ (s / |s| @ weigh), 0, 2)``. Without them the first sum counts.
        Kept and rounded as skip is.
    """

    words: list[str]
    pairs: NDArray[np.int32]
    buckets: int
    idf: NDArray[np.float32]
    table: NDArray[np.int8]
    scale: NDArray[np.float32]
    skip: NDArray[np.float32]
    inner: NDArray[np.float32]
    bias: NDArray[np.float32]
    outer: NDArray[np.float32]
    weigh: NDArray[np.float32] | None = None
    weigh_bias: NDArray[np.float32] | None = None

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Give all arrays by name; the words as bytes and offsets."""
        data, offsets = text_buffers(self.words)
        small = len(self.table) and np.abs(self.table).max() <= 7
        table = {"table4": pack(self.table)} if small else {"table": self.table}
        weighing: dict[str, NDArray[Any]] = {}
        if self.weigh is not None and self.weigh_bias is not None:
            weighing = {"weigh": self.weigh.astype(np.float16), "weigh_bias": self.weigh_bias}
        return {
            **table, **weighing,
            "word_bytes": data[: offsets[-1]], "word_offsets": offsets.astype(np.int32),
            "pairs": self.pairs, "idf": self.idf, "scale": self.scale,
            "skip": self.skip.astype(np.float16), "inner": self.inner.astype(np.float16),
            "bias": self.bias, "outer": self.outer.astype(np.float16),
        }  # fmt: skip


def pack(table: NDArray[np.int8]) -> NDArray[np.uint8]:
    """Pack numbers from -7 to 7, two to a byte: uint8 (f, ceil(t / 2)).

    Examples
    --------
    >>> pack(np.array([[1, -7, 3]], np.int8)).tolist()
    [[25, 139]]
    """
    codes = np.zeros((len(table), -(-table.shape[1] // 2) * 2), dtype=np.uint8)
    codes[:, : table.shape[1]] = (table + 8).astype(np.uint8)
    codes[:, table.shape[1] :] = 8
    return np.ascontiguousarray(codes[:, 0::2] | codes[:, 1::2] << 4)


def unpack(packed: NDArray[np.uint8], width: int) -> NDArray[np.int8]:
    """Undo `pack`: int8 (f, width).

    Raises
    ------
    ValueError
        When the width is not that of the rows.

    Examples
    --------
    >>> unpack(np.array([[25, 139]], np.uint8), 3).tolist()
    [[1, -7, 3]]
    """
    if packed.dtype != np.uint8 or packed.ndim != 2 or packed.shape[1] != -(-width // 2):
        raise ValueError(f"table4 has shape {packed.shape}, for rows of {width} numbers")
    table = np.empty((len(packed), 2 * packed.shape[1]), dtype=np.int8)
    table[:, 0::2] = (packed & 15).astype(np.int8) - 8
    table[:, 1::2] = (packed >> 4).astype(np.int8) - 8
    return np.ascontiguousarray(table[:, :width])


def round_layer(layer: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Round a layer to whole steps of the largest number of each column over 127.

    Returns
    -------
    codes : int8 (t, n), step : float32 (n,)
        Column j is about ``codes[:, j] * step[j]``.

    Raises
    ------
    EncoderError
        When a number is not finite.

    Examples
    --------
    >>> codes, step = round_layer(np.array([[0.5, 0], [-1.27, 0]], np.float32))
    >>> codes.tolist(), step.round(4).tolist()
    ([[50, 0], [-127, 0]], [0.009999999776482582, 1.0])
    """
    largest = np.abs(layer).max(axis=0, initial=0.0)
    if not np.isfinite(largest).all():
        raise EncoderError("a layer of the network holds numbers that are not finite")
    step = np.where(largest > 0, largest / np.float32(127), np.float32(1)).astype(np.float32)
    # In float64, and cut off, for the sake of steps that are all but nothing.
    whole = np.rint(layer / np.maximum(step, np.float32(1e-45)).astype(np.float64))
    return np.clip(whole, -127, 127).astype(np.int8), step


class LexicalEncoder(EncodesDocuments):
    """Encode texts from a table of their words, at microseconds a text.

    Words, pairs of neighbouring words, and pieces of unknown words (runs of three and four
    characters, hashed) are counted, weighed by (1 + ln count) times idf, and scaled to unit
    length; the weighted rows of the table are summed, perhaps weighed again by how they agree with
    the sum and summed once more, and a small network turns the sum into the vector of a teacher,
    from which all of it was distilled.

    Parameters
    ----------
    weights : LexicalWeights
    dim : int, optional
        Keep only the first numbers of each vector; the encoder is trained for such prefixes.

    Notes
    -----
    A text's vector has the same bits in any batch, on any number of threads and x86 processor: the
    dense layers multiply 8-bit codes, of their columns and of each text's sum of rows, and sums of
    whole numbers are exact; so is what the second weighing asks of each row. The cosine to vectors
    of float32 layers is .9998 or so.

    Paper
    -----
    After Luxical, by DatologyAI, 2025.

    Examples
    --------
    >>> one = np.ones((2, 2), np.float32)
    >>> weights = LexicalWeights(["cat", "dog"], np.zeros((0, 2), np.int32), 0, one[0],
    ...     np.array([[127, 0], [0, 127]], np.int8), one[0] / 127, np.eye(2, dtype=np.float32),
    ...     one * 0, one[0] * 0, one * 0)
    >>> LexicalEncoder(weights).encode(["a cat", "cat dog", "bird"]).round(3).tolist()
    [[1.0, 0.0], [0.7070000171661377, 0.7070000171661377], [0.0, 0.0]]
    """

    max_tokens: int | None = None

    def __init__(self, weights: LexicalWeights, *, dim: int | None = None) -> None:
        from isogloss import _native

        whole = weights.skip.shape[1]
        if dim is not None and not 1 <= dim <= whole:
            raise ParameterError(f"dim is {dim}; this encoder has 1 to {whole}")
        self.weights = weights
        self.dim = dim or whole
        self.spec = "lexical"
        self.truncation = Truncation()
        data, offsets = text_buffers(weights.words)
        self._features = _native.LexicalTable(data, offsets, weights.pairs, weights.buckets)
        # Numbers that were stored short are what the encoder computes with: kept files and fresh
        # encoders give the same vectors.
        skip, inner, outer = (
            layer.astype(np.float16).astype(np.float32)
            for layer in (weights.skip[:, : self.dim], weights.inner, weights.outer[:, : self.dim])
        )
        self._network = _native.LexicalNetwork(
            *round_layer(skip), *round_layer(inner), weights.bias, np.ascontiguousarray(outer)
        )
        self._weighing = _weighing(weights)
        self.fingerprint = self._fingerprint()

    def _fingerprint(self) -> str:
        digest = hashlib.sha256(f"lexical 1 {TOKENS_VERSION} {self.dim}".encode())
        for name, array in sorted(self.weights.arrays().items()):
            digest.update(name.encode())
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    def encode(
        self,
        texts: Sequence[str],
        *,
        batch_size: int | None = None,
    ) -> NDArray[np.float32]:
        """Encode texts: float32 (n, dim), unit rows; zeros for a text without a word.

        Parameters
        ----------
        texts : list of str, or Arrow array of strings
        batch_size : int, optional
            Texts that a thread takes at a time; changes no vector.

        Raises
        ------
        ParameterError
            For a bare string, or what is no string.
        """
        data, offsets = text_buffers(texts)
        n = len(offsets) - 1
        out = np.zeros((n, self.dim), dtype=np.float32)
        size = batch_size or BLOCK

        def work(first: int) -> None:
            last = min(first + size, n)
            out[first:last] = self._block(data, offsets, first, last)

        if n <= size:
            if n:
                work(0)
        else:
            map_blocks(work, range(0, n, size))
        self.truncation.texts += n
        return out

    def _block(
        self, data: NDArray[np.uint8], offsets: NDArray[np.int64], first: int, last: int
    ) -> NDArray[np.float32]:
        made = self.weights
        sums = np.empty((last - first, made.table.shape[1]), dtype=np.float32)
        self._features.sums(
            data, offsets, made.idf, made.table, made.scale, first, last, sums, self._weighing
        )  # fmt: skip
        vectors = np.empty((last - first, self.dim), dtype=np.float32)
        self._network.vectors(sums, vectors)
        return vectors

    def known_words(self, texts: Sequence[str]) -> tuple[int, int]:
        """Count the words of texts: those that have a row of their own, and all."""
        data, offsets = text_buffers(texts)
        _, numbers = self._features.sequences(data, offsets, 0, len(offsets) - 1)
        return int((numbers >= 0).sum()), len(numbers)

    def encode_query(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode queries, as documents are."""
        return self.encode(texts)

    def save(self, folder: Path) -> None:
        """Write the encoder into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        save_tensors(folder / "lexical.safetensors", self.weights.arrays())
        about = {
            "format": PLAIN_FORMAT if self._weighing is None else FORMAT,
            "class": "LexicalEncoder", "tokens": TOKENS_VERSION,
            "buckets": self.weights.buckets, "dim": self.dim,
        }  # fmt: skip
        write_json(folder / "isogloss.json", about)

    @classmethod
    def load(cls, folder: Path, *, dim: int | None = None) -> "LexicalEncoder":
        """Read what `save` wrote.

        Raises
        ------
        EncoderError
            When the folder holds no lexical encoder, or a damaged or newer one.
        """
        about = read_description(folder, "lexical")
        try:
            if about["class"] != "LexicalEncoder":
                raise ValueError(f"it describes {about['class']}")
            if about["format"] > FORMAT or about["tokens"] > TOKENS_VERSION:
                raise EncoderError(f"{folder} is of a newer format: upgrade isogloss")
            weights = _weights(load_tensors(folder / "lexical.safetensors"), int(about["buckets"]))
            encoder = cls(weights, dim=dim or int(about["dim"]))
        except FileNotFoundError as error:
            raise EncoderError(
                f"{folder} holds no lexical encoder: {Path(str(error.filename)).name} is missing"
            ) from error
        except (ValueError, KeyError, TypeError, AtlasError, IndexError) as error:
            raise EncoderError(f"{folder} holds no lexical encoder: {error}") from error
        encoder.spec = f"lexical:{folder}"
        return encoder


def _weighing(weights: LexicalWeights) -> "_native.LexicalWeighing | None":
    """Give the second weighing as the kernel computes it, of numbers that were stored short."""
    from isogloss import _native

    if weights.weigh is None and weights.weigh_bias is None:
        return None
    if weights.weigh is None or weights.weigh_bias is None:
        raise ParameterError("weigh and weigh_bias go together; one of them is missing")
    width = weights.table.shape[1]
    if weights.weigh.shape != (width, width) or weights.weigh_bias.shape != (1,):
        raise EncoderError(
            f"weigh has shape {weights.weigh.shape} and weigh_bias {weights.weigh_bias.shape}, "
            f"for rows of {width} numbers"
        )
    for name, numbers in (("idf", weights.idf), ("scale", weights.scale)):
        if not (np.isfinite(numbers) & (numbers >= 0)).all():
            raise EncoderError(f"{name} must hold finite numbers from 0 for weigh to be used")
    turn = weights.weigh.astype(np.float16).astype(np.float32)
    bias = float(weights.weigh_bias[0])
    if not np.isfinite(bias):
        raise EncoderError(f"weigh_bias is {bias}, which is not finite")
    return _native.LexicalWeighing(*round_layer(turn), float(np.float32(1) + np.float32(bias)))


def _weights(arrays: dict[str, NDArray[Any]], buckets: int) -> LexicalWeights:
    data, offsets = arrays["word_bytes"].tobytes(), arrays["word_offsets"].tolist()
    words = [data[a:b].decode() for a, b in pairwise(offsets)]
    features = len(words) + len(arrays["pairs"]) + buckets
    inner = arrays["inner"]
    if "table4" in arrays:
        arrays["table"] = unpack(arrays["table4"], inner.shape[0])
    table = arrays["table"]
    shapes = {
        "pairs": (len(arrays["pairs"]), 2), "idf": (features,), "scale": (features,),
        "table": (features, inner.shape[0]), "bias": (inner.shape[1],),
        "skip": (inner.shape[0], arrays["skip"].shape[1]),
        "outer": (inner.shape[1], arrays["skip"].shape[1]),
    }  # fmt: skip
    weighed = "weigh" in arrays or "weigh_bias" in arrays
    if weighed:
        shapes |= {"weigh": (inner.shape[0], inner.shape[0]), "weigh_bias": (1,)}
    for name, shape in shapes.items():
        if arrays[name].shape != shape:
            raise ValueError(f"{name} has shape {arrays[name].shape}, not {shape}")
    if table.dtype != np.int8:
        raise ValueError(f"table holds {table.dtype}, not int8")

    def floats(name: str) -> NDArray[np.float32]:
        return np.ascontiguousarray(arrays[name], dtype=np.float32)

    return LexicalWeights(
        words=words, pairs=np.ascontiguousarray(arrays["pairs"], dtype=np.int32), buckets=buckets,
        idf=floats("idf"), table=np.ascontiguousarray(table), scale=floats("scale"),
        skip=floats("skip"), inner=floats("inner"), bias=floats("bias"), outer=floats("outer"),
        weigh=floats("weigh") if weighed else None,
        weigh_bias=floats("weigh_bias") if weighed else None,
    )  # fmt: skip
