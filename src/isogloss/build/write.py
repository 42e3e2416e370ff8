"""Last stages: the table of passages, its text index, and the state folder."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from isogloss._core.errors import StorageError
from isogloss._core.events import Event, OnEvent
from isogloss._core.files import is_refusal, refusal_message, storage_errors
from isogloss.build.incoming import fitted
from isogloss.build.maps import draw_map, source_of
from isogloss.build.report import Stopwatch
from isogloss.build.settings import BuildSettings
from isogloss.build.stages import fit_and_encode, fit_encoder, truncation_of
from isogloss.build.topics import (
    Tally,
    Topics,
    assign_shards,
    check_seeds,
    describe,
    fit_topics,
    inner_sizes,
    own_strength,
    tell_seeds,
)
from isogloss.layout.stored import NAME as MAP
from isogloss.store import state, table
from isogloss.store.gone import Gone
from isogloss.store.manifest import Manifest
from isogloss.store.workspace import Shard, Workspace

if TYPE_CHECKING:
    from isogloss.encoders.base import Encoder
    from isogloss.topics.tree import TopicTree


@dataclass(slots=True)
class Made:
    """What the stages made, ready for the manifest.

    Parameters
    ----------
    version : int
        Of the atlas to be.
    encoder : dict
        What the manifest says of the encoder.
    passages, topics, unassigned : int
        Counts over the whole atlas.
    table, table_version
        The Lance table and its version.
    attributes : list of str
        Attribute columns.
    """

    version: int
    encoder: dict[str, Any]
    passages: int
    topics: int
    unassigned: int
    table: str
    table_version: int
    attributes: list[str]


def make(
    workspace: Workspace, shards: list[Shard], source: Any, encoder: "Encoder",
    settings: BuildSettings, old: Manifest | None, *, watch: Stopwatch, on_event: OnEvent,
) -> Made:  # fmt: skip
    """Run every stage from the encoder to the state folder.

    Parameters
    ----------
    workspace, shards
        The new documents.
    source : Source
        Gives the types of ids and attributes.
    encoder : Encoder
        Fitted or to be fitted.
    settings : BuildSettings
    old : Manifest or None
        The atlas that is added to; None for a new one.

    Returns
    -------
    Made
    """
    if old is None and settings.seeds:
        encoder = fit_encoder(workspace, shards, encoder, settings, watch=watch, on_event=on_event)
        with watch("find topics"):
            check_seeds(workspace, shards, encoder, settings, on_event=on_event)
    encoder = fit_and_encode(workspace, shards, encoder, settings, watch=watch, on_event=on_event)
    if old is None:
        found = find_topics(workspace, shards, encoder, settings, watch=watch, on_event=on_event)
    else:
        found = _known_topics(workspace, shards, encoder, old, watch=watch, on_event=on_event)
    topics, tree, tally, key = found
    version = (old.version if old else _last_version(workspace.atlas)) + 1
    with watch("write"):
        opened = _write_table(workspace, shards, source, encoder, key, old, version, on_event)
    with watch("index"):
        on_event(Event("index", message="full text"))
        _index_text(opened, new=old is None)
        on_event(Event("index", message="vectors"))
        _index_vectors(workspace.atlas, opened, encoder.fingerprint, settings.seed)
    _write_state(workspace, topics, tree, encoder, old, version)
    with watch("map"):
        source_of_map = source_of(
            opened, encoder.fingerprint, seed=settings.seed, memory_mb=settings.memory_mb,
            on_event=on_event,
        )  # fmt: skip
        draw_map(workspace.atlas / state.state_name(version), source_of_map)
    return Made(
        version=version,
        encoder=about_encoder(encoder, workspace, shards, old, settings.encoder_spec),
        passages=sum(shard.rows for shard in shards) + (old.passages if old else 0),
        topics=sum(1 for topic in tree if topic.is_leaf),
        unassigned=tally.unassigned + (old.unassigned if old else 0),
        table=old.table if old else _table_name(version),
        table_version=opened.version,
        attributes=list(source.schema.names),
    )


class Found(NamedTuple):
    """Topics of the passages of a workspace.

    Attributes
    ----------
    topics : Topics
        Vocabulary and model.
    tree : TopicTree
        With names and sizes.
    tally : Tally
    key : str
        Under which the workspace holds who belongs where.
    """

    topics: Topics
    tree: "TopicTree"
    tally: Tally
    key: str


def find_topics(
    workspace: Workspace, shards: list[Shard], encoder: "Encoder", settings: BuildSettings,
    *, watch: Stopwatch, on_event: OnEvent,
) -> Found:  # fmt: skip
    """Find topics among encoded passages, say who belongs where, and name them.

    Returns
    -------
    Found
    """
    with watch("find topics"):
        topics = fit_topics(workspace, shards, encoder, settings, on_event=on_event)
    key = topics.folder.name.removeprefix("topics-")
    with watch("assign topics"):
        tally = assign_shards(workspace, shards, topics, encoder, key, on_event=on_event)
    with watch("name topics"):
        tree = describe(workspace, shards, topics, encoder, tally, key, settings, on_event=on_event)
        tell_seeds(topics, tally, settings, on_event)
    return Found(topics, tree, tally, key)


def _known_topics(
    workspace: Workspace, shards: list[Shard], encoder: "Encoder", old: Manifest,
    *, watch: Stopwatch, on_event: OnEvent,
) -> Found:  # fmt: skip
    """Give new passages the topics that an atlas has."""
    with watch("find topics"):
        topics = Topics.load(workspace.atlas / old.state / "topics")
    key = old.state[-12:]
    with watch("assign topics"):
        tally = assign_shards(workspace, shards, topics, encoder, key, on_event=on_event)
    with watch("name topics"):
        tree = grown(state.read_tree(workspace.atlas / old.state), tally)
    return Found(topics, tree, tally, key)


def grown(tree: "TopicTree", tally: Tally) -> "TopicTree":
    """Add the new passages to the sizes; names and numbers stay as they are."""
    from dataclasses import replace

    return replace(tree, size=tree.size + inner_sizes(tree.parent, tally.sizes))


def _last_version(atlas: Path) -> int:
    """Give the highest version that left anything in the folder: its names are taken."""
    found = [0]
    for path in [*atlas.glob("passages-*.lance"), *atlas.glob("state-*")]:
        number = path.name.split("-")[1].split(".")[0]
        if number.isdigit():
            found.append(int(number))
    manifest = atlas / "manifest.json"
    return max(found) if manifest.exists() else 0


def _table_name(version: int) -> str:
    return f"passages-{version:04d}"


def _write_table(
    workspace: Workspace, shards: list[Shard], source: Any, encoder: "Encoder", key: str,
    old: Manifest | None, version: int, on_event: OnEvent,
) -> Any:  # fmt: skip
    id_type = workspace.documents(shards[0], ["id"]).schema.field("id").type
    schema = table.table_schema(id_type, encoder.dim, source.schema)
    total = sum(shard.rows for shard in shards)

    def batches() -> Iterator[pa.RecordBatch]:
        done = 0
        for shard in shards:
            yield passage_batch(workspace, shard, schema, encoder, key)
            done += shard.rows
            on_event(Event("write", done, total, "passages"))

    if old is None:
        return table.create_table(workspace.atlas, _table_name(version), schema, batches())
    return table.change(workspace.atlas, old.table, old.table_version, schema, batches())


def passage_batch(
    workspace: Workspace, shard: Shard, schema: pa.Schema, encoder: "Encoder", key: str
) -> pa.RecordBatch:
    """Join documents, vectors and topics of a shard as rows of the table."""
    documents = workspace.documents(shard).combine_chunks()
    vectors = workspace.arrays("vectors", encoder.fingerprint, shard)["vectors"]
    assigned = workspace.arrays("assigned", key, shard)
    numbers = pa.array(workspace.numbers(shard))
    strength = pa.array(assigned["strength"], pa.float32())
    flat = pa.array(np.ascontiguousarray(vectors).ravel(), pa.float32())
    own: dict[str, pa.Array] = {
        "passage": numbers,
        "document": numbers,
        "vector": pa.FixedSizeListArray.from_arrays(flat, encoder.dim),
        "topic": pa.array(assigned["topic"], pa.int32()),
        "membership": pa.array(own_strength(assigned["start"], assigned["strength"])),
        "memberships": pa.ListArray.from_arrays(
            pa.array(assigned["start"].astype(np.int32)), strength
        ),
    }
    columns = []
    for field in schema:
        if field.name in own:
            columns.append(own[field.name])
        else:
            columns.append(fitted(documents.column(field.name), field, workspace.atlas))
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _index_text(opened: Any, *, new: bool) -> None:
    from isogloss.search.text_index import create_text_index, refresh_text_index

    try:
        if new:
            create_text_index(opened)
        else:
            refresh_text_index(opened)
    except Exception as error:
        if is_refusal(error):
            raise StorageError(refusal_message("the text index", error)) from error
        raise


def _index_vectors(folder: Path, opened: Any, fingerprint: str, seed: int) -> None:
    from isogloss.search.segments import index_passages

    with storage_errors("the vector index"):
        index_passages(folder, opened, fingerprint, seed=seed)


def _write_state(
    workspace: Workspace, topics: Topics, tree: "TopicTree", encoder: "Encoder",
    old: Manifest | None, version: int,
) -> None:  # fmt: skip
    draft = workspace.folder / ".state.tmp"
    if draft.exists():
        shutil.rmtree(draft)
    with storage_errors("the topics of the atlas"):
        draft.mkdir()
        shutil.copytree(topics.folder, draft / "topics")
        state.write_tree(draft, tree)
        if old is not None:
            Gone.read(workspace.atlas / old.state).write(draft)
            if (workspace.atlas / old.state / MAP).is_file():
                shutil.copy2(workspace.atlas / old.state / MAP, draft / MAP)
        fitted = workspace.atlas / old.state / "encoder" if old else encoder_folder(workspace)
        if fitted is not None and fitted.is_dir():
            shutil.copytree(fitted, draft / "encoder")
        if old and (workspace.atlas / old.state / "compensation").is_dir():
            shutil.copytree(workspace.atlas / old.state / "compensation", draft / "compensation")
    state.publish_state(draft, workspace.atlas / state.state_name(version))


def encoder_folder(workspace: Workspace) -> Path | None:
    """Find the encoder that was fitted in this workspace, None where none was."""
    found = sorted(workspace.folder.glob("encoder-*"))
    return found[-1] if found else None


def about_encoder(
    encoder: "Encoder", workspace: Workspace, shards: list[Shard], old: Manifest | None,
    spec: str | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Say what the manifest says of the encoder; texts are counted over all writes."""
    spec = spec or str(old.encoder["spec"] if old else encoder.spec)
    seen = truncation_of(workspace, shards, encoder)
    before = (old.encoder.get("truncation") or {}) if old else {}
    counts = {
        name: getattr(seen, name) + before.get(name, 0)
        for name in ("texts", "long_texts", "tokens", "tokens_beyond", "stretched")
    }
    return {
        "spec": spec,
        "dim": encoder.dim,
        "fingerprint": encoder.fingerprint,
        "max_tokens": encoder.max_tokens,
        "truncation": {"window": seen.window, "overflow": seen.overflow, **counts},
    }
