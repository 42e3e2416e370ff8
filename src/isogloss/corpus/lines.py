"""Bytes become lines, and lines text: UTF-8, else Windows-1252, in bounded memory."""

from collections.abc import Callable, Iterator
from typing import IO, Any

import pyarrow as pa

from isogloss._core.errors import SourceError

Report = Callable[[int, str, str], None]  # row, kind, reason
Record = tuple[int, dict[str, Any], bool]  # row, values, whether bytes were repaired

LONGEST_LINE = 64 << 20
# Signs that text does not hold, but for line ends, tabs and escapes of terminals.
_CONTROL = bytes([*range(9), *range(14, 27), *range(28, 32)])


def read_lines(
    stream: IO[bytes] | Any, name: str, report: Report, *, longest: int = LONGEST_LINE
) -> Iterator[tuple[int, bytes]]:
    r"""Split a stream of bytes into lines, in bounded memory.

    Parameters
    ----------
    stream : binary stream
    name : str
        For messages.
    report : callable
        Takes a line longer than `longest` bytes: its number, from 0, and why it is rejected.

    Yields
    ------
    (int, bytes)
        Number of the line, from 0, and the line without its end.

    Raises
    ------
    SourceError
        When the stream breaks off (a packed file that is cut or is none).

    Examples
    --------
    >>> import io
    >>> list(read_lines(io.BytesIO(b"a\r\n\nb"), "x", print))
    [(0, b'a'), (1, b''), (2, b'b')]
    """
    held = b""
    number = 0
    skipping = False
    first = True
    while True:
        try:
            block = stream.read(1 << 20)
        except (OSError, pa.ArrowException) as error:
            raise SourceError(
                f"{name} is damaged after line {number}: {reason_of(error)}; pack it again"
            ) from error
        if not block:
            break
        if first:
            first = False
            block = _check_start(bytes(block), name)
        parts = (held + block).split(b"\n")
        held = parts.pop()
        for part in parts:
            if skipping:
                skipping = False
            elif len(part) > longest:
                report(number, *_too_long(number, longest))
            else:
                yield number, part.removesuffix(b"\r")
            number += 1
        if len(held) > longest:
            if not skipping:
                report(number, *_too_long(number, longest))
            held, skipping = b"", True
    if held and not skipping:
        yield number, held.removesuffix(b"\r")


def _too_long(number: int, longest: int) -> tuple[str, str]:
    return "line too long", f"line {number + 1} is longer than {longest >> 20} MB"


def _check_start(block: bytes, name: str) -> bytes:
    if block.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise SourceError(f"{name} is UTF-16 text; save it as UTF-8")
    head = block[:4096]
    if len(head) - len(head.translate(None, _CONTROL)) > len(head) // 20:
        raise SourceError(f"{name} is no text: it holds binary data")
    return block.removeprefix(b"\xef\xbb\xbf")


class LineDecoder:
    r"""Reads the lines of one file as text: UTF-8, else Windows-1252, as spreadsheets write it.

    Bytes that are not UTF-8 read as Windows-1252 as long as nothing in the file was UTF-8 beyond
    ASCII; later they become U+FFFD.

    Examples
    --------
    >>> decode = LineDecoder()
    >>> decode(b"caf\xe9"), decode(b"caf\xc3\xa9"), decode(b"caf\xe9")
    (('café', True), ('café', False), ('caf�', True))
    """

    def __init__(self) -> None:
        self._utf8 = False  # whether UTF-8 beyond ASCII was met

    def __call__(self, line: bytes) -> tuple[str, bool]:
        """Give the text of the next line, and whether its bytes were repaired."""
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError:
            text = line.decode("utf-8", "replace")
            return (text if self._utf8 else _as_1252(line, text)), True
        self._utf8 = self._utf8 or not line.isascii()
        return text, False


def decode_text(raw: bytes, name: str) -> tuple[str, bool]:
    r"""Read the bytes of a text file: UTF-8, UTF-16 with its mark, else Windows-1252.

    Bytes that are not UTF-8 read as Windows-1252 where nothing in the file is UTF-8 beyond ASCII;
    in a file that is UTF-8 elsewhere they become U+FFFD.

    Returns
    -------
    str, bool
        The text, and whether bytes were repaired.

    Raises
    ------
    SourceError
        For binary data.

    Examples
    --------
    >>> decode_text(b"caf\xc3\xa9", "a.txt"), decode_text(b"caf\xe9", "b.txt")
    (('café', False), ('café', True))
    """
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16", "replace"), False
    raw = _check_start(raw, name)
    try:
        return raw.decode("utf-8"), False
    except UnicodeDecodeError:
        text = raw.decode("utf-8", "replace")
    return _as_1252(raw, text), True


def _as_1252(raw: bytes, text: str) -> str:
    """Read bytes as Windows-1252 where `text`, read as UTF-8, has nothing but ASCII intact."""
    if all(one < "\x80" or one == "\ufffd" for one in text):
        return raw.decode("cp1252", "replace")
    return text


def reason_of(error: BaseException) -> str:
    """Say in one line why a file cannot be read."""
    return " ".join((getattr(error, "strerror", None) or str(error)).split())[:200]
