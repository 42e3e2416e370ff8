from typing import Any

import numpy as np
from numpy.typing import NDArray

class TopK:
    def __init__(self, rows: int, k: int) -> None: ...
    def add(
        self,
        scores: NDArray[np.float32],
        first_row: int,
        first_column: int,
        distinct: bool,
        both: bool,
    ) -> None: ...
    def best(self, first: int, columns: NDArray[np.int32], values: NDArray[np.float32]) -> None: ...

class NearestRows:
    def __init__(
        self,
        queries: NDArray[np.float32],
        keys: NDArray[np.float32],
        k: int,
        same: bool,
        kernel: str = "",
    ) -> None: ...
    def encode(self, first: int, last: int) -> bool: ...
    def guess(self, first: int, last: int) -> None: ...
    def add(self, first: int, last: int, start: int, end: int, both: bool) -> bool: ...
    def best(
        self, first: int, columns: NDArray[np.int32], values: NDArray[np.float32]
    ) -> list[int]: ...

def pair_scores(
    rows: NDArray[np.float32], keys: NDArray[np.float32], out: NDArray[np.float32]
) -> None: ...
def codes_pay(dim: int) -> bool: ...
def code_kernels() -> list[str]: ...

class CodeScan:
    rows: int
    def __init__(
        self,
        codes: NDArray[np.int8],
        fine: NDArray[np.int8],
        scales: NDArray[np.float32],
        errors: NDArray[np.float32],
        starts: NDArray[np.int64],
        centres: NDArray[np.int8],
        centre_scales: NDArray[np.float32],
        group_starts: NDArray[np.int64],
        groups: NDArray[np.int8],
        group_scales: NDArray[np.float32],
        order: NDArray[np.int64],
        dim: int,
    ) -> None: ...
    def search(
        self,
        query: NDArray[np.float32],
        k: int,
        slots: NDArray[np.int32] | None,
        slot_starts: NDArray[np.int64] | None,
        bits: NDArray[np.uint32] | None,
        reach: NDArray[np.float32] | None,
        first: float,
        step: float,
        rows: NDArray[np.int64],
        scores: NDArray[np.float32],
    ) -> tuple[int, int, int]: ...
    def use_signs(
        self,
        tiles: NDArray[np.uint8],
        along: NDArray[np.float32],
        factors: NDArray[np.float32],
    ) -> None: ...

def rotate_rows(rows: NDArray[np.float32], out: NDArray[np.float32]) -> None: ...
def encode_signs(
    rows: NDArray[np.float32],
    centres: NDArray[np.float32],
    cells: NDArray[np.int64],
    signs: NDArray[np.uint8],
    along: NDArray[np.float32],
    factors: NDArray[np.float32],
) -> None: ...
def sift_tiles(
    tiles: NDArray[np.uint8],
    along: NDArray[np.float32],
    factors: NDArray[np.float32],
    query: NDArray[np.float32],
    centre: float,
    slack: float,
    least: float,
    way: int,
    kept: NDArray[np.uint32],
) -> None: ...
def encode_rows(
    rows: NDArray[np.float32],
    codes: NDArray[np.int8],
    fine: NDArray[np.int8],
    scales: NDArray[np.float32],
    errors: NDArray[np.float32],
) -> None: ...

class CommunityGraph:
    nodes: int
    edges: int
    def __init__(
        self,
        start: NDArray[np.int64],
        target: NDArray[np.int32],
        weight: NDArray[np.float64],
        mass: NDArray[np.float64],
    ) -> None: ...
    def leiden(
        self, resolution: float, seed: int, passes: int, labels: NDArray[np.int32]
    ) -> int: ...
    def contracted(self, labels: NDArray[np.int32]) -> CommunityGraph: ...
    def heaviest(self, count: int) -> CommunityGraph: ...
    def share(self, labels: NDArray[np.int32]) -> float: ...
    def vote(self, labels: NDArray[np.int32], votes: NDArray[np.int32]) -> None: ...
    def together(self, votes: NDArray[np.int32], least: int, labels: NDArray[np.int32]) -> None: ...
    def agreed(self, votes: NDArray[np.int32], least: int) -> CommunityGraph: ...
    def weighed(self, votes: NDArray[np.int32], least: int, runs: int) -> CommunityGraph: ...

def edge_dots(*arrays: Any) -> None: ...
def dense_scores(
    rows: NDArray[np.float32], weights: NDArray[np.float32], out: NDArray[np.float32]
) -> None: ...
def sparse_scores(
    start: NDArray[np.int64],
    column: NDArray[np.int32],
    value: NDArray[np.float32],
    weights: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None: ...

UNICODE_VERSION: str

def tokenize(data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> list[list[str]]: ...

class WordTable:
    def __init__(self, data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> None: ...
    def count(
        self, data: NDArray[np.uint8], offsets: NDArray[np.int64], first: int, last: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]: ...

class WordCounter:
    documents: int
    floor: int
    def __init__(self, limit: int) -> None: ...
    def add(self, data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> None: ...
    def words(
        self,
    ) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]: ...

class LexicalWeighing:
    def __init__(
        self,
        turn: NDArray[np.int8],
        step: NDArray[np.float32],
        rest: float,
        kernel: str = "",
    ) -> None: ...

class LexicalTable:
    features: int
    def __init__(
        self,
        words: NDArray[np.uint8],
        offsets: NDArray[np.int64],
        pairs: NDArray[np.int32],
        buckets: int,
    ) -> None: ...
    def sequences(
        self, data: NDArray[np.uint8], offsets: NDArray[np.int64], first: int, last: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int32]]: ...
    def weigh(
        self,
        data: NDArray[np.uint8],
        offsets: NDArray[np.int64],
        idf: NDArray[np.float32],
        first: int,
        last: int,
    ) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]: ...
    def sums(
        self,
        data: NDArray[np.uint8],
        offsets: NDArray[np.int64],
        idf: NDArray[np.float32],
        table: NDArray[np.int8],
        scale: NDArray[np.float32],
        first: int,
        last: int,
        out: NDArray[np.float32],
        weighing: LexicalWeighing | None = None,
    ) -> None: ...

class LexicalNetwork:
    def __init__(
        self,
        skip: NDArray[np.int8],
        skip_step: NDArray[np.float32],
        inner: NDArray[np.int8],
        inner_step: NDArray[np.float32],
        bias: NDArray[np.float32],
        outer: NDArray[np.float32],
        kernel: str = "",
    ) -> None: ...
    def vectors(
        self, sums: NDArray[np.float32], out: NDArray[np.float32], unit: bool = True
    ) -> None: ...

def word_counts(data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> NDArray[np.int64]: ...

class MinHashTables:
    def __init__(
        self, columns: int, tuple_size: int, first_table: int, tables: int, seed: int
    ) -> None: ...
    def add(
        self,
        start: NDArray[np.int64],
        column: NDArray[np.int32],
        count: NDArray[np.int32],
        copy: int,
    ) -> int: ...
    def buckets(self, table: int, size: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]: ...

class SetPool:
    size: int
    total: int
    def add(self, start: NDArray[np.int64], members: NDArray[np.int32]) -> None: ...
    def arrays(self) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]: ...

def link_overlapping(
    start: NDArray[np.int64],
    members: NDArray[np.int32],
    vocabulary: int,
    bucket_start: NDArray[np.int64],
    bucket_members: NDArray[np.int32],
    least: float,
    parents: NDArray[np.int32],
) -> None: ...
def overlap_pairs(
    start: NDArray[np.int64],
    members: NDArray[np.int32],
    vocabulary: int,
    bucket_start: NDArray[np.int64],
    bucket_members: NDArray[np.int32],
    least: float,
    window: int,
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]: ...
def join_parents(parents: NDArray[np.int32], other: NDArray[np.int32]) -> None: ...
def map_weights(
    squares: NDArray[np.float32],
    perplexity: float,
    first: int,
    last: int,
    out: NDArray[np.float32],
) -> None: ...
def map_attract(
    start: NDArray[np.int64],
    target: NDArray[np.int32],
    weight: NDArray[np.float32],
    place: NDArray[np.float32],
    first: int,
    last: int,
    out: NDArray[np.float32],
) -> None: ...
def map_charge(
    place: NDArray[np.float32],
    left: float,
    bottom: float,
    per_unit: float,
    grid: NDArray[np.float32],
) -> None: ...
def map_fields(
    place: NDArray[np.float32],
    left: float,
    bottom: float,
    per_unit: float,
    fields: NDArray[np.float32],
    first: int,
    last: int,
    out: NDArray[np.float32],
) -> None: ...
def map_place(
    near: NDArray[np.int32],
    weight: NDArray[np.float32],
    anchor: NDArray[np.float32],
    left: float,
    bottom: float,
    per_unit: float,
    fields: NDArray[np.float32],
    push: float,
    steps: int,
    first: int,
    last: int,
    out: NDArray[np.float32],
) -> None: ...
