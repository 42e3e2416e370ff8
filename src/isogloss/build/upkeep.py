"""What keeps an atlas quick and small after changes; every writer calls it, no user has to.

Five steps, each guarded: a step that fails leaves an atlas that is whole, says so in a warning,
and is tried again with the next change.

1. The text index is made anew, so that scores are those of an atlas built from the same rows.
2. A table that is worn is copied, live rows only, into a new one, which the next manifest names.
3. The vector index is brought up to date; it is derived, and searches need it for speed only.
4. Passages that came are placed on the map, those that went are taken off; derived as well.
5. Tables and states that no manifest names and no reader has open are removed.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from isogloss._core.errors import StorageError
from isogloss._core.events import Event, OnEvent
from isogloss._core.files import is_refusal, refusal_message, storage_errors
from isogloss._core.plural import plural
from isogloss.build.leftovers import clean_up
from isogloss.store import state, table
from isogloss.store.gone import NAME as GONE
from isogloss.store.gone import Gone
from isogloss.store.manifest import Manifest, write_manifest

# A table is copied when one of these is passed.
MOST_FRAGMENTS = 64
MOST_DELETED = 0.10
MOST_FILES = 512
MOST_WASTE = 1.0  # bytes that only older versions use, for each live one ...
FREE_WASTE = 16 << 20  # ... beyond so many bytes
# Passages up to which every deletion renews the text index; beyond, every hundredth passage.
ALWAYS_INDEXED = 50_000
MOST_STALE = 0.01

TREE = "tree.json"
TABLE = "table.json"


@dataclass(slots=True)
class Upkeep:
    """What upkeep did after a change.

    Parameters
    ----------
    indexed, compacted : bool
        Whether the text index was made anew, and the table copied.
    failed : list of str
        Steps that did not work, with the reason.
    """

    indexed: bool = False
    compacted: bool = False
    failed: list[str] = field(default_factory=list)

    def guard(
        self, step: str, work: Callable[[], Any], on_event: OnEvent, *, strict: bool = False
    ) -> bool:
        """Do a step; say so where it fails, and go on (`strict`: not where the disk refuses).

        Examples
        --------
        >>> upkeep = Upkeep()
        >>> upkeep.guard("copying", lambda: 1 / 0, lambda event: None)
        False
        >>> upkeep.failed
        ['copying: division by zero']
        """
        try:
            work()
        except BaseException as error:
            # A panic of the store's native code is no Exception; an interrupt is none of ours.
            if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
                raise
            refused = is_refusal(error)
            if refused and strict:
                raise StorageError(refusal_message(step, error)) from error
            reason = refusal_message("it", error) if refused else str(error)
            reason = " ".join(reason.split())[:200]
            self.failed.append(f"{step}: {reason}")
            message = f"{step} did not work ({reason}); the atlas is whole, the next change retries"
            on_event(Event("upkeep", message=message, level="warning"))
            return False
        return True


def needs_text_index(opened: Any, *, added: int, stale: int) -> bool:
    """Tell whether a change asks for a new text index.

    Parameters
    ----------
    opened : lancedb.table.Table
        After the change.
    added : int
        Passages that it added.
    stale : int
        Passages taken out since the index was made.
    """
    from isogloss.search.text_index import unindexed_rows

    rows = opened.count_rows()
    if not rows:
        return False
    if added or (stale and (rows <= ALWAYS_INDEXED or stale > MOST_STALE * rows)):
        return True
    return unindexed_rows(opened) > 0


def index_text(opened: Any, *, added: int, stale: int, upkeep: Upkeep, on_event: OnEvent) -> int:
    """Make the text index anew where that is called for; give the passages that it still counts.

    Raises
    ------
    StorageError
        When the disk is full: then the change itself cannot be finished either.
    """
    from isogloss.search.text_index import create_text_index

    if not needs_text_index(opened, added=added, stale=stale):
        return stale if opened.count_rows() else 0
    on_event(Event("index", message="full text"))

    upkeep.indexed = upkeep.guard(
        "the text index", lambda: create_text_index(opened), on_event, strict=True
    )
    return 0 if upkeep.indexed else stale


def is_worn(found: table.Wear) -> bool:
    """Tell whether a table is to be copied.

    Examples
    --------
    >>> is_worn(table.Wear(3, 900, 50, 10**9, 10**9, 20))
    False
    >>> is_worn(table.Wear(3, 900, 101, 10**9, 10**9, 20))
    True
    """
    waste = found.bytes_all - found.bytes_live
    return (
        found.fragments > MOST_FRAGMENTS
        or found.deleted > MOST_DELETED * (found.rows + found.deleted)
        or found.files > MOST_FILES
        or waste > max(FREE_WASTE, MOST_WASTE * found.bytes_live)
    )


def live_rows(opened: Any, remove: NDArray[np.int64] | None = None) -> Iterator[pa.RecordBatch]:
    """Stream the passages of a table, all columns, but for those that are to be left out.

    Parameters
    ----------
    opened : lancedb.table.Table
    remove : int64 (n,), optional
        Numbers of passages.
    """
    for batch in table.scan(opened, opened.schema.names):
        if remove is None:
            yield batch
            continue
        keep = ~np.isin(batch.column("passage").to_numpy(), remove)
        if keep.any():
            yield batch.filter(pa.array(keep))


def commit(
    folder: Path, old: Manifest, new: Manifest, *, tree: Any = None, gone: Gone | None = None
) -> None:
    """Make a manifest the atlas': its state folder first, which shares the files that stay.

    Parameters
    ----------
    folder : Path
        Folder of the atlas.
    old, new : Manifest
        `new.state` is named after `new.version`.
    tree : TopicTree, optional
        The new topic tree; the old one by default.
    gone : Gone, optional
        The new record of what was taken out; the old one by default.
    """
    before = folder / old.state
    draft = folder / ".state.tmp"
    with storage_errors("the topics of the atlas"):
        state.copy_state(before, draft, without=(TREE, TABLE, GONE))
        state.write_tree(draft, state.read_tree(before) if tree is None else tree)
        (Gone.read(before) if gone is None else gone).write(draft)
    state.publish_state(draft, folder / new.state)
    write_manifest(folder, new)


def keep_up(
    folder: Path, manifest: Manifest, *, before: Manifest, on_event: OnEvent,
    upkeep: Upkeep | None = None,
) -> tuple[Manifest, Upkeep]:  # fmt: skip
    """Copy a worn table and remove what nobody needs, after a change was committed.

    Parameters
    ----------
    folder : Path
        Folder of the atlas; its lock is held.
    manifest : Manifest
        The one just committed.
    before : Manifest
        The one before it.
    on_event : callable
        Takes warnings and progress.
    upkeep : Upkeep, optional
        What was done so far.

    Returns
    -------
    manifest : Manifest
        The newest.
    upkeep : Upkeep
    """
    done = upkeep or Upkeep()
    held = [before, manifest]

    def copy() -> None:
        opened = table.open_table(folder, manifest.table, manifest.table_version)
        if is_worn(table.wear(folder, opened)):
            held.append(_copied(folder, manifest, opened, on_event))
            done.compacted = True

    def index_vectors() -> None:
        from isogloss.search.segments import index_passages

        newest = held[-1]
        opened = table.open_table(folder, newest.table, newest.table_version)
        seed = int(newest.parameters.get("seed", 0))
        index_passages(folder, opened, newest.encoder["fingerprint"], seed=seed)

    def draw() -> None:
        from isogloss.build.maps import draw_map, map_source

        newest = held[-1]
        opened = table.open_table(folder, newest.table, newest.table_version)
        draw_map(folder / newest.state, map_source(newest, opened, on_event=on_event))

    done.guard("copying the table", copy, on_event)
    done.guard("the vector index", index_vectors, on_event)
    done.guard("the map", draw, on_event)
    done.guard("cleaning up", lambda: clean_up(folder, held[-1], held[-2]), on_event)
    return held[-1], done


def _copied(folder: Path, old: Manifest, opened: Any, on_event: OnEvent) -> Manifest:
    from isogloss.search.text_index import create_text_index

    version = old.version + 1
    name = f"passages-{version:04d}"
    on_event(Event("upkeep", message=f"copying {plural(old.passages, 'passage')} into a new table"))
    made = table.create_table(folder, name, opened.schema, live_rows(opened))
    create_text_index(made)
    if made.count_rows() != old.passages:
        raise StorageError(f"the copy has {made.count_rows()} passages, not {old.passages}")
    new = replace(
        old, version=version, state=state.state_name(version), table=name,
        table_version=made.version, stale_rows=0,
    )  # fmt: skip
    commit(folder, old, new)
    return new
