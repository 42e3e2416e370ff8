"""Parts that are made of records: the types of their columns are found on the first ones."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sized
from pathlib import Path
from typing import Any

import pyarrow as pa

from isogloss._core.errors import SourceError
from isogloss.corpus.clean import Reject, clean_value
from isogloss.corpus.lines import Record, Report
from isogloss.corpus.part import OnReject, OnRepair, Part, Rows
from isogloss.corpus.types import fit_values, infer_json, is_missing

# Records on which the types of JSON and CSV columns are found.
INFER_ROWS = 2000
# Rough bytes of text in a batch of records.
BATCH_BYTES = 16 << 20


def typed_part(
    name: str,
    rows: Callable[[Report], Iterator[Record]],
    infer: Callable[[list[Any]], pa.DataType],
    batch_rows: int,
    path: Path | None,
) -> Part:
    """Make a part of records that a file gives, which can be read again from its beginning."""
    reasons: list[str] = []

    def keep_first(_row: int, _kind: str, reason: str) -> None:
        if not reasons:
            reasons.append(reason)

    first = [record for _, record, _ in itertools.islice(rows(keep_first), INFER_ROWS)]
    schema = _infer_schema(first, infer)

    def start(on_reject: OnReject, on_repair: OnRepair) -> Rows:
        def report(row: int, kind: str, reason: str) -> None:
            on_reject(Reject(name, row, reason, kind))

        return record_batches(rows(report), schema, batch_rows, on_repair)

    lost = "" if first else "".join(reasons)
    return Part(name, schema, start, path, lost=lost)


def single_part(
    name: str,
    rows: Callable[[Report], Iterator[Record]],
    infer: Callable[[list[Any]], pa.DataType],
    batch_rows: int,
) -> Part:
    """Make a part of records that can be read only once, such as those of a pipe."""
    early: list[tuple[int, str, str]] = []  # rejects that were met while types were found
    told: list[Report] = []  # whom to tell of those that are met later

    def meet(row: int, kind: str, reason: str) -> None:
        if told:
            told[0](row, kind, reason)
        else:
            early.append((row, kind, reason))

    records = rows(meet)
    first = list(itertools.islice(records, INFER_ROWS))
    schema = _infer_schema([record for _, record, _ in first], infer)
    lost = "" if first or not early else early[0][2]

    def start(on_reject: OnReject, on_repair: OnRepair) -> Rows:
        def report(row: int, kind: str, reason: str) -> None:
            on_reject(Reject(name, row, reason, kind))

        def in_order() -> Iterator[Record]:
            for record in first:
                while early and early[0][0] < record[0]:
                    report(*early.pop(0))
                yield record
            for reject in early:
                report(*reject)
            told[:] = [report]
            yield from records

        return record_batches(in_order(), schema, batch_rows, on_repair)

    looked = [batch for _, batch in record_batches(
        iter(first), schema, batch_rows, lambda _k, _n: None
    )]  # fmt: skip
    return Part(name, schema, start, first=pa.Table.from_batches(looked, schema), lost=lost)


def _infer_schema(
    records: list[dict[str, Any]], infer: Callable[[list[Any]], pa.DataType]
) -> pa.Schema:
    names: dict[str, None] = {}
    for record in records:
        names.update(dict.fromkeys(record))
    return pa.schema(
        [(clean_value(name), infer([record.get(name) for record in records])) for name in names]
    )


def record_batches(
    records: Iterator[Record], schema: pa.Schema, batch_rows: int, on_repair: OnRepair
) -> Rows:
    """Give records as batches of a schema, with their row numbers; say what was repaired."""
    numbers: list[int] = []
    held: list[dict[str, Any]] = []
    size = 0
    for row, record, repaired in records:
        if repaired:
            on_repair("invalid UTF-8", 1)
        numbers.append(row)
        held.append(record)
        size += sum(len(value) for value in record.values() if isinstance(value, str))
        if len(held) >= batch_rows or size >= BATCH_BYTES:
            yield numbers, _record_batch(held, schema, on_repair)
            numbers, held, size = [], [], 0
    if held:
        yield numbers, _record_batch(held, schema, on_repair)


def _record_batch(
    records: list[dict[str, Any]], schema: pa.Schema, on_repair: OnRepair
) -> pa.RecordBatch:
    columns = []
    for field in schema:
        column, lost = fit_values([record.get(field.name) for record in records], field.type)
        if lost:
            on_repair(f"value in {field.name!r} that is not {field.type}", lost)
        columns.append(column)
    known = set(schema.names)
    unknown = sum(1 for record in records for name in record if clean_value(name) not in known)
    if unknown:
        on_repair("field that the first records lack", unknown)
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def records_part(source: Iterable[Any], batch_rows: int, name: str = "") -> Part:
    """Make a part of texts or dicts in memory; a generator is read once, as it streams."""
    kind = name or type(source).__name__
    iterator = iter(source)
    first = list(itertools.islice(iterator, INFER_ROWS))
    if not first:
        raise SourceError(f"the {kind} is empty: give at least one text")
    is_table = any(isinstance(item, dict) for item in first)
    schema = pa.schema([("text", pa.string())])
    if is_table:
        schema = _infer_schema([item for item in first if isinstance(item, dict)], infer_json)

    def records(items: Iterable[Any], on_reject: OnReject) -> Iterator[Record]:
        for row, item in enumerate(items):
            if is_table and isinstance(item, dict):
                yield row, {str(key): value for key, value in item.items()}, False
            elif not is_table and isinstance(item, str | bytes):
                yield row, {"text": item}, False
            elif not is_table and is_missing(item):
                yield row, {"text": None}, False
            else:
                reason = f"item is {type(item).__name__}, not a text"
                on_reject(Reject(kind, row, reason, "wrong type"))

    def start(on_reject: OnReject, on_repair: OnRepair) -> Rows:
        items = itertools.chain(first, iterator) if isinstance(source, Iterator) else source
        return record_batches(records(items, on_reject), schema, batch_rows, on_repair)

    looked = [batch for _, batch in record_batches(
        records(first, lambda _: None), schema, batch_rows, lambda _k, _n: None
    )]  # fmt: skip
    head = pa.Table.from_batches(looked, schema)
    rows = len(source) if isinstance(source, Sized) else None
    return Part(kind, schema, start, None, rows, head)
