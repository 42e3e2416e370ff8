"""The texts that a recipe names: whole rows, or the sentences in them."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import ParameterError, SourceError
from isogloss.encoders.base import unit_rows
from isogloss.train.recipe import Recipe, need_file

_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z0-9\"'(])")
SHORTEST, LONGEST = 4, 48


def sentences_of(text: str) -> Iterator[str]:
    """Cut a text at the ends of its sentences; those of 4 to 48 words are given.

    Examples
    --------
    >>> list(sentences_of("The cat sat on the mat. It slept. Then it woke up at noon!"))
    ['The cat sat on the mat.', 'Then it woke up at noon!']
    """
    for sentence in _END.split(" ".join(text.split())):
        if SHORTEST <= sentence.count(" ") + 1 <= LONGEST:
            yield sentence


def read_texts(
    paths: list[Path], column: str | None, *, split: str, sample: int | None, seed: int
) -> list[str]:
    """Read the distinct texts of files.

    Parameters
    ----------
    paths : list of Path
        What `corpus.open_source` reads.
    column : str or None
        The text column.
    split : {"row", "sentence"}
        What becomes a text.
    sample : int or None
        How many to draw; None for all.
    seed : int
        Of the draw.

    Returns
    -------
    list of str
        In the order of the files.

    Raises
    ------
    ParameterError, SourceError

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.jsonl"
    >>> _ = path.write_text('{"text": "One two three four. Five six seven eight."}')
    >>> read_texts([path], None, split="sentence", sample=None, seed=0)
    ['One two three four.', 'Five six seven eight.']
    """
    from isogloss.corpus import open_source

    if split not in ("row", "sentence"):
        raise ParameterError(f"split is {split!r}: give 'row' or 'sentence'")
    found: dict[str, None] = {}
    for path in paths:
        for batch in open_source(path, text=column).batches():
            for text in batch.column("text").to_pylist():
                found.update(dict.fromkeys(sentences_of(text) if split == "sentence" else [text]))
    texts = list(found)
    return [texts[i] for i in _drawn(len(texts), sample, seed)]


def check_sources(recipe: Recipe) -> None:
    """Refuse a recipe whose files are not there, or have no such text column.

    The files are opened, and not read through.

    Raises
    ------
    SourceError, ColumnError

    Examples
    --------
    >>> from isogloss.train.recipe import Corpus
    >>> check_sources(Recipe(teacher="lsa", corpus=[Corpus(["none.csv"])]))
    Traceback (most recent call last):
    isogloss._core.errors.SourceError: there is no file or folder none.csv
    """
    from isogloss.corpus import open_source

    if recipe.frequencies:
        need_file(recipe.frequencies, "frequencies")
    for corpus in recipe.corpus:
        for name in corpus.files:
            open_source(Path(name), text=corpus.text)
        for name in corpus.vectors:
            need_file(name, "vectors")


def read_with_vectors(
    paths: list[Path], vectors: list[Path], column: str | None, *, sample: int | None, seed: int
) -> tuple[list[str], NDArray[np.float16]]:
    """Read the distinct texts of files, and vectors of theirs that lie ready.

    Parameters
    ----------
    paths : list of Path
    vectors : list of Path
        One ``.npy`` file a source, (rows, dim), of 8-bit or floating numbers; texts whose row
        holds zeros are left out.
    column, sample, seed
        As in `read_texts`.

    Returns
    -------
    list of str, float16 (n, dim)
        Texts, and unit vectors.

    Raises
    ------
    SourceError
        When a file of vectors does not fit its source.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "a.txt").write_text("one" + chr(10) + "two")
    >>> np.save(folder / "a.npy", np.array([[3, 4], [0, 0]], np.int8))
    >>> texts, found = read_with_vectors([folder / "a.txt"], [folder / "a.npy"], None,
    ...     sample=None, seed=0)
    >>> texts, found.round(1).tolist()
    (['one'], [[0.60009765625, 0.7998046875]])
    """
    from isogloss.corpus import open_source

    seen: dict[str, None] = {}
    parts: list[NDArray[np.float16]] = []
    for path, file in zip(paths, vectors, strict=True):
        try:
            ready = np.load(file, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise SourceError(f"{file} holds no vectors: {error}") from error
        kept: list[int] = []
        for batch in open_source(path, text=column).batches():
            rows, texts = batch.column("row").to_pylist(), batch.column("text").to_pylist()
            for row, text in zip(rows, texts, strict=True):
                if row >= len(ready):
                    raise SourceError(f"{file} has {len(ready):,} rows, {path} has more")
                if text not in seen and ready[row].any():
                    seen[text] = None
                    kept.append(row)
        parts.append(unit_rows(ready[kept].astype(np.float32)).astype(np.float16))
    texts = list(seen)
    drawn = _drawn(len(texts), sample, seed)
    return [texts[i] for i in drawn], np.concatenate(parts)[drawn]


def _drawn(count: int, sample: int | None, seed: int) -> NDArray[np.int64]:
    if sample is None or sample >= count:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, sample, replace=False))
