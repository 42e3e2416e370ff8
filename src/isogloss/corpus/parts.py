"""What a source is, and its parts: files, tables and lists, all as streams of Arrow batches."""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from isogloss._core.errors import SourceError
from isogloss.corpus import files
from isogloss.corpus.array import LARGEST, array_part, too_large
from isogloss.corpus.clean import Reject, clean_value
from isogloss.corpus.delimited import csv_records
from isogloss.corpus.lines import LONGEST_LINE, Record, Report, decode_text
from isogloss.corpus.part import OnReject, OnRepair, Part, Rows
from isogloss.corpus.piped import stream_part
from isogloss.corpus.records import record_batches, records_part, typed_part
from isogloss.corpus.types import infer_csv, infer_json


def open_parts(source: Any, batch_rows: int) -> list[Part]:
    """Find what a source is, and open its parts.

    Raises
    ------
    SourceError
        When it is nothing that can be read.
    """
    if isinstance(source, str | Path):
        return _open_path(source, batch_rows)
    if isinstance(source, bytes):
        raise SourceError("a source cannot be bytes: give a path or a list of texts")
    if hasattr(source, "to_list") and not hasattr(source, "columns"):
        source = source.to_list()  # a series is a list of texts
    if hasattr(source, "__arrow_c_stream__") or isinstance(source, pa.Table | pa.RecordBatch):
        return [_table_part(source, batch_rows)]
    if type(source).__module__.split(".")[0] == "pandas":
        return [_table_part(_from_pandas(source), batch_rows)]
    if hasattr(source, "tolist") and hasattr(source, "ndim"):
        source = source.tolist()
    if isinstance(source, dict):
        try:
            return [_table_part(pa.table(source), batch_rows)]
        except (pa.ArrowException, TypeError, ValueError) as error:
            raise SourceError(f"a dict must hold columns of one length: {error}") from error
    if isinstance(source, list | tuple) and source and all(_is_path(item) for item in source):
        return [part for item in source for part in _open_path(item, batch_rows)]
    if isinstance(source, Iterable):
        return [records_part(source, batch_rows)]
    kind = type(source).__name__
    raise SourceError(f"a source cannot be {kind}: give a path, a frame or a list of texts")


def _is_path(item: Any) -> bool:
    if isinstance(item, Path):
        return True
    try:
        short = isinstance(item, str) and len(item) < 4096 and "\n" not in item
        return short and Path(item).exists()
    except (OSError, ValueError):
        return False


def _open_path(source: str | Path, batch_rows: int) -> list[Part]:
    if str(source) == "-":
        return [stream_part(batch_rows)]
    text = str(source)
    path = Path(source).expanduser()
    try:
        found = path.exists()
    except (OSError, ValueError):
        found = False
    if not found:
        if len(text) > 255 or "\n" in text or text.count(" ") > 3:
            raise SourceError(
                f"a path was expected, not a text ({text[:40]!r}...): give a list of texts"
            )
        near = _nearest_file(path)
        raise SourceError(f"there is no file or folder {text}{near}")
    if path.is_dir():
        return _open_folder(path, batch_rows)
    if not path.is_file():
        raise SourceError(f"{path} is neither a file nor a folder")
    return [_open_file(path, batch_rows)]


def _nearest_file(path: Path) -> str:
    from difflib import get_close_matches

    try:
        names = [item.name for item in itertools.islice(path.parent.iterdir(), 1000)]
    except OSError:
        return ""
    close = [path.parent / name for name in get_close_matches(path.name, names, n=5)]
    near = next((item for item in close if _may_be_source(item)), None)
    return f"; did you mean {near}?" if near is not None else ""


def _may_be_source(path: Path) -> bool:
    """Tell a file or folder that may be read from others, such as the atlas that is to be built."""
    try:
        if path.is_file():
            return files.kind_of(path) is not None
        names = {item.name for item in path.iterdir() if not item.name.startswith(".")}
    except OSError:
        return False
    return bool(names) and "work" not in names and not _is_manifest(path / "manifest.json")


def _open_folder(folder: Path, batch_rows: int) -> list[Part]:
    found = sorted(
        path for path in folder.rglob("*")
        if path.is_file() and not any(p.startswith(".") for p in path.relative_to(folder).parts)
    )  # fmt: skip
    atlases = {path.parents[1] for path in found if path.parts[-2:] == ("work", "plan.json")}
    atlases |= {path.parent for path in found if _is_manifest(path)}
    found = [path for path in found if atlases.isdisjoint(path.parents)]
    others = [path for path in found if files.kind_of(path) is None]
    data = [p for p in found if files.kind_of(p) not in (None, ".txt", ".md")]
    texts = [p for p in found if files.kind_of(p) in (".txt", ".md")]
    if data and texts:
        raise SourceError(
            f"{folder} holds both tables ({data[0].name}) and text files ({texts[0].name}): "
            "give one kind"
        )
    if data:
        parts = [_open_file(path, batch_rows) for path in data]
        return [_leaving_out(parts[0], others), *parts[1:]]
    if texts:
        return [_leaving_out(_texts_part(folder, texts, batch_rows), others)]
    which = f": its {len(found)} files are of other kinds" if found else ""
    raise SourceError(f"{folder} holds no Parquet, JSONL, CSV or text files{which}")


def _is_manifest(path: Path) -> bool:
    """Tell whether a file is the manifest of an atlas, which is no source."""
    return path.name == "manifest.json" and any(path.parent.glob("passages-*.lance"))


def _leaving_out(part: Part, others: list[Path]) -> Part:
    """Say of files that are not read, before the rows of a part, that they are skipped."""

    def start(on_reject: OnReject, on_repair: OnRepair) -> Rows:
        for path in others:
            kind = path.suffix or "without suffix"
            on_reject(Reject(str(path), 0, f"a file of a kind that is not read ({kind})",
                             f"file of another kind ({kind})"))  # fmt: skip
        return part.start(on_reject, on_repair)

    return replace(part, start=start) if others else part


def _open_file(path: Path, batch_rows: int) -> Part:
    kind = files.kind_of(path)
    if kind is None:
        raise SourceError(
            f"{path} is of a kind that is not read: give Parquet, Arrow, JSONL, CSV, TSV or .txt "
            "(plain, .gz or .zst)"
        )
    name = str(path)
    try:
        size = path.stat().st_size
        path.open("rb").close()
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror}") from error
    if size == 0:
        raise SourceError(f"{path} is empty (0 bytes)")
    if kind in files.TABLES:
        return _file_table(path, kind, batch_rows)
    if kind == ".json":
        return _json_file(path, batch_rows)
    if kind in (".csv", ".tsv"):
        mark = "\t" if kind == ".tsv" else None

        def rows(report: Report) -> Iterator[Record]:
            return csv_records(files.open_bytes(path), name, report, delimiter=mark)

        return typed_part(name, rows, infer_csv, batch_rows, path)
    reader = files.plain_lines if kind in (".txt", ".md") else files.json_records
    return typed_part(
        name, lambda report: reader(files.open_bytes(path), name, report), infer_json, batch_rows,
        path,
    )  # fmt: skip


def _file_table(path: Path, kind: str, batch_rows: int) -> Part:
    schema, _ = files.table_batches(path, kind, batch_rows)
    rows = None
    if kind in (".parquet", ".pq"):
        import pyarrow.parquet as pq

        rows = pq.read_metadata(path).num_rows

    def start(on_reject: OnReject, on_repair: OnRepair) -> Rows:
        return _numbered(files.table_batches(path, kind, batch_rows)[1], batch_rows)

    return Part(str(path), schema, start, path, rows)


def _numbered(batches: Iterable[pa.RecordBatch], batch_rows: int) -> Rows:
    begin = 0
    for batch in batches:
        for offset in range(0, batch.num_rows, batch_rows):
            piece = batch.slice(offset, batch_rows)
            yield range(begin, begin + piece.num_rows), piece
            begin += piece.num_rows


def _json_file(path: Path, batch_rows: int) -> Part:
    """Open .json: an array of objects, or one object a line after all."""
    stream = files.open_bytes(path)
    name = str(path)
    try:
        head = bytes(stream.read(64)).lstrip(b"\xef\xbb\xbf \t\r\n")
    except (OSError, pa.ArrowException) as error:
        raise SourceError(f"{path} cannot be read: {error}") from error
    if not head.startswith(b"["):
        return typed_part(
            name, lambda report: files.json_records(files.open_bytes(path), name, report),
            infer_json, batch_rows, path,
        )  # fmt: skip
    if path.stat().st_size > LARGEST:
        raise too_large(name)
    try:
        raw = bytes(files.open_bytes(path).read())
    except (OSError, pa.ArrowException) as error:
        raise SourceError(f"{path} cannot be read: {error}") from error
    part = array_part(raw, name, batch_rows)
    part.path = path
    return part


def _table_part(source: Any, batch_rows: int) -> Part:
    name = type(source).__name__
    if isinstance(source, pa.RecordBatch):
        source = pa.Table.from_batches([source])
    if isinstance(source, pa.RecordBatchReader):
        return _reader_part(source, name, batch_rows)
    try:
        table = source if isinstance(source, pa.Table) else pa.table(source)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise SourceError(f"this {name} cannot be read as a table: {error}") from error

    def start(on_reject: OnReject, on_repair: OnRepair) -> Rows:
        return _numbered(table.to_batches(max_chunksize=batch_rows), batch_rows)

    return Part(name, table.schema, start, None, table.num_rows)


def _reader_part(reader: pa.RecordBatchReader, name: str, batch_rows: int) -> Part:
    first = next(iter(reader), None)
    held = [] if first is None else [first]

    def once(on_reject: OnReject, on_repair: OnRepair) -> Rows:
        return _numbered(itertools.chain(held, reader), batch_rows)

    return Part(name, reader.schema, once, first=pa.Table.from_batches(held, reader.schema))


def _from_pandas(frame: Any) -> Any:
    if not hasattr(frame, "columns"):
        return pa.table({"text": pa.Array.from_pandas(frame)})
    return pa.Table.from_pandas(frame, preserve_index=False)


def _texts_part(folder: Path, paths: list[Path], batch_rows: int) -> Part:
    """Make a part of a folder of text files: one document each, its path the id."""
    schema = pa.schema([("id", pa.string()), ("text", pa.string())])
    name = str(folder)

    def start(on_reject: OnReject, on_repair: OnRepair) -> Rows:
        def records() -> Iterator[Record]:
            for row, path in enumerate(paths):
                try:
                    raw = bytes(files.open_bytes(path).read(LONGEST_LINE + 1))
                    text, repaired = decode_text(raw, str(path))
                except (OSError, pa.ArrowException, SourceError) as error:
                    reason = " ".join(str(error).split())[:200]
                    on_reject(Reject(str(path), row, reason, "unreadable file"))
                    continue
                where = clean_value(path.relative_to(folder).as_posix())
                yield row, {"id": where, "text": text}, repaired

        return record_batches(records(), schema, batch_rows, on_repair)

    return Part(name, schema, start, None, len(paths), row_files=[str(path) for path in paths])
