"""A digest of the documents that an atlas was made of: the same input, the same digest.

A chain: each document's id and content are hashed with the digest of all before it. So the digest
depends on their order, and not on files, formats, batches or shards; a build that was killed reads
the source again and comes to the same; and additions carry on where the build ended.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["InputDigest"]

_BYTES = 16


class InputDigest:
    """Takes documents in order.

    Parameters
    ----------
    names : sequence of str
        Of the attributes.
    before : str or None
        Digest of the documents that are in the atlas already; None where there are none. An empty
        one, of an atlas from before there were digests, stays empty.

    Examples
    --------
    >>> whole = InputDigest(["year"])
    >>> whole.add(np.array([7, 8]), ["a", "b"])
    >>> first = InputDigest(["year"])
    >>> first.add(np.array([7]), ["a"])
    >>> rest = InputDigest(["year"], first.value)
    >>> rest.add(np.array([8]), ["b"])
    >>> rest.value == whole.value, len(rest.value)
    (True, 32)
    >>> unknown = InputDigest(["year"], "")
    >>> unknown.add(np.array([7]), None)
    >>> unknown.value
    ''
    """

    def __init__(self, names: Sequence[str], before: str | None = None) -> None:
        if before is None:
            self._chain = _hashed("\x1f".join(names).encode())
        else:
            self._chain = bytes.fromhex(before)

    @property
    def value(self) -> str:
        """The digest of all documents so far, in hex."""
        return self._chain.hex()

    def add(self, contents: NDArray[np.int64], ids: Sequence[Any] | None) -> None:
        """Take the next documents.

        Parameters
        ----------
        contents : int64 (n,)
            Hashes of their texts and attributes.
        ids : sequence or None
            Their ids; None where the source has none.
        """
        chain = self._chain
        if not chain:
            return
        held = np.ascontiguousarray(contents, dtype="<i8").tobytes()
        for place in range(len(contents)):
            named = "" if ids is None else f"{type(ids[place]).__name__}:{ids[place]}"
            chain = _hashed(chain + held[8 * place : 8 * place + 8] + named.encode())
        self._chain = chain


def _hashed(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=_BYTES).digest()
