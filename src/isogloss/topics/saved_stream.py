"""The stream of a topic model as arrays, and back."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from isogloss.topics.emerge import Base
from isogloss.topics.stream import Stream


def pack_stream(stream: Stream) -> dict[str, NDArray[Any]]:
    """Give a stream as arrays."""
    arrays: dict[str, NDArray[Any]] = {
        f"stream.{name}": array for name, array in stream.base._asdict().items()
    }
    if not stream.arrived:  # all else is zero
        return arrays
    counts = [stream.arrived, stream.novel, stream.made, stream.looked]
    arrays |= {
        "stream.counts": np.array(counts, dtype=np.int64), "stream.sizes": stream.sizes,
        "stream.sums": stream.sums, "stream.moments": stream.moments,
    }  # fmt: skip
    tables = {"words": stream.words, "pending.words": stream.pending[1],
              "held.words": stream.held[1]}  # fmt: skip
    for name in ("pending", "held"):
        rows, _, numbers = getattr(stream, name)
        arrays |= {f"stream.{name}.rows": rows, f"stream.{name}.numbers": numbers}
    for name, table in tables.items():
        if table is not None:
            arrays[f"stream.{name}.start"] = table.indptr.astype(np.int64)
            arrays[f"stream.{name}.column"] = table.indices.astype(np.int32)
            arrays[f"stream.{name}.value"] = table.data
    return arrays


def unpack_stream(arrays: Mapping[str, NDArray[Any]], v: int, *, words: bool) -> Stream | None:
    """Give the stream that `pack_stream` wrote, None where there is none."""
    if "stream.spread" not in arrays:
        return None

    def table(name: str) -> Any:
        if f"stream.{name}.start" not in arrays:
            return None
        value, column, start = (
            arrays[f"stream.{name}.{at}"] for at in ("value", "column", "start")
        )
        return sp.csr_matrix((value, column, start), shape=(len(start) - 1, v))

    def queue(name: str) -> tuple[NDArray[np.float32], Any, NDArray[np.int64]]:
        return (
            np.asarray(arrays[f"stream.{name}.rows"]), table(f"{name}.words"),
            np.asarray(arrays[f"stream.{name}.numbers"]),
        )  # fmt: skip

    base = Base(*(np.asarray(arrays[f"stream.{name}"]) for name in Base._fields))
    if "stream.counts" not in arrays:
        return Stream.begin(base, base.spread.shape[0], v if words else None)
    arrived, novel, made, looked = (int(n) for n in arrays["stream.counts"])
    return Stream(
        base, arrived, novel, made, looked, np.asarray(arrays["stream.sizes"]),
        np.asarray(arrays["stream.sums"]), np.asarray(arrays["stream.moments"]),
        table("words"), queue("pending"), queue("held"),
    )  # fmt: skip
