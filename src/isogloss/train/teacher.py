"""Vectors of a teacher, kept on disk shard by shard, so that no text is encoded twice."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from isogloss._core.events import Event, OnEvent, ignore
from isogloss._core.tensors import load_tensors, save_tensors
from isogloss.encoders.base import Encoder

SHARD = 2048


def teacher_vectors(
    texts: Sequence[str], teacher: Encoder, cache: Path, *, on_event: OnEvent = ignore
) -> NDArray[np.float16]:
    """Encode texts by a teacher, or take their vectors from the cache.

    A run that is interrupted goes on with the first shard that is not there.

    Parameters
    ----------
    texts : sequence of str
    teacher : Encoder
    cache : Path
        Folder; shards are named after the teacher's fingerprint and their texts.
    on_event : callable
        Takes progress.

    Returns
    -------
    float16 (n, dim)
        Unit rows, to the precision of the type.

    Examples
    --------
    >>> import tempfile
    >>> from isogloss.encoders.lsa import LsaEncoder
    >>> teacher = LsaEncoder(dim=2).fit([["a cat", "a dog", "cat and dog"]])
    >>> teacher_vectors(["a cat"], teacher, Path(tempfile.mkdtemp())).shape
    (1, 2)
    """
    out = np.empty((len(texts), teacher.dim), dtype=np.float16)
    folder = cache / teacher.fingerprint[:16]
    for first in range(0, len(texts), SHARD):
        part = texts[first : first + SHARD]
        digest = hashlib.sha256()
        for text in part:
            digest.update(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest())
        path = folder / f"{digest.hexdigest()[:24]}.safetensors"
        if not path.is_file():
            folder.mkdir(parents=True, exist_ok=True)
            vectors = teacher.encode(part).astype(np.float16)
            save_tensors(path, {"vectors": vectors})
        out[first : first + len(part)] = load_tensors(path)["vectors"]
        on_event(Event("teacher", min(first + SHARD, len(texts)), len(texts), "texts"))
    return out
