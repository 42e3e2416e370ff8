"""Documents of a finished atlas added, taken out, replaced: a new version, committed like a build.

A replaced document gets a new passage with a number of its own: numbers are never used twice.
Until the manifest is replaced, one atomic rename, the atlas is as it was.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from isogloss._core.errors import AtlasError, ColumnError, ParameterError, SourceError
from isogloss._core.events import Event, OnEvent, ignore
from isogloss.build import stages, write
from isogloss.build.documents import Known, KnownDocuments, Spooled, id_keys, spool
from isogloss.build.incoming import (
    Replacements,
    Rows,
    all_rows,
    check_attributes,
    fitted,
    rows_of_ids,
)
from isogloss.build.refill import without_passages
from isogloss.build.report import LISTED_REJECTS, ChangeReport, Stopwatch, peak_rss_mb
from isogloss.build.settings import BuildSettings
from isogloss.build.skipped import RejectLog
from isogloss.build.stamp import utc_now
from isogloss.build.topics import Tally, Topics, assign_shards, leaf_columns
from isogloss.build.upkeep import Upkeep, commit, index_text, keep_up, live_rows
from isogloss.store import state, table
from isogloss.store.gone import Gone
from isogloss.store.manifest import Manifest
from isogloss.store.workspace import Workspace, build_lock, unfinished

if TYPE_CHECKING:
    from isogloss.encoders.base import Encoder

# Where more of the passages go than this, the others are copied into a new table at once.
COPY_FROM = 0.10


@dataclass(slots=True)
class _Change:
    """One change under way."""

    folder: Path
    old: Manifest
    opened: Any
    on_event: OnEvent
    encoder: "Encoder | None" = None
    watch: Stopwatch = field(default_factory=Stopwatch)
    upkeep: Upkeep = field(default_factory=Upkeep)

    @property
    def by_id(self) -> bool:
        return self.old.parameters.get("id") is not None

    def keys(self, ids: Sequence[Any], hashes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Give what documents are known by in the record of what was taken out."""
        return id_keys(ids) if self.by_id else hashes

    def report(self, status: str, now: Manifest | None = None, **counts: Any) -> ChangeReport:
        new = now or self.old
        return ChangeReport(
            str(self.folder), new.documents, new.passages, new.topics, new.unassigned,
            status=status, seconds=self.watch.seconds, peak_rss_mb=peak_rss_mb(),
            compacted=self.upkeep.compacted, upkeep_failed=self.upkeep.failed, **counts,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _New:
    """New passages, ready to be written."""

    batches: Iterator[pa.RecordBatch]
    rows: int
    tally: Tally


def delete_documents(
    folder: Path, *, where: str | None = None, ids: Sequence[Any] | None = None,
    dry_run: bool = False, expect: int | None = None, on_event: OnEvent = ignore,
) -> ChangeReport:  # fmt: skip
    """Take documents out of an atlas; see `Atlas.delete`.

    Parameters
    ----------
    folder : Path
        Folder of the atlas.
    where, ids
        Which ones: a filter, or their ids.
    dry_run : bool
        Change nothing, only count.
    expect : int, optional
        The version that the caller has open; another one is refused.
    on_event : callable
    """
    if (where is None) == (ids is None):
        raise ParameterError("give either where (a filter) or ids (a list) to say what goes")
    with build_lock(folder):
        change = _begin(folder, expect, on_event)
        missing: list[Any] = []
        with change.watch("read"):
            if where is not None:
                rows = all_rows(change.opened, _sql(change, where))
            else:
                assert ids is not None
                rows, missing = rows_of_ids(all_rows(change.opened), ids)
        counts: dict[str, Any] = {"deleted": len(rows), "missing": missing}
        if dry_run or not len(rows):
            return change.report("unchanged", dry_run=dry_run, **counts)
        gone = Gone.read(folder / change.old.state)
        gone = gone.with_deleted(change.keys(rows.ids.to_pylist(), rows.hashes))
        new = _write(change, rows, None, gone, {})
    return change.report("deleted", new, **counts)


def add_documents(
    folder: Path, source: Any, *, dry_run: bool = False, encoder: "Encoder | None" = None,
    on_event: OnEvent = ignore,
) -> ChangeReport:  # fmt: skip
    """Add documents to an atlas; see `Atlas.add`. `encoder` spares loading that of the atlas."""
    with build_lock(folder):
        change = _begin(folder, None, on_event)
        change.encoder = encoder
        rows = all_rows(change.opened)
        known = KnownDocuments(rows.ids.to_pylist() if change.by_id else None, rows.hashes)
        return _take(change, source, known, dry_run=dry_run)


def update_documents(
    folder: Path, source: Any, *, add_new: bool = False, dry_run: bool = False,
    expect: int | None = None, encoder: "Encoder | None" = None, on_event: OnEvent = ignore,
) -> ChangeReport:  # fmt: skip
    """Replace documents of an atlas; see `Atlas.update`."""
    with build_lock(folder):
        change = _begin(folder, expect, on_event)
        change.encoder = encoder
        if add_new and not change.by_id:
            raise ParameterError(f"{folder} numbers its documents: new ones come by Atlas.add")
        rows = all_rows(change.opened)
        chosen = Replacements(rows, add_new=add_new)
        return _take(change, source, chosen, rows=rows, dry_run=dry_run)


def _begin(folder: Path, expect: int | None, on_event: OnEvent) -> _Change:
    from isogloss.atlas import need_manifest

    old = need_manifest(folder)
    if expect is not None and old.version != expect:
        raise AtlasError(
            f"{folder} is at version {old.version} by now, opened was {expect}: open it again"
        )
    workspace = Workspace(folder)
    plan = workspace.read_plan()
    if plan is not None and plan.get("base") in (old.version, 0):  # 0: one that builds anew
        raise AtlasError(unfinished(folder))
    workspace.clear()  # of a change that was killed
    opened = table.open_table(folder, old.table, old.table_version)
    return _Change(folder, old, opened, on_event)


def _sql(change: _Change, where: str) -> str:
    from isogloss.search.filters import compile_filter
    from isogloss.search.topics import leaves_below

    schema = change.opened.schema
    names = dict.fromkeys(["id", "topic", *change.old.attributes])
    known = pa.schema([schema.field(name) for name in names if name in schema.names])
    tree = state.read_tree(change.folder / change.old.state)
    return compile_filter(where, known, below=leaves_below(tree))


def _take(
    change: _Change, source: Any, chooser: Known, *, rows: Rows | None = None, dry_run: bool
) -> ChangeReport:
    """Read a source, encode what is chosen of it, and write."""
    folder, old = change.folder, change.old
    workspace = Workspace(folder)
    # Base -1: what a kill leaves here is no build to go on with.
    workspace.begin({"base": -1, "change": type(chooser).__name__})
    try:
        log = RejectLog(folder, LISTED_REJECTS)
        with change.watch("read"):
            opened = _open_source(change, source, log, updating=rows is not None)
            with log:
                spooled = spool(
                    opened, workspace, known=chooser, start=old.free_number,
                    on_event=change.on_event, expect=lambda: opened.expected_documents,
                    before=old.input_digest,
                )  # fmt: skip
        counts: dict[str, Any] = {"skipped": log.listed, "skipped_total": log.total,
                                  "repaired_total": sum(opened.repairs.values())}  # fmt: skip
        counts |= {"added": spooled.documents, "unchanged": spooled.known}
        removed = None
        if isinstance(chooser, Replacements):
            assert rows is not None
            _refuse_repeated(log)
            chooser.require_known(folder)
            removed = rows.take(np.array(chooser.replaced, dtype=np.int64))
            counts |= {"added": chooser.added, "updated": chooser.updated,
                       "unchanged": chooser.unchanged}  # fmt: skip
        for shard in spooled.shards:  # said now, and not after the encoding
            documents = workspace.documents(shard, old.attributes)
            for name in old.attributes:
                fitted(documents[name], change.opened.schema.field(name), folder)
        if dry_run or not spooled.documents:
            if not spooled.documents and not opened.documents:
                raise SourceError(log.explain_nothing(str(source)[:200]))
            return change.report("unchanged", dry_run=dry_run, **counts)
        new, encoder = _encoded(change, workspace, spooled)
        log.publish()
        more = {
            "skipped": log.by_reason,
            "repaired": opened.repairs,
            "input_digest": spooled.digest,
            "encoder": write.about_encoder(encoder, workspace, spooled.shards, old),
        }
        manifest = _write(change, removed, new, _back(change, workspace, spooled, removed), more)
    finally:
        workspace.clear()
    return change.report("updated" if rows is not None else "added", manifest, **counts)


def _refuse_repeated(log: RejectLog) -> None:
    """Refuse a source with two rows for one document: which of them counts is not for us to say."""
    first = next((item for item in log.listed if "stands earlier" in item["reason"]), None)
    if log.by_reason.get("repeated id") and first is not None:
        raise AtlasError(
            f"{first['reason']} (row {first['row']}); nothing was changed: give each id once"
        )


def _open_source(change: _Change, source: Any, log: RejectLog, *, updating: bool) -> Any:
    from isogloss.corpus import open_source

    text, named = change.old.parameters.get("text"), change.old.parameters.get("id")
    wanted = named or ("id" if updating else None)
    try:
        opened = open_source(source, text=text, id=wanted, on_reject=log.reject)
    except ColumnError:
        if not isinstance(source, list | tuple) or not all(isinstance(t, str) for t in source):
            raise
        opened = open_source(source, id=wanted, on_reject=log.reject)
        if opened.inputs():  # files; a plain list of texts has no names of columns
            raise
    if not updating and opened.id_column != named:
        raise ColumnError(
            f"{change.folder} numbers its documents, and the source has ids in the column "
            f"{opened.id_column!r}: leave it out, or rename it to keep it as an attribute"
        )
    check_attributes(opened.schema, change.old.attributes, change.folder)
    kind = change.opened.schema.field("id").type
    ids = pa.int64() if opened.id_column is None else opened.id_type
    if ids != kind:
        raise ColumnError(
            f"ids are {ids} in the source and {kind} in {change.folder}: make them alike"
        )
    return opened


def _encoded(change: _Change, workspace: Workspace, spooled: Spooled) -> tuple[_New, "Encoder"]:
    folder, old, on_event = change.folder, change.old, change.on_event
    settings = BuildSettings(encoder=str(old.parameters["encoder"]))
    with change.watch("load encoder"):
        encoder = change.encoder or stages.open_encoder(folder, settings, old, on_event=on_event)
        topics = Topics.load(folder / old.state / "topics")
    encoder = stages.fit_and_encode(
        workspace, spooled.shards, encoder, settings, watch=change.watch, on_event=on_event
    )
    key = old.state[-12:]
    with change.watch("assign topics"):
        tally = assign_shards(workspace, spooled.shards, topics, encoder, key, on_event=on_event)
    schema = change.opened.schema

    def batches() -> Iterator[pa.RecordBatch]:
        for shard in spooled.shards:
            yield write.passage_batch(workspace, shard, schema, encoder, key)

    return _New(batches(), spooled.documents, tally), encoder


def _back(
    change: _Change, workspace: Workspace, spooled: Spooled, removed: Rows | None
) -> Gone:  # fmt: skip
    """Keep the record of what was taken out: what comes in again is struck from it."""
    gone = Gone.read(change.folder / change.old.state)
    for shard in spooled.shards:
        documents = workspace.documents(shard, ["id", "content_hash"])
        hashes = documents["content_hash"].to_numpy()
        gone = gone.without(change.keys(documents["id"].to_pylist(), hashes))
    if removed is None or not len(removed):
        return gone
    keys = change.keys(removed.ids.to_pylist(), removed.hashes)
    return gone.with_replaced(keys, removed.hashes) if change.by_id else gone.with_deleted(keys)


def _write(
    change: _Change, removed: Rows | None, new: _New | None, gone: Gone, more: dict[str, Any]
) -> Manifest:
    """Write table, topics and manifest, then keep things up."""
    folder, old = change.folder, change.old
    going = removed.passage if removed is not None else np.empty(0, dtype=np.int64)
    added = new.rows if new is not None else 0
    version = old.version + 1
    with change.watch("write"):
        written, copied = _write_table(change, going, new, version)
    stale = 0 if copied else old.stale_rows + len(going)
    with change.watch("index"):
        stale = index_text(
            written, added=added + copied, stale=stale, upkeep=change.upkeep,
            on_event=change.on_event,
        )  # fmt: skip
    tree = state.read_tree(folder / old.state)
    leaf = leaf_columns(tree.parent)
    lost = leaf[removed.topic] if removed is not None else np.empty(0, dtype=np.int32)
    sizes = -np.bincount(lost[lost >= 0], minlength=int(leaf.max()) + 1)
    unassigned = old.unassigned - int((lost < 0).sum())
    if new is not None:
        sizes = sizes + new.tally.sizes
        unassigned += new.tally.unassigned
    with change.watch("name topics"):
        tree = without_passages(tree, sizes, going, written)
    manifest = replace(
        old, version=version, updated=utc_now(), state=state.state_name(version),
        documents=old.documents - len(going) + added, passages=old.passages - len(going) + added,
        unassigned=unassigned, table=written.name, table_version=written.version,
        next_passage=old.free_number + added, stale_rows=stale, seconds=change.watch.seconds,
        **more,
    )  # fmt: skip
    commit(folder, old, manifest, tree=tree, gone=gone)
    with change.watch("upkeep"):
        manifest, _ = keep_up(
            folder, manifest, before=old, on_event=change.on_event, upkeep=change.upkeep
        )
    return manifest


def _write_table(
    change: _Change, going: NDArray[np.int64], new: _New | None, version: int
) -> tuple[Any, bool]:
    """Change the table in place, or copy what stays; tell which."""
    folder, old = change.folder, change.old
    schema = change.opened.schema
    batches = new.batches if new is not None else None
    change.on_event(Event("write", message="passages", level="progress"))
    if len(going) <= COPY_FROM * old.passages:
        return table.change(
            folder, old.table, old.table_version, schema, batches, remove=going
        ), False

    def rows() -> Iterator[pa.RecordBatch]:
        yield from live_rows(change.opened, going)
        yield from batches or ()

    return table.create_table(folder, f"passages-{version:04d}", schema, rows()), True
