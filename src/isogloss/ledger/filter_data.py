"""Real passages with real attributes, to search under filters.

Vectors are the all-MiniLM-L6-v2 vectors that lie beside the data sets; each distinct text counts
once. Attributes are what the sets say of their texts, and some drawn by lot.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from isogloss._core.errors import ParameterError, SourceError

Floats = NDArray[np.float32]

SETS = (
    "agnews_test", "banking77", "bbc_news", "clinc150", "newsgroups20", "reuters21578",
    "shorttext_googlenews", "shorttext_searchsnippets", "shorttext_stackoverflow",
    "trec_questions",
)  # fmt: skip
BROAD = "broad_english"
PACKAGES = "debian_packages"
NAMES = (*SETS, BROAD, PACKAGES)
COLUMNS = {"newsgroups20": "body"}
DRAWN = {"s50": 0.5, "s10": 0.1, "s1": 0.01, "s0_1": 0.001, "s0_01": 0.0001}
FEW = 5  # rows that pass ``few = 1``: fewer than the hits asked for
GROUPS = 200
HELD_OUT = 2500  # passages kept out of the index, to ask with
JITTER = 0.35  # length of the noise added to a repeated unit vector


@dataclass(frozen=True, slots=True)
class Passages:
    """Passages to search and passages to ask with.

    Parameters
    ----------
    vectors : float32 (n, d)
        Unit rows.
    attributes : pyarrow.Table
        ``id, source, section, label, licence, words, tags, s50, s10, s1, s0_1, s0_01, few,
        cluster``: n rows. ``section``, ``label`` and ``licence`` may be null, ``tags`` may be
        empty.
    queries : float32 (q, d)
        Unit rows, none of them among `vectors`.
    asked : pyarrow.Table
        ``id``, ``source`` and ``cluster`` of the queries.
    left_out : int
        Rows of the sets without text or with a text that came before.
    repeated : int
        Rows of `vectors` that are jittered copies.
    """

    vectors: Floats
    attributes: pa.Table
    queries: Floats
    asked: pa.Table
    left_out: int
    repeated: int


def read_passages(data: Path, *, rows: int, seed: int = 0) -> Passages:
    """Read real passages, and draw the attributes that no set has.

    Passages are sampled over all sets. When there are more rows wanted than distinct passages,
    all of them are taken again with noise added to their vectors (and their attributes kept).

    Parameters
    ----------
    data : Path
        Folder of the data sets.
    rows : int
        Rows to search, at least 2,000.
    seed : int
        Of the sample, the noise, the drawn attributes and the clusters.

    Returns
    -------
    Passages

    Raises
    ------
    SourceError
        When a set cannot be read, or has other vectors than texts.
    """
    if rows < 2000:
        raise ParameterError(f"{rows} rows: give at least 2,000, or filters of 0.1% pass nothing")
    parts = list(_parts(data))
    kept, words = _distinct([text for part in parts for text in part["text"]])
    rng = np.random.default_rng(seed)
    order = kept[rng.permutation(len(kept))]
    held, pool = order[:HELD_OUT], order[HELD_OUT:]
    taken = np.resize(pool, rows)
    stored = np.concatenate([part["vectors"] for part in parts])
    vectors = _unit(stored[taken])
    if rows > len(pool):
        _jitter(vectors[len(pool) :], rng)
    table = _joined(parts, words)
    queries = _unit(stored[held])
    centres = group_centres(vectors, GROUPS, seed=seed)
    attributes = table.take(pa.array(taken))
    if rows > len(pool):
        copies = np.arange(rows) // len(pool)
        names = [
            f"{name}~{copy}" if copy else name
            for name, copy in zip(attributes["id"].to_pylist(), copies.tolist(), strict=True)
        ]
        attributes = attributes.set_column(0, "id", pa.array(names, pa.string()))
    for name, share in DRAWN.items():
        attributes = attributes.append_column(name, _drawn(rows, round(share * rows), rng))
    attributes = attributes.append_column("few", _drawn(rows, FEW, rng))
    attributes = attributes.append_column("cluster", pa.array(nearest_group(vectors, centres)))
    asked = table.take(pa.array(held)).select(["id", "source"])
    asked = asked.append_column("cluster", pa.array(nearest_group(queries, centres)))
    left_out = len(words) - len(kept)
    return Passages(vectors, attributes, queries, asked, left_out, max(0, rows - len(pool)))


def _parts(data: Path) -> Iterator[dict[str, Any]]:
    for name in SETS:
        column = COLUMNS.get(name, "text")
        path = data / name / "data.parquet"
        yield _part(path, data / name / f"minilm_{column}", column, name)
    packages = _table(data / PACKAGES / "data.parquet", ["id", "section", "tags"])
    known = {row["id"]: row for row in packages.to_pylist()}
    found = sorted((data / BROAD).glob("passages_*_minilm_text.npy"))
    if not found:
        raise SourceError(f"{data / BROAD} has no passages_*_minilm_text.npy")
    for array in found:
        stem = array.name.removesuffix("_minilm_text.npy")
        part = _part(data / BROAD / f"{stem}.parquet", array.with_suffix(""), "text", None)
        if stem == "passages_debian":
            rows = [known.get(name.split("/", 1)[1], {}) for name in part["id"]]
            part["section"] = [row.get("section") for row in rows]
            part["tags"] = [list(row.get("tags") or ()) for row in rows]
        yield part


def _part(path: Path, array: Path, column: str, source: str | None) -> dict[str, Any]:
    table = _table(path, None)
    stored = _codes(array)
    if len(stored) != len(table):
        raise SourceError(f"{array}.npy has {len(stored)} rows, {path} {len(table)}")
    text = [one or "" for one in table[column].to_pylist()]
    nothing = [None] * len(text)

    def values(name: str) -> list[Any]:
        return table[name].to_pylist() if name in table.column_names else nothing

    ids = [f"{source}/{one}" if source else str(one) for one in table["id"].to_pylist()]
    return {
        "id": ids,
        "text": text,
        "vectors": stored,
        "source": [source] * len(text) if source else values("source"),
        "section": nothing,
        "label": [one or None for one in values("label")],
        "licence": values("licence"),
        "tags": [list(one or ()) for one in values("topics")],
    }


def _codes(array: Path) -> NDArray[np.int8]:
    """Give ready vectors as stored: a set has one scale, which unit length makes up for."""
    try:
        stored = np.load(array.with_suffix(".npy"), mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise SourceError(f"no ready vectors {array}.npy: they lie beside the data sets") from error
    if stored.dtype != np.int8 or stored.ndim != 2:
        raise SourceError(f"{array}.npy holds {stored.dtype} {stored.shape}, not int8 rows")
    return np.asarray(stored)


def _table(path: Path, columns: list[str] | None) -> pa.Table:
    import pyarrow.parquet as pq

    try:
        return pq.read_table(path, columns=columns)
    except (OSError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())[:200]
        raise SourceError(f"cannot read {path}: {reason}") from error


def _distinct(texts: list[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give the rows of the distinct texts that have words, and the number of words of each text."""
    seen: set[bytes] = set()
    kept = []
    counts = np.empty(len(texts), dtype=np.int64)
    for row, text in enumerate(texts):
        words = text.split()
        counts[row] = len(words)
        digest = hashlib.sha256(" ".join(words).encode("utf-8", "surrogatepass")).digest()
        if words and digest not in seen:
            seen.add(digest)
            kept.append(row)
    return np.array(kept, dtype=np.int64), counts


def _joined(parts: list[dict[str, Any]], words: NDArray[np.int64]) -> pa.Table:
    def column(name: str) -> list[Any]:
        return [value for part in parts for value in part[name]]

    return pa.table(
        {
            "id": pa.array(column("id"), pa.string()),
            "source": pa.array(column("source"), pa.string()),
            "section": pa.array(column("section"), pa.string()),
            "label": pa.array(column("label"), pa.string()),
            "licence": pa.array(column("licence"), pa.string()),
            "words": pa.array(words, pa.int64()),
            "tags": pa.array(column("tags"), pa.list_(pa.string())),
        }
    )


def _drawn(rows: int, chosen: int, rng: np.random.Generator) -> pa.Array:
    flags = np.zeros(rows, dtype=np.int64)
    flags[rng.choice(rows, chosen, replace=False)] = 1
    return pa.array(flags)


def _unit(rows: NDArray[Any]) -> Floats:
    rows = np.asarray(rows, dtype=np.float32)
    lengths = np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.float32(1e-9))
    return np.ascontiguousarray(rows / lengths)


def _jitter(rows: Floats, rng: np.random.Generator) -> None:
    """Add noise to unit rows in place, and bring them to unit length again."""
    for start in range(0, len(rows), 65_536):
        block = rows[start : start + 65_536]
        noise = rng.standard_normal(block.shape, dtype=np.float32)
        block += noise * np.float32(JITTER / np.sqrt(block.shape[1]))
        block /= np.linalg.norm(block, axis=1, keepdims=True)


def group_centres(vectors: Floats, groups: int, *, seed: int = 0, steps: int = 8) -> Floats:
    """Give the centres of a plain spherical k-means over at most 100 rows a group.

    Parameters
    ----------
    vectors : float32 (n, d)
        Unit rows.
    groups : int
        Centres wanted; no more than rows are given.
    seed : int
    steps : int
        Rounds of assigning and averaging.

    Returns
    -------
    float32 (groups, d)
        Unit rows.

    Examples
    --------
    >>> group_centres(np.eye(2, dtype=np.float32), 2).sum(axis=0).tolist()
    [1.0, 1.0]
    """
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(vectors))
    sample = np.ascontiguousarray(vectors[np.sort(order[: 100 * groups])])
    centres = vectors[np.sort(order[:groups])].copy()
    for _ in range(steps):
        near = nearest_group(sample, centres)
        together = np.argsort(near, kind="stable")
        filled, starts = np.unique(near[together], return_index=True)
        sums = np.add.reduceat(sample[together].astype(np.float64), starts, axis=0)
        centres[filled] = _unit(sums)
    return centres


def nearest_group(vectors: Floats, centres: Floats) -> NDArray[np.int64]:
    """Give the number of the centre with the largest dot product, for each row.

    Examples
    --------
    >>> nearest_group(np.eye(2, dtype=np.float32), np.eye(2, dtype=np.float32)).tolist()
    [0, 1]
    """
    from isogloss._math.topk import nearest_rows

    return nearest_rows(vectors, centres, 1)[0][:, 0].astype(np.int64)
