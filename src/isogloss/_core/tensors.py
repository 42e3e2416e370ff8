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
    try:
        header = json.loads(raw[8 : 8 + length])
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise _damaged(path, "its header is not JSON") from error
    if not isinstance(header, dict):
        raise _damaged(path, "its header is not an object")
    return header, raw[8 + length :]


def _tensor(path: Path, name: str, entry: Any, data: bytes) -> NDArray[Any]:
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
