"""The map of a build: what it is drawn from, and the stage that draws it."""

from pathlib import Path
from typing import Any

from isogloss._core.events import OnEvent, ignore
from isogloss._core.files import storage_errors
from isogloss.build.settings import BuildSettings
from isogloss.layout.stored import MOST_ANCHORS, Source, update_map
from isogloss.store.manifest import Manifest


def map_source(manifest: Manifest, table: Any, *, on_event: OnEvent = ignore) -> Source:
    """Say what the map of an atlas is drawn from.

    Parameters
    ----------
    manifest : Manifest
    table : lancedb.table.Table
        Its passages, opened.
    on_event : callable
        Takes progress.

    Returns
    -------
    Source
    """
    parameters = manifest.parameters
    return source_of(
        table, str(manifest.encoder["fingerprint"]), seed=int(parameters.get("seed", 0)),
        memory_mb=int(parameters.get("memory_mb", 2048)), on_event=on_event,
    )  # fmt: skip


def source_of(
    table: Any, fingerprint: str, *, seed: int, memory_mb: int, on_event: OnEvent
) -> Source:
    """Say what a map is drawn from; less memory lets fewer passages be laid out together."""
    most = min(MOST_ANCHORS, BuildSettings(memory_mb=memory_mb).sample_rows)
    return Source(table, fingerprint, seed=seed, most=most, on_event=on_event)


def draw_map(state: Path, source: Source) -> None:
    """Draw the map of a state folder, or bring it up to date.

    Raises
    ------
    StorageError
        When the disk is full.
    """
    with storage_errors("the map"):
        update_map(state, source, version=0)
