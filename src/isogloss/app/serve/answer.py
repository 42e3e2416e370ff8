"""Write vectors as the body of an answer.

The numbers of JSON are the shortest decimals that give the same float32 back. Arrow writes them:
six times as fast as the standard library, and without holding the interpreter.
"""

import base64
import json
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from isogloss.app.serve.request import Request
from isogloss.encoders.base import unit_rows


def cut_rows(vectors: NDArray[np.float32], dimensions: int | None) -> NDArray[np.float32]:
    """Keep the first numbers of each vector, at unit length, as `isogloss embed --dim` does.

    Examples
    --------
    >>> cut_rows(np.array([[0.6, 0.0, 0.8]], np.float32), 2).tolist()
    [[1.0, 0.0]]
    """
    if dimensions is None or dimensions == vectors.shape[1]:
        return vectors
    return unit_rows(np.ascontiguousarray(vectors[:, :dimensions], dtype=np.float32))


def number_lists(vectors: NDArray[np.float32]) -> list[str]:
    """Write each row as numbers with commas between.

    Parameters
    ----------
    vectors : float32 (n, d)
        Finite.

    Returns
    -------
    list of str

    Examples
    --------
    >>> number_lists(np.array([[0.1, -2, 0], [1e-10, 3, 0.25]], np.float32))
    ['0.1,-2,0', '1e-10,3,0.25']
    """
    n, d = vectors.shape
    numbers = pa.array(np.ascontiguousarray(vectors, dtype=np.float32).reshape(-1))
    ends = pa.array(np.arange(0, n * d + 1, d, dtype=np.int32))
    rows = pa.ListArray.from_arrays(ends, numbers.cast(pa.string()))
    texts: list[str] = pc.binary_join(rows, ",").to_pylist()
    return texts


def write_answer(
    request: Request, vectors: NDArray[np.float32], tokens: int, extra: dict[str, Any]
) -> bytes:
    """Give the body of an answer.

    Parameters
    ----------
    request : Request
        What was asked.
    vectors : float32 (n, dim)
        In the order of its texts.
    tokens : int
        In all texts.
    extra : dict
        Further fields, beyond the common contract.

    Examples
    --------
    >>> import json
    >>> body = write_answer(Request("m", ["a"]), np.ones((1, 1), np.float32), 1, {})
    >>> json.loads(body)["data"]
    [{'object': 'embedding', 'index': 0, 'embedding': [1]}]
    """
    rows = cut_rows(vectors, request.dimensions)
    if request.base64:
        plain = np.ascontiguousarray(rows, dtype="<f4")
        shown = [f'"{base64.b64encode(row.tobytes()).decode("ascii")}"' for row in plain]
    else:
        shown = [f"[{numbers}]" for numbers in number_lists(rows)]
    data = ",".join(
        f'{{"object":"embedding","index":{index},"embedding":{one}}}'
        for index, one in enumerate(shown)
    )
    more = "".join(f",{json.dumps(name)}:{json.dumps(value)}" for name, value in extra.items())
    return (
        f'{{"object":"list","data":[{data}],"model":{json.dumps(request.model)},'
        f'"usage":{{"prompt_tokens":{tokens},"total_tokens":{tokens}}}{more}}}'
    ).encode()
