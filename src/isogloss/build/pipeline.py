"""`build_atlas`: reads, fits, encodes, finds topics, writes, and commits.

Each stage leaves files named after what they were made from (see `store.workspace`), so that a
build that was killed takes up where it stopped and ends in the same atlas. The manifest is
replaced last; until then an older atlas in the same folder stays as it was.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from isogloss._core.errors import (
    AtlasError,
    ColumnError,
    EncoderError,
    ParameterError,
    SourceError,
)
from isogloss._core.events import Event, OnEvent, ignore
from isogloss._core.files import storage_errors
from isogloss._core.plural import of_all, plural
from isogloss.build import refit, stages, write
from isogloss.build.default import with_encoder
from isogloss.build.documents import KnownDocuments, Spooled, spool
from isogloss.build.leftovers import clean_up, end_killed
from isogloss.build.plan import enter_workspace, in_use, no_such_topics, require_same
from isogloss.build.report import LISTED_REJECTS, BuildReport, Stopwatch, peak_rss_mb
from isogloss.build.settings import BuildSettings
from isogloss.build.skipped import RejectLog
from isogloss.build.stamp import package_versions, utc_now
from isogloss.build.topic_settings import check_count, topics_of, with_topics
from isogloss.build.upkeep import keep_up
from isogloss.store import manifest as manifests
from isogloss.store import state, table
from isogloss.store.gone import Gone
from isogloss.store.manifest import DamagedManifest, Manifest, read_manifest, write_manifest
from isogloss.store.whole import check_whole
from isogloss.store.workspace import Workspace, build_lock

# Share of the passages in no topic above which a build says so.
MANY_UNASSIGNED = 0.1


@dataclass(slots=True)
class _Run:
    """One build under way.

    `wanted` is `settings` with the topics that are asked for, where those of a finished atlas are
    others.
    """

    source: Any
    folder: Path
    settings: BuildSettings
    fresh: bool
    on_event: OnEvent
    wanted: BuildSettings = field(default_factory=BuildSettings)
    watch: Stopwatch = field(default_factory=Stopwatch)


def build_atlas(
    source: Any,
    folder: str | Path,
    settings: BuildSettings | None = None,
    *,
    fresh: bool = False,
    on_event: OnEvent = ignore,
) -> BuildReport:
    """Build an atlas, go on with an unfinished one, or add new documents to a finished one.

    Parameters
    ----------
    source : path, list of paths, frame, table, list of str
        What `corpus.open_source` takes.
    folder : path
        Folder of the atlas.
    settings : BuildSettings
        Columns, encoder, topics, seed, memory. Other topics than those of a finished atlas are
        found over the vectors that are there.
    fresh : bool
        Build anew even where a finished atlas stands; that one stays until the new one is done.
    on_event : callable
        Takes `Event` records.

    Returns
    -------
    BuildReport

    Raises
    ------
    SourceError, ColumnError, EncoderError, ParameterError
        When the request cannot be met.
    AtlasError
        When the folder holds something else, or an atlas of other settings.
    StorageError
        When the disk is full; the same call goes on when there is room.

    Examples
    --------
    >>> import tempfile
    >>> texts = ["the cat sat on the mat", "a cat and a dog", "stocks fell on monday"]
    >>> build_atlas(texts, Path(tempfile.mkdtemp()) / "a.atlas").documents
    3
    """
    settings = settings or BuildSettings()
    settings.check()
    path = Path(folder)
    _refuse_foreign(path, fresh=fresh)
    new = not path.exists()
    try:
        with build_lock(path):
            report = _build(_Run(source, path, settings, fresh, on_event))
    except (SourceError, ColumnError, EncoderError, ParameterError):
        if new:
            _remove_if_empty(path)
        raise
    report.peak_rss_mb = peak_rss_mb()
    return report


def _refuse_foreign(folder: Path, *, fresh: bool) -> None:
    """Never write into a folder that is something else."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise AtlasError(f"{folder} is a file; give a folder for the atlas with -o")
    names = {item.name for item in folder.iterdir()}
    if names and not names & {manifests.NAME, "work", ".lock"}:
        raise AtlasError(
            f"{folder} holds other files and is no atlas: give a new or empty folder with -o"
        )
    whole = any(folder.glob("state-*")) and any(folder.glob("passages-*.lance"))
    if whole and not fresh and not names & {manifests.NAME, "work"}:
        raise AtlasError(
            f"{folder} has lost its {manifests.NAME}: copy it anew from where it is whole, or "
            "build it anew with --fresh (what was edited in it is lost)"
        )


def _remove_if_empty(folder: Path) -> None:
    """Leave nothing behind of a build that could not begin."""
    if {item.name for item in folder.iterdir()} <= {".lock"}:
        (folder / ".lock").unlink(missing_ok=True)
        folder.rmdir()


def _build(run: _Run) -> BuildReport:
    from isogloss.atlas import need_manifest
    from isogloss.corpus import open_source

    settings = run.settings
    with run.watch("read"):
        run.on_event(Event("read"))
        log = RejectLog(run.folder, LISTED_REJECTS)
        source = open_source(
            run.source, text=settings.text, id=settings.id, limit=settings.limit,
            on_reject=log.reject,
        )  # fmt: skip
    before = _manifest_before(run)
    manifest = None if run.fresh else before
    if manifest is not None:
        check_whole(run.folder, manifest)
    held = in_use(run.folder, manifest)
    settings = with_encoder(settings, source, used=held.get("encoder"), on_event=run.on_event)
    run.wanted = run.settings = with_topics(settings, held)
    anew = False
    if manifest is not None:
        has = topics_of(with_topics(BuildSettings(), held))
        anew = topics_of(run.wanted) != has
        run.settings = replace(run.wanted, **has)
        if anew:
            refit.require_unedited(run.folder, manifest)
        else:
            refit.give_up(run.folder, manifest, run.on_event)
    report = _documents(run, source, log, before)
    if anew:
        report = _topics_anew(run, report)
    if report.status != "unchanged":
        _say_topics(run, need_manifest(run.folder))
    return report


def _documents(run: _Run, source: Any, log: RejectLog, before: Manifest | None) -> BuildReport:
    """Build an atlas from a source, or add to one what the source has more."""
    settings = run.settings
    manifest = None if run.fresh else before
    identity = {
        **settings.identity(),
        "text": source.text_column,
        "id": source.id_column,
        "limit": settings.limit,
    }
    inputs = source.inputs()
    if manifest is not None:
        require_same(run.folder, manifest.parameters, identity, finished=True)
        same_limit = manifest.parameters.get("limit") == settings.limit
        if inputs and same_limit and manifest.sources == inputs:
            end_killed(run.folder, manifest)
            _mend_index(run, manifest)
            return _unchanged(run, manifest)
    with run.watch("load encoder"):
        encoder = stages.open_encoder(run.folder, settings, manifest, on_event=run.on_event)
    identity["fingerprint"] = manifest.encoder["fingerprint"] if manifest else encoder.fingerprint
    workspace = Workspace(run.folder)
    found = workspace.read_plan() or {}
    enter_workspace(
        workspace, identity, base=manifest.version if manifest else 0, fresh=run.fresh,
        on_event=run.on_event,
    )  # fmt: skip
    with run.watch("read"):
        known = _known_documents(run.folder, manifest, source) if manifest else None
        start = manifest.free_number if manifest else 0
        try:
            with log:
                spooled = spool(
                    source, workspace, known=known, start=start, on_event=run.on_event,
                    expect=lambda: source.expected_documents,
                    before=manifest.input_digest if manifest else None,
                )  # fmt: skip
        except AtlasError:  # a document that has changed: there is nothing to go on with
            workspace.clear()
            raise
    if manifest is not None:
        _say_gone(run, spooled)
        if not spooled.documents:
            write_manifest(run.folder, _touch(manifest, inputs, identity))
            workspace.clear()
            return _unchanged(run, manifest)
        stages.check_columns(run.folder, manifest, source)
    elif not spooled.documents:
        workspace.clear()
        raise SourceError(log.explain_nothing(str(run.source)[:200]))
    with no_such_topics(workspace, found):
        check_count(run.wanted, spooled.documents + (manifest.passages if manifest else 0))
        made = write.make(
            workspace, spooled.shards, source, encoder, settings, manifest,
            watch=run.watch, on_event=run.on_event,
        )  # fmt: skip
    new = _new_manifest(run, manifest, made, spooled, identity, inputs, log, source.repairs)
    log.publish()
    write_manifest(run.folder, new)
    workspace.clear()
    if manifest is None:
        clean_up(run.folder, new, before)
    else:
        new, _ = keep_up(run.folder, new, before=manifest, on_event=run.on_event)
    return BuildReport(
        str(run.folder), new.documents, new.passages, new.topics, new.unassigned,
        added=spooled.documents, status="added" if manifest else "built",
        skipped=log.listed, skipped_total=log.total, repaired_total=sum(source.repairs.values()),
        seconds=run.watch.seconds,
    )  # fmt: skip


def _manifest_before(run: _Run) -> Manifest | None:
    """Read the manifest that is there; `fresh` builds over an atlas whose manifest is cut."""
    try:
        return read_manifest(run.folder)
    except DamagedManifest:
        if not run.fresh or not any(run.folder.glob("passages-*.lance")):
            raise
    return None


def _topics_anew(run: _Run, report: BuildReport) -> BuildReport:
    """Find the topics that are asked for among all passages of a finished atlas."""
    from isogloss.atlas import need_manifest

    new = refit.refit_atlas(
        run.folder, need_manifest(run.folder), run.wanted, watch=run.watch, on_event=run.on_event
    )
    return replace(
        report, topics=new.topics, unassigned=new.unassigned, refitted=True,
        status="refitted" if report.status == "unchanged" else report.status,
        seconds=run.watch.seconds,
    )  # fmt: skip


def _known_documents(folder: Path, manifest: Manifest, source: Any) -> KnownDocuments:
    import numpy as np

    opened = table.open_table(folder, manifest.table, manifest.table_version)
    ids: list[Any] = []
    hashes = []
    for batch in table.scan(opened, ["id", "content_hash"]):
        hashes.append(batch.column("content_hash").to_numpy())
        if source.id_column is not None:
            ids.extend(batch.column("id").to_pylist())
    return KnownDocuments(
        ids if source.id_column is not None else None,
        np.concatenate(hashes) if hashes else np.empty(0, dtype=np.int64),
        Gone.read(folder / manifest.state),
    )


def _say_gone(run: _Run, spooled: Spooled) -> None:
    if spooled.left_out:
        one = spooled.left_out == 1
        message = (
            f"{plural(spooled.left_out, 'document')} of this source "
            f"{'was' if one else 'were'} deleted from the atlas and {'stays' if one else 'stay'} "
            f"out (Atlas.add or isogloss update --add-new takes {'it' if one else 'them'} in again)"
        )
        run.on_event(Event("read", message=message, level="warning"))
    if spooled.gone:
        one = spooled.gone == 1
        message = (
            f"{plural(spooled.gone, 'document')} of the atlas {'is' if one else 'are'} not in this "
            f"source; {'it stays' if one else 'they stay'} in the atlas (--fresh builds it without "
            f"{'that' if one else 'them'})"
        )
        run.on_event(Event("read", message=message, level="warning"))


def _say_topics(run: _Run, manifest: Manifest) -> None:
    """Warn when topics say little: more than a tenth belongs to none, or all to one."""
    message = ""
    if manifest.unassigned > MANY_UNASSIGNED * manifest.passages:
        share = manifest.unassigned / manifest.passages
        verb = "is" if manifest.unassigned == 1 else "are"
        message = (
            f"{of_all(manifest.unassigned, manifest.passages, 'passage')} ({share:.0%}) {verb} in "
            "no topic: too few others resemble them; search finds them all the same"
        )
    elif manifest.topics == 1 and run.wanted.n_topics != 1:
        whole = f"all {manifest.passages:,} passages make"
        message = (
            f"{'the only passage makes' if manifest.passages == 1 else whole} one topic: there are "
            "too few of them, or they are too much alike, to tell topics apart; search finds them "
            "all the same"
        )
    if message:
        run.on_event(Event("find topics", message=message, level="warning"))


def _unchanged(run: _Run, manifest: Manifest) -> BuildReport:
    return BuildReport(
        str(run.folder), manifest.documents, manifest.passages, manifest.topics,
        manifest.unassigned, status="unchanged", skipped_total=sum(manifest.skipped.values()),
        seconds=run.watch.seconds,
    )  # fmt: skip


def _touch(manifest: Manifest, inputs: list[dict[str, Any]], identity: dict[str, Any]) -> Manifest:
    manifest.sources = inputs
    manifest.parameters["limit"] = identity["limit"]
    return manifest


def _new_manifest(
    run: _Run, old: Manifest | None, made: write.Made, spooled: Spooled,
    identity: dict[str, Any], inputs: list[dict[str, Any]], log: RejectLog,
    repaired: dict[str, int],
) -> Manifest:  # fmt: skip
    now = utc_now()
    return Manifest(
        version=made.version,
        created=old.created if old else now,
        updated=now,
        sources=inputs,
        parameters=identity,
        encoder=made.encoder,
        documents=made.passages,
        passages=made.passages,
        topics=made.topics,
        unassigned=made.unassigned,
        skipped=log.by_reason,
        repaired=repaired,
        seconds=run.watch.seconds,
        peak_rss_mb=peak_rss_mb(),
        table=made.table,
        table_version=made.table_version,
        state=state.state_name(made.version),
        attributes=made.attributes,
        versions=package_versions(),
        next_passage=(old.free_number if old else 0) + spooled.documents,
        queries=old.queries if old else {},
        migrations=old.migrations if old else [],
        edits=old.edits if old else {},
        input_digest=spooled.digest,
    )


def _mend_index(run: _Run, manifest: Manifest) -> None:
    """Make files of the vector index anew that are missing or damaged."""
    from isogloss.search.segments import index_passages

    opened = table.open_table(run.folder, manifest.table, manifest.table_version)
    with storage_errors("the vector index"):
        index_passages(run.folder, opened, manifest.encoder["fingerprint"], seed=run.settings.seed)
