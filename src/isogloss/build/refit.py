"""Topics of a finished atlas found anew, by other settings, over the vectors that are there.

Passages and vectors are taken out of the table into the work folder, where the stages of a build
find them: what comes out are the topics that a build of these passages finds by these settings.
Like a build it goes on after a kill, and until the manifest is replaced the atlas is as it was.
"""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from isogloss._core.errors import AtlasError, ParameterError
from isogloss._core.events import Event, OnEvent
from isogloss._core.files import storage_errors
from isogloss.build import write
from isogloss.build.edit import passage_vectors
from isogloss.build.leftovers import clean_up
from isogloss.build.maps import draw_map, map_source
from isogloss.build.reembed import slices
from isogloss.build.report import Stopwatch, peak_rss_mb
from isogloss.build.settings import BuildSettings
from isogloss.build.stages import load_atlas_encoder
from isogloss.build.stamp import package_versions, utc_now
from isogloss.build.topic_settings import check_count, topics_of
from isogloss.build.topics import check_seeds
from isogloss.build.upkeep import TABLE, TREE
from isogloss.layout.stored import NAME as MAP
from isogloss.store import state, table
from isogloss.store.edits import History
from isogloss.store.manifest import Manifest, write_manifest
from isogloss.store.workspace import Shard, Workspace, unfinished

if TYPE_CHECKING:
    from isogloss.encoders.base import Encoder

# Columns that are made anew; all others stay as they are.
_MADE = ("vector", "topic", "membership", "memberships", "document")


def require_unedited(folder: Path, manifest: Manifest) -> None:
    """Refuse to replace topics that somebody has edited: the edits would be lost.

    Raises
    ------
    AtlasError
        Naming the last edit.

    Examples
    --------
    >>> require_unedited(Path("a.atlas"), Manifest(version=1))
    """
    done = History.from_json(manifest.edits, folder).done
    if done:
        more = f" and {len(done) - 1:,} more" if len(done) > 1 else ""
        raise AtlasError(
            f"other settings find other topics, and {folder} has edits that they would undo "
            f"({done[-1].what}{more}): take these back with isogloss topics --undo, or give "
            "--fresh to build anew"
        )


def give_up(folder: Path, manifest: Manifest, on_event: OnEvent) -> None:
    """Remove what was begun of finding topics anew, where nobody asks for it any more."""
    workspace = Workspace(folder)
    plan = workspace.read_plan()
    if plan is not None and plan.get("refit") and plan.get("base") == manifest.version:
        message = (
            "the unfinished search for topics by other settings is given up: the atlas keeps those "
            "it has (give these settings again for the others)"
        )
        on_event(Event("find topics", message=message, level="warning"))
        workspace.clear()


def refit_atlas(
    folder: Path, old: Manifest, settings: BuildSettings, *, watch: Stopwatch, on_event: OnEvent
) -> Manifest:
    """Find the topics of an atlas anew.

    Parameters
    ----------
    folder, old
        The atlas, locked by the caller.
    settings : BuildSettings
        Those of the atlas but for its topics.
    watch, on_event
        Take times and progress.

    Returns
    -------
    Manifest
        The new one.

    Raises
    ------
    ParameterError
        When there are no such topics.
    AtlasError
        While an addition is unfinished, or where there are no passages.
    EncoderError
        When the encoder cannot be loaded any more.
    """
    if not old.passages:
        raise AtlasError(f"{folder} holds no passages: there are no topics to find")
    check_count(settings, old.passages)
    workspace = _begin(folder, old, settings, on_event)
    with watch("load encoder"):
        encoder = load_atlas_encoder(folder, old)
    opened = table.open_table(folder, old.table, old.table_version)
    with watch("read"):
        shards = _spooled(workspace, opened, encoder, old.passages, on_event)
    try:
        if settings.seeds:
            with watch("find topics"):
                check_seeds(workspace, shards, encoder, settings, on_event=on_event)
        found = write.find_topics(
            workspace, shards, encoder, settings, watch=watch, on_event=on_event
        )
    except ParameterError:  # there is nothing to go on with
        workspace.clear()
        raise
    version = old.version + 1
    with watch("write"):
        made = _write_table(workspace, shards, opened, encoder, found.key, version, on_event)
    _write_state(folder, old, found, version)
    new = replace(
        old, version=version, updated=utc_now(), state=state.state_name(version), table=made.name,
        table_version=made.version, topics=len(found.tree.leaves), stale_rows=0, edits={},
        unassigned=found.tally.unassigned, parameters={**old.parameters, **topics_of(settings)},
        versions=package_versions(),
    )  # fmt: skip
    with watch("map"):
        draw_map(folder / new.state, map_source(new, made, on_event=on_event))
    new.seconds, new.peak_rss_mb = watch.seconds, peak_rss_mb()
    write_manifest(folder, new)
    workspace.clear()
    clean_up(folder, new, old)
    return new


def _begin(folder: Path, old: Manifest, settings: BuildSettings, on_event: OnEvent) -> Workspace:
    workspace = Workspace(folder)
    plan = workspace.read_plan()
    ours = plan is not None and bool(plan.get("refit"))
    if plan is not None and plan.get("base") == old.version and not ours:
        raise AtlasError(unfinished(folder))
    if plan is None or plan.get("base") != old.version:
        workspace.clear()
    else:  # passages and vectors are the same for any settings
        on_event(Event("find topics", message="going on with the unfinished build", level="info"))
    on_event(Event("find topics", message="anew, over the vectors that are there", level="info"))
    workspace.begin({**settings.identity(), "base": old.version, "refit": True})
    return workspace


def _spooled(
    workspace: Workspace, opened: Any, encoder: "Encoder", passages: int, on_event: OnEvent
) -> list[Shard]:
    """Take passages and vectors out of the table, in the order in which they were built."""
    columns = [name for name in opened.schema.names if name not in _MADE]
    shards: list[Shard] = []
    done = 0
    for part in slices(opened, [*columns, "vector"]):
        shard = workspace.put_documents(len(shards), done, part.select(columns))
        if not workspace.has_arrays("vectors", encoder.fingerprint, shard):
            rows = [passage_vectors(batch) for batch in part.to_batches()]
            arrays = {"vectors": np.concatenate(rows)}
            workspace.put_arrays("vectors", encoder.fingerprint, shard, arrays)
        shards.append(shard)
        done += shard.rows
        on_event(Event("read", done, passages, "passages"))
    return shards


def _write_table(
    workspace: Workspace, shards: list[Shard], opened: Any, encoder: "Encoder", key: str,
    version: int, on_event: OnEvent,
) -> Any:  # fmt: skip
    from isogloss.search.text_index import create_text_index

    def batches() -> Iterator[pa.RecordBatch]:
        for shard in shards:
            yield write.passage_batch(workspace, shard, opened.schema, encoder, key)

    name = f"passages-{version:04d}"
    on_event(Event("write", message=name))
    made = table.create_table(workspace.atlas, name, opened.schema, batches())
    on_event(Event("index", message="full text"))
    create_text_index(made)
    return made


def _write_state(folder: Path, old: Manifest, found: write.Found, version: int) -> None:
    """Write a state with other topics; encoder, map of queries and what was deleted stay."""
    draft = folder / ".state.tmp"
    with storage_errors("the topics of the atlas"):
        state.copy_state(folder / old.state, draft, without=("topics", TREE, TABLE, MAP))
        shutil.copytree(found.topics.folder, draft / "topics")
        state.write_tree(draft, found.tree)
    state.publish_state(draft, folder / state.state_name(version))
