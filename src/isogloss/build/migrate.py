"""A finished atlas goes over to another encoder: through a map at once, or by re-embedding.

A map is fitted on a sample and changes queries only. Re-embedding encodes every passage anew in a
folder of its own, shard by shard, so that it goes on where it was killed; until the manifest is
replaced, one atomic rename, the atlas answers as it did.
"""

import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isogloss._core.errors import AtlasError, EncoderError, MissingExtra, ParameterError, nearest
from isogloss._core.events import Event, OnEvent, ignore
from isogloss._core.files import storage_errors
from isogloss._core.plural import plural
from isogloss.build import reembed
from isogloss.build.leftovers import clean_up
from isogloss.build.migration_sample import draw, recall_in_atlas
from isogloss.build.stages import load_atlas_encoder
from isogloss.build.stamp import utc_now
from isogloss.drift.compensation import Compensation, Side
from isogloss.drift.fit import (
    LEAST_TEXTS,
    METHODS,
    distinct_rows,
    fit_compensation,
    held_out_rows,
)
from isogloss.drift.queries import FOLDER, load_spec
from isogloss.encoders.base import unit_rows
from isogloss.store import state
from isogloss.store.manifest import Manifest, write_manifest
from isogloss.store.workspace import Workspace, build_lock, unfinished

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from isogloss.encoders.base import Encoder

SAMPLE = 2000
# Texts on which it is looked whether an encoder treats queries and documents alike.
PROBED = 16
ALIKE = 1e-3
# Held-out passages whose neighbours are looked up among all others.
ASKED = 400


@dataclass(frozen=True, slots=True)
class Migration:
    """What came of a migration.

    Parameters
    ----------
    atlas : str
    status : {"compensated", "re-embedded", "restored", "unchanged"}
        Queries go through a map; all vectors are new; queries go through the encoder of the
        vectors again; nothing had to be done.
    old, new : dict
        Spec, fingerprint and dim of the encoder of the vectors before, and of the one asked for.
    compensation : dict or None
        The map: method, diagnosis and advice.
    recall_atlas : float or None
        Share of the ten neighbours by the old encoder alone, among all passages of the atlas, that
        mapped queries find.
    passages : int
    topics_kept : float or None
        Share of the passages, of a sample, that the topics would take again from the new vectors.
    notes : tuple of str
        What else one should know.

    Examples
    --------
    >>> side = {"spec": "a", "fingerprint": "1", "dim": 2}
    >>> Migration("x.atlas", "unchanged", side, side, None, None, 3, None).summary()
    'x.atlas: its vectors are those of a already; nothing to do'
    """

    atlas: str
    status: str
    old: dict[str, Any]
    new: dict[str, Any]
    compensation: dict[str, Any] | None
    recall_atlas: float | None
    passages: int
    topics_kept: float | None
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Give it as the JSON object of `isogloss migrate --json`."""
        return {**asdict(self), "notes": list(self.notes)}

    def summary(self) -> str:
        """Say it for people."""
        old, new = self.old["spec"], self.new["spec"]
        if self.status == "unchanged":
            return f"{self.atlas}: its vectors are those of {new} already; nothing to do"
        if self.status == "restored":
            return f"{self.atlas}: queries go through {new} again, which made its vectors"
        if self.status == "re-embedded":
            lines = [
                f"{self.atlas}: {plural(self.passages, 'passage')} re-embedded, {old} -> {new}"
            ]
        else:
            lines = [f"{self.atlas}: queries go through {new}, the passages stay those of {old}"]
            lines += self._figures()
        return "\n".join([*lines, *self.notes])

    def _figures(self) -> list[str]:
        told = (self.compensation or {})["diagnosis"]
        method = (self.compensation or {})["method"]
        lines = [
            f"  map: {method}, fitted on {plural(told['fitted'], 'passage')}, measured on "
            f"{plural(told['held_out'], 'other')}",
            f"  cosine {told['cosine']:.3f}; {told['residual']:.0%} of the variance missed",
        ]
        if self.recall_atlas is not None:
            lines.append(
                f"  of the 10 nearest by {self.old['spec']} alone it keeps "
                f"{self.recall_atlas:.0%} (all passages)"
            )
        lines.append(
            f"  of the 10 nearest by {self.new['spec']} alone it keeps {told['recall_new']:.0%}, "
            f"{self.old['spec']} alone has {told['recall_between']:.0%} (in the sample)"
        )
        return [*lines, f"  {(self.compensation or {})['advice']}"]


def migrate_atlas(
    folder: str | Path,
    encoder: str,
    *,
    method: str = "auto",
    sample: int = SAMPLE,
    re_embed: bool = False,
    seed: int = 0,
    on_event: OnEvent = ignore,
) -> Migration:
    """Let another encoder answer queries of an atlas, or encode all its passages.

    Parameters
    ----------
    folder : path
        Of the atlas.
    encoder : str
        Spec of the encoder to go over to. That of the vectors takes a map away again.
    method : {"auto", "mean", "procrustes", "affine"}, default "auto"
        Of the map; see `isogloss.drift.fit_compensation`.
    sample : int, default 2000
        Passages on which it is fitted and measured, 40 or more.
    re_embed : bool, default False
        Encode all passages instead. Can be killed and called again; the atlas answers meanwhile.
    seed : int, default 0
        Of the sample.
    on_event : callable
        Takes progress.

    Returns
    -------
    Migration

    Raises
    ------
    AtlasError
        Where there is no atlas, an unfinished build, or too few passages for a map.
    EncoderError
        When the encoder cannot be loaded, or has yet to learn from texts.
    ParameterError
        For an unknown method, or a sample that is too small.
    StorageError
        When the disk is full.

    Examples
    --------
    >>> import tempfile
    >>> from isogloss.atlas import Atlas
    >>> path = Path(tempfile.mkdtemp()) / "a.atlas"
    >>> _ = Atlas.build(["a cat purrs", "a dog barks", "shares fell"], path, encoder="lsa")
    >>> migrate_atlas(path, "lexical", re_embed=True).status
    're-embedded'
    >>> Atlas.open(path).search("kitten", k=1).hits[0].text
    'a cat purrs'
    """
    from isogloss.atlas import need_manifest

    path = Path(folder)
    _check(method, sample, seed)
    need_manifest(path)
    with build_lock(path):
        old = need_manifest(path)
        plan = Workspace(path).read_plan()
        if plan is not None and plan.get("base") == old.version:
            raise AtlasError(unfinished(path))
        on_event(Event("load encoder", message=encoder))
        new = load_spec(path, old, encoder)
        if new.fingerprint == old.encoder["fingerprint"]:
            return _back(path, old, new)
        if re_embed:
            made, kept = reembed.reembed(path, old, new, encoder, on_event=on_event)
            return _told(path, old, new, "re-embedded", notes=_topic_notes(made, kept), kept=kept)
        held = _fit(path, old, new, encoder, method, sample, seed, on_event)
        return _store(path, old, new, *held)


def _check(method: str, sample: int, seed: int) -> None:
    if method not in METHODS:
        raise ParameterError(f"method is {method!r}; {nearest(str(method), METHODS)}")
    if isinstance(sample, bool) or not isinstance(sample, int) or sample < LEAST_TEXTS:
        raise ParameterError(f"sample is {sample!r}; it must be {LEAST_TEXTS} or more")
    if not isinstance(seed, int) or not 0 <= seed < 2**63:
        raise ParameterError(f"seed is {seed!r}; it must be 0 or a positive 63-bit integer")


def _sides(old: Manifest, new: "Encoder", spec: str | None = None) -> tuple[Side, Side]:
    own = old.encoder
    return Side(own["spec"], own["fingerprint"], own["dim"]), Side(
        spec or new.spec, new.fingerprint, new.dim
    )


def _told(
    path: Path, old: Manifest, new: "Encoder", status: str, *,
    compensation: Compensation | None = None, recall: float | None = None,
    notes: tuple[str, ...] = (), kept: float | None = None,
) -> Migration:  # fmt: skip
    before, after = _sides(old, new)
    told = None if compensation is None else compensation.to_json()
    return Migration(
        str(path), status, asdict(before), asdict(after), told, recall, old.passages, kept, notes
    )


def _back(path: Path, old: Manifest, new: "Encoder") -> Migration:
    """Take away a map, and what a killed run left: the encoder is that of the vectors."""
    reembed.clear(path, new.fingerprint)
    if not old.queries:
        return _told(path, old, new, "unchanged")
    _commit(path, old, replace(old, queries={}), None)
    return _told(path, old, new, "restored")


def _fit(
    path: Path, old: Manifest, new: "Encoder", spec: str, method: str, sample: int, seed: int,
    on_event: OnEvent,
) -> tuple[Compensation, float, tuple[str, ...]]:  # fmt: skip
    """Fit a map on a sample, and look up neighbours among all passages."""
    before, after = _sides(old, new, spec)
    if method == "mean" and before.dim != after.dim:
        raise ParameterError(
            f"method 'mean' needs equal dimensions, these are {before.dim} and {after.dim}: "
            "use 'affine' or 'procrustes'"
        )
    drawn = draw(path, old, rows=sample, seed=seed)
    if len(drawn.texts) < LEAST_TEXTS:
        raise AtlasError(
            f"{path} has {len(drawn.texts)} different passages with content, a map needs "
            f"{LEAST_TEXTS}: use --re-embed"
        )
    notes: tuple[str, ...] = ()
    on_event(Event("encode sample", 0, len(drawn.texts), "passages"))
    documents = new.encode(drawn.texts)
    queries = _as_queries(new.encode_query, drawn.texts, documents)
    goal = drawn.vectors
    try:
        own = load_atlas_encoder(path, old)
    except (EncoderError, MissingExtra) as error:
        notes = (
            f"note: {before.spec} cannot be loaded, so its passages stand for its queries "
            f"({' '.join(str(error).split())[:120]})",
        )
    else:
        goal = _as_queries(own.encode_query, drawn.texts, drawn.vectors)
    on_event(Event("encode sample", len(drawn.texts), len(drawn.texts), "passages"))
    rows = distinct_rows(unit_rows(goal), unit_rows(queries))
    goal, queries, documents = goal[rows], queries[rows], documents[rows]
    on_event(Event("fit the map", message=method))
    found = fit_compensation(
        goal, queries, old=before, new=after, new_documents=documents, method=method, seed=seed
    )
    asked = held_out_rows(len(rows), seed=seed)[:ASKED]
    recall = recall_in_atlas(
        path, old, goal[asked], found.apply(queries[asked]), drawn.passages[rows][asked]
    )
    return found, recall, notes


def _as_queries(
    encode_query: Callable[[list[str]], "NDArray[np.float32]"],
    texts: list[str],
    documents: "NDArray[np.float32]",
) -> "NDArray[np.float32]":
    """Encode texts as queries, where that is another thing than documents."""
    import numpy as np

    few = encode_query(texts[:PROBED])
    if np.abs(few - documents[:PROBED]).max(initial=0.0) < ALIKE:
        return documents
    return encode_query(texts)


def _store(
    path: Path, old: Manifest, new: "Encoder", found: Compensation, recall: float,
    notes: tuple[str, ...],
) -> Migration:  # fmt: skip
    diagnosis = found.diagnosis
    queries = {
        **asdict(found.new),
        "method": found.method,
        "advice": found.advice,
        "recall_atlas": round(recall, 6),
        "residual": None if diagnosis is None else round(diagnosis.residual, 6),
    }
    _commit(path, old, replace(old, queries=queries), found)
    way_back = f"isogloss migrate {path} --encoder {old.encoder['spec']} goes back"
    return _told(
        path, old, new, "compensated", compensation=found, recall=recall, notes=(*notes, way_back)
    )


def _topic_notes(made: Manifest, kept: float) -> tuple[str, ...]:
    return (
        f"topics stay those of the old vectors: numbers, names and members; the new vectors would "
        f"put {kept:.0%} of a sample in the same topic; later additions go by the new vectors",
        f"isogloss build --fresh --encoder {made.encoder['spec']} finds topics anew",
    )


def _commit(path: Path, old: Manifest, new: Manifest, found: Compensation | None) -> None:
    """Write a state with or without a map, and replace the manifest."""
    draft = path / ".state.tmp"
    with storage_errors("the map between the encoders"):
        if draft.exists():
            shutil.rmtree(draft)
        shutil.copytree(path / old.state, draft, ignore=shutil.ignore_patterns(FOLDER))
        if found is not None:
            found.save(draft / FOLDER)
    version = old.version + 1
    new = replace(new, version=version, state=state.state_name(version), updated=utc_now())
    state.publish_state(draft, path / new.state)
    write_manifest(path, new)
    clean_up(path, new, old)
