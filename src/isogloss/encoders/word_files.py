"""Read files of word vectors: word2vec (text, binary), fastText ``.vec``, GloVe; also gzipped.

Every row is checked. A file that is cut off, has a broken row or rows of several lengths raises one
error that names the file and the vector (from 1): no half-read vocabulary is used unnoticed.
"""

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import EncoderError

_LONGEST_WORD = 1000  # bytes; a longer one means that the file is something else
_LONGEST_LINE = 1 << 20  # bytes
_WIDEST = 10_000  # numbers in a vector
_FASTTEXT_MAGIC = (793712314).to_bytes(4, "little")
_GROWTH = 50_000  # rows added at once where the file does not say how many it has


@dataclass(frozen=True, slots=True)
class WordFile:
    """What a file of word vectors holds.

    Parameters
    ----------
    words : list of str
        In the order of the file, which for all common files is by falling frequency.
    vectors : float32 (v, d)
    rows : int
        Rows read, duplicates included.
    duplicates : int
        Rows left out because their word came before.
    left_out : int or None
        Rows beyond `max_words`; None when there are more and the file does not say how many.
    """

    words: list[str]
    vectors: NDArray[np.float32]
    rows: int
    duplicates: int
    left_out: int | None


class _Table:
    """Words and vectors while they are read; the first of equal words counts."""

    def __init__(self, path: Path, dim: int, expected: int | None) -> None:
        self.path, self.dim, self.expected = path, dim, expected
        self.index: dict[str, int] = {}
        self.rows = 0
        self._vectors = np.empty((min(expected or _GROWTH, _GROWTH), dim), dtype=np.float32)

    def add(self, word: str, vector: NDArray[np.float32]) -> None:
        self.rows += 1
        if not np.isfinite(vector).all():
            raise _broken(self.path, self.rows, f"the vector of {word[:40]!r} is not finite")
        if word in self.index:
            return
        at = len(self.index)
        if at == len(self._vectors):
            more = np.empty((max(_GROWTH, at // 2), self.dim), dtype=np.float32)
            self._vectors = np.concatenate([self._vectors, more])
        self._vectors[at] = vector
        self.index[word] = at

    def close(self, left_out: int | None) -> WordFile:
        words = list(self.index)
        vectors = np.ascontiguousarray(self._vectors[: len(words)])
        if not words:
            raise EncoderError(f"{str(self.path)!r} holds no word vectors")
        return WordFile(words, vectors, self.rows, self.rows - len(words), left_out)


def _broken(path: Path, row: int, reason: str) -> EncoderError:
    return EncoderError(
        f"{str(path)!r}, vector {row:,}: {reason}; the file is damaged or no word2vec, fastText "
        ".vec or GloVe file"
    )


def read_word_file(path: Path, *, max_words: int = 500_000) -> WordFile:
    """Read word vectors from any of the common formats, told apart by their content.

    Parameters
    ----------
    path : Path
        word2vec text or binary, fastText ``.vec``, GloVe ``.txt``; each may end in ``.gz``.
    max_words : int, default 500000
        Rows to read; later rows, which are rarer words, are left out and counted.

    Returns
    -------
    WordFile

    Raises
    ------
    EncoderError
        When the file is missing, damaged, or of another format.

    Notes
    -----
    Memory is ``4 * d`` bytes a word and the words; invalid UTF-8 in a word is replaced by U+FFFD,
    as these files are often cut within a character.
    """
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise EncoderError(f"{str(path)!r} {what}: give a file of word vectors")
    try:
        with _opened(path) as stream:
            return _read(path, stream, max_words)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise EncoderError(f"{str(path)!r} is a damaged gzip file: {error}") from error
    except OSError as error:
        raise EncoderError(f"{str(path)!r} cannot be read: {error.strerror or error}") from error


def _opened(path: Path) -> Any:
    with path.open("rb") as handle:
        packed = handle.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rb") if packed else path.open("rb")


def _read(path: Path, stream: IO[bytes], max_words: int) -> WordFile:
    line = stream.readline(_LONGEST_LINE)
    if line.startswith(_FASTTEXT_MAGIC):
        raise EncoderError(
            f"{str(path)!r} is a fastText model with subwords: use the .vec file beside it"
        )
    if not line.strip():
        raise EncoderError(f"{str(path)!r} holds no word vectors: its first row is empty")
    header = line.split()
    counted = len(header) == 2 and all(part.isdigit() for part in header)
    if not counted:
        return _read_text(path, _lines(line, stream), None, max_words)
    count, dim = int(header[0]), int(header[1])
    if not 1 <= dim <= _WIDEST:
        raise _broken(path, 1, f"the header promises vectors of {dim:,} numbers")
    first = stream.readline(_LONGEST_LINE)
    if _is_text_row(first, dim):
        return _read_text(path, _lines(first, stream), (count, dim), max_words)
    return _read_binary(first, stream, _Table(path, dim, count), max_words)


def _lines(first: bytes, stream: IO[bytes]) -> Iterator[bytes]:
    line = first
    while line:
        yield line
        line = stream.readline(_LONGEST_LINE)


def _is_text_row(line: bytes, dim: int) -> bool:
    """Tell a row of text from the first bytes of binary vectors."""
    if not line:
        return True
    if not line.endswith(b"\n") and len(line) >= _LONGEST_LINE:
        return False
    numbers = line.split()[-dim:]
    try:
        np.array(numbers, dtype=np.bytes_).astype(np.float32)
    except ValueError:
        # not numbers: binary, unless all of it is printable, when it is a broken row of text
        return all(byte in b"\t\r\n" or byte >= 32 for byte in line) and line.endswith(b"\n")
    return b"\x00" not in line


def _read_text(
    path: Path, lines: Iterator[bytes], header: tuple[int, int] | None, max_words: int
) -> WordFile:
    table: _Table | None = None
    count, dim = header or (None, 0)
    for line in lines:
        if not line.strip():
            continue
        number = table.rows + 1 if table else 1
        if table is not None and table.rows >= max_words:
            return table.close(None if count is None else count - table.rows)
        # from the right: GloVe has words that hold spaces
        parts = line.rstrip().split(b" ") if b"\t" not in line else line.split()
        if table is None:
            dim = dim or len(parts) - 1
            if not 1 <= dim <= _WIDEST:
                raise _broken(path, 1, f"{len(parts) - 1:,} numbers follow the word")
            table = _Table(path, dim, count)
        if len(parts) < dim + 1:
            raise _broken(path, number, f"{len(parts) - 1} numbers follow the word, not {dim}")
        try:
            with np.errstate(over="ignore"):  # what overflows is refused as not finite
                vector = np.array([float(part) for part in parts[-dim:]]).astype(np.float32)
        except ValueError as error:
            raise _broken(path, number, f"something is no number ({error})") from error
        word = b" ".join(parts[:-dim]).decode("utf-8", errors="replace")
        if header and b" " in b" ".join(parts[:-dim]).strip() and _is_number(parts[-dim - 1]):
            raise _broken(path, number, f"{len(parts) - 1} numbers follow the word, not {dim}")
        table.add(word, vector)
    rows = table.rows if table else 0
    if count is not None and rows < count:
        raise _broken(path, rows + 1, f"the file ends; its header promises {count:,} rows")
    if table is None:
        raise EncoderError(f"{str(path)!r} holds no word vectors")
    return table.close(0)


def _is_number(part: bytes) -> bool:
    try:
        float(part)
    except ValueError:
        return False
    return True


def _read_binary(first: bytes, stream: IO[bytes], table: _Table, max_words: int) -> WordFile:
    path, dim, count = table.path, table.dim, table.expected or 0
    size = 4 * dim
    need = _LONGEST_WORD + 2 + size
    buffer, at, wanted = first, 0, min(count, max_words)
    while table.rows < wanted:
        if len(buffer) - at < need:
            buffer, at = buffer[at:] + stream.read(max(need, 1 << 20)), 0
        row = table.rows + 1
        at += buffer.startswith(b"\n", at)  # some writers end each row with a newline
        if at == len(buffer):
            raise _broken(path, row, f"the file ends; its header promises {count:,} rows")
        space = buffer.find(b" ", at, at + _LONGEST_WORD)
        if space < 0:
            raise _broken(path, row, "no word is followed by a space")
        if len(buffer) < space + 1 + size:
            raise _broken(path, row, "the file ends within a vector")
        vector = np.frombuffer(buffer, dtype="<f4", count=dim, offset=space + 1)
        table.add(buffer[at:space].decode("utf-8", errors="replace"), vector)
        at = space + 1 + size
    return table.close(count - table.rows)
