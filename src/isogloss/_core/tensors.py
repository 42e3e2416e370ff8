"""Arrays on disk in the safetensors layout: 8 bytes of length, a JSON header, raw numbers.

Our own reader and writer, because the package of that name would be a dependency for 100 lines.
Headers are checked before anything is read, so a damaged or hostile file gives a clear error.
"""

import json
import math
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import AtlasError

_NAMES = {
    "float64": "F64", "float32": "F32", "float16": "F16", "int64": "I64", "int32": "I32",
    "int16": "I16", "int8": "I8", "uint64": "U64", "uint32": "U32", "uint16": "U16",
    "uint8": "U8", "bool": "BOOL",
}  # fmt: skip
_TYPES = {code: np.dtype(name).newbyteorder("<") for name, code in _NAMES.items()}
_LONGEST_HEADER = 100 << 20


def save_tensors(
    path: Path, tensors: Mapping[str, NDArray[Any]], metadata: Mapping[str, str] | None = None
) -> None:
    """Write arrays; the same arrays give the same bytes.

    Parameters
    ----------
    path : Path
        The file to write (not atomic: give it a path of `atomic_path`).
    tensors : mapping of str to array
        Numbers or booleans, any shape.
    metadata : mapping of str to str, optional
        Kept in the header.

    Raises
    ------
    TypeError
        For an array of objects or strings.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.safetensors"
    >>> save_tensors(path, {"x": np.arange(3, dtype=np.int32)})
    >>> load_tensors(path)["x"].tolist()
    [0, 1, 2]
    """
    header: dict[str, Any] = {}
    if metadata:
        header["__metadata__"] = dict(metadata)
    arrays = []
    offset = 0
    for name in sorted(tensors):
        array = np.ascontiguousarray(tensors[name])
        shape = np.shape(tensors[name])
        code = _NAMES.get(array.dtype.name)
        if code is None:
            raise TypeError(f"tensor {name!r} holds {array.dtype}, which no tensor file can keep")
        little = array.astype(array.dtype.newbyteorder("<"), copy=False)
        header[name] = {
            "dtype": code,
            "shape": list(shape),
            "data_offsets": [offset, offset + little.nbytes],
        }
        offset += little.nbytes
        arrays.append(little)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as handle:
        handle.write(struct.pack("<Q", len(text)))
        handle.write(text)
        for array in arrays:
            handle.write(array.data if array.size else b"")


def load_tensors(path: Path) -> dict[str, NDArray[Any]]:
    """Read every array of a file.

    Parameters
    ----------
    path : Path
        A safetensors file.

    Returns
    -------
    dict of str to array

    Raises
    ------
    AtlasError
        When the file is damaged: cut short, overlapping, or of an unknown type.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.safetensors"
    >>> _ = path.write_bytes(b"no")
    >>> load_tensors(path)
    Traceback (most recent call last):
    ...
    isogloss._core.errors.AtlasError: a.safetensors is damaged: it ends within its header
    """
    header, data = _read(path)
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__":
            tensors[name] = _tensor(path, name, entry, data)
    return tensors


def load_metadata(path: Path) -> dict[str, str]:
    """Read the metadata of a file.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.safetensors"
    >>> save_tensors(path, {}, {"version": "1"})
    >>> load_metadata(path)
    {'version': '1'}
    """
    header, _ = _read(path)
    metadata = header.get("__metadata__", {})
    return {str(key): str(value) for key, value in metadata.items()}


def _damaged(path: Path, why: str) -> AtlasError:
    return AtlasError(f"{path.name} is damaged: {why}")


def _read(path: Path) -> tuple[dict[str, Any], bytes]:
    raw = path.read_bytes()
    if len(raw) < 8:
        raise _damaged(path, "it ends within its header")
    (length,) = struct.unpack("<Q", raw[:8])
    if length > _LONGEST_HEADER or 8 + length > len(raw):
        raise _damaged(path, "it ends within its header")
    return _header(path, raw[8 : 8 + length]), raw[8 + length :]


def _header(path: Path, text: bytes) -> dict[str, Any]:
    try:
        header = json.loads(text)
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise _damaged(path, "its header is not JSON") from error
    if not isinstance(header, dict):
        raise _damaged(path, "its header is not an object")
    return header


def _tensor(path: Path, name: str, entry: Any, data: Any) -> NDArray[Any]:
    try:
        dtype = _TYPES[entry["dtype"]]
        shape = [int(size) for size in entry["shape"]]
        begin, end = (int(place) for place in entry["data_offsets"])
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(path, f"the entry of {name!r} is not understood") from error
    fits = 0 <= begin <= end <= len(data) and all(size >= 0 for size in shape)
    if not fits or math.prod(shape) * dtype.itemsize != end - begin:
        raise _damaged(path, f"the numbers of {name!r} do not fill its shape")
    array = np.frombuffer(data, dtype=dtype, count=math.prod(shape), offset=begin)
    return array.reshape(shape)


def map_tensors(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """Give every array of a file without reading it: pages come from the disk as they are used.

    Parameters
    ----------
    path : Path
        A safetensors file, not written to while it is in use.

    Returns
    -------
    tensors : dict of str to array
        Read-only.
    metadata : dict of str to str

    Raises
    ------
    AtlasError
        When the file is damaged.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.safetensors"
    >>> save_tensors(path, {"x": np.arange(3)}, {"version": "1"})
    >>> tensors, metadata = map_tensors(path)
    >>> tensors["x"].tolist(), metadata
    ([0, 1, 2], {'version': '1'})
    """
    whole = np.memmap(path, dtype=np.uint8, mode="r") if path.stat().st_size else np.zeros(0)
    length = struct.unpack("<Q", whole[:8].tobytes())[0] if len(whole) >= 8 else 0
    if len(whole) < 8 or length > _LONGEST_HEADER or 8 + length > len(whole):
        raise _damaged(path, "it ends within its header")
    header = _header(path, whole[8 : 8 + length].tobytes())
    data = whole[8 + length :]
    tensors = {
        name: _tensor(path, name, entry, data)
        for name, entry in header.items()
        if name != "__metadata__"
    }
    metadata = header.get("__metadata__", {})
    return tensors, {str(key): str(value) for key, value in metadata.items()}


class TensorFile:
    """A file of arrays that is written row by row, in any order, without holding the arrays.

    Parameters
    ----------
    path : Path
        The file to make (not atomic: give it a path of `atomic_path`).
    shapes : mapping of str to (dtype, shape)
        The arrays, all of them; what is never written is zero.
    metadata : mapping of str to str
        Kept in the header.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.safetensors"
    >>> with TensorFile(path, {"x": (np.int8, (3, 2))}, {}) as file:
    ...     file.write("x", np.array([2, 0]), np.array([[1, 2], [3, 4]], dtype=np.int8))
    >>> load_tensors(path)["x"].tolist()
    [[3, 4], [0, 0], [1, 2]]
    """

    def __init__(
        self,
        path: Path,
        shapes: Mapping[str, tuple[Any, tuple[int, ...]]],
        metadata: Mapping[str, str],
    ) -> None:
        header: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
        offset = 0
        self._places: dict[str, tuple[np.dtype[Any], int, int]] = {}
        for name in sorted(shapes):
            dtype = np.dtype(shapes[name][0]).newbyteorder("<")
            shape = shapes[name][1]
            size = dtype.itemsize * math.prod(shape)
            header[name] = {
                "dtype": _NAMES[dtype.name],
                "shape": list(shape),
                "data_offsets": [offset, offset + size],
            }
            self._places[name] = (dtype, offset, dtype.itemsize * math.prod(shape[1:]))
            offset += size
        text = json.dumps(header, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 8)
        self._handle = path.open("wb")
        self._handle.write(struct.pack("<Q", len(text)) + text)
        self._first = 8 + len(text)
        self._handle.truncate(self._first + offset)

    def write(self, name: str, rows: NDArray[np.int64], values: NDArray[Any]) -> None:
        """Put rows in their places.

        Parameters
        ----------
        name : str
            The array.
        rows : int64 (m,)
            Their places.
        values : array (m, ...)
        """
        dtype, offset, size = self._places[name]
        order = np.argsort(rows, kind="stable")
        rows = rows[order]
        data = np.ascontiguousarray(values[order].astype(dtype, copy=False))
        ends = np.append(np.flatnonzero(np.diff(rows) != 1) + 1, len(rows))
        begin = 0
        for end in ends.tolist():
            if end > begin:
                self._handle.seek(self._first + offset + int(rows[begin]) * size)
                self._handle.write(data[begin:end].data)
            begin = end

    def __enter__(self) -> "TensorFile":
        return self

    def __exit__(self, *error: object) -> None:
        self._handle.close()
