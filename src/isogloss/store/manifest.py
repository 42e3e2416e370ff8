"""`manifest.json`: what an atlas holds, how it came about, and the commit point of every build.

A build writes everything else first. Replacing the manifest, one atomic rename, is what makes the
new state the atlas; a reader that opened before keeps the state it opened.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from isogloss._core.errors import AtlasError
from isogloss._core.files import storage_errors, write_json
from isogloss.store.sizes import MEND, note_sizes

FORMAT = "isogloss-atlas"
FORMAT_VERSION = 1
NAME = "manifest.json"


class DamagedManifest(AtlasError):  # noqa: N818 - reads better where it is caught
    """A manifest that cannot be read at all."""


@dataclass(slots=True)
class Manifest:
    """Everything about an atlas that is not a passage, a vector or a topic.

    Parameters
    ----------
    version : int
        Counts the commits of this atlas, from 1.
    created, updated : str
        Times in UTC, ISO 8601.
    sources : list of dict
        What was read: path, size and modification time of every file.
    parameters : dict
        What decides the result: text and id column, encoder, seed, kind of passages.
    encoder : dict
        Spec, dim, fingerprint, max_tokens and truncation counts.
    documents, passages, topics, unassigned : int
        Counts; `topics` counts leaves, `unassigned` the passages of no topic.
    skipped : dict
        Reason -> number of rows that did not become documents.
    repaired : dict
        Kind of repair -> number of texts or values mended.
    seconds : dict
        Wall-clock seconds by stage, of the last build.
    peak_rss_mb : float
        Peak resident memory of the last build.
    table : str
        Name of the Lance table of passages.
    table_version : int
        The version of that table which belongs to this manifest.
    state : str
        Name of the folder with encoder, vocabulary and topics of this version.
    attributes : list of str
        The attribute columns, in the order of the source.
    versions : dict
        Versions of isogloss, Python and the libraries that took part.
    queries : dict
        The encoder of queries where it is not that of the passages: spec, fingerprint, dim, and
        how the map between them was fitted and does.
    migrations : list of dict
        Every change of the passages' encoder: from, to, when, and whose vectors made the topics.
    next_passage : int
        The number that the next new passage gets; none is ever used twice. Manifests written
        before passages could go have 0: `free_number` is right for those too.
    stale_rows : int
        Passages that were taken out since the text index was made: its word statistics still
        count them.
    edits : dict
        Edits of the topics that can be undone or redone: see `store.edits`.
    input_digest : str
        Of all documents that were read into the atlas, in their order: atlases with the same one
        come from the same input. Deletions do not change it. Empty for atlases that older
        versions made.

    Examples
    --------
    >>> Manifest(version=1, parameters={"seed": 0}).parameters["seed"]
    0
    """

    version: int
    created: str = ""
    updated: str = ""
    sources: list[dict[str, Any]] = field(default_factory=list)
    parameters: dict[str, Any] = field(default_factory=dict)
    encoder: dict[str, Any] = field(default_factory=dict)
    documents: int = 0
    passages: int = 0
    topics: int = 0
    unassigned: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    repaired: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    peak_rss_mb: float = 0.0
    table: str = ""
    table_version: int = 0
    state: str = ""
    attributes: list[str] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    queries: dict[str, Any] = field(default_factory=dict)
    migrations: list[dict[str, Any]] = field(default_factory=list)
    next_passage: int = 0
    stale_rows: int = 0
    edits: dict[str, Any] = field(default_factory=dict)
    input_digest: str = ""

    @property
    def free_number(self) -> int:
        """The number of the next new passage."""
        return max(self.next_passage, self.passages)

    def to_json(self) -> dict[str, Any]:
        """Give the manifest as it stands on disk."""
        return {"format": FORMAT, "format_version": FORMAT_VERSION, **asdict(self)}

    @classmethod
    def from_json(cls, value: Any, path: Path) -> "Manifest":
        """Check and take a manifest read from disk.

        Raises
        ------
        AtlasError
            When it is no manifest, or of a newer format than this version knows.
        """
        if not isinstance(value, dict) or value.get("format") != FORMAT:
            raise AtlasError(f"{path} is no atlas manifest: its 'format' is not {FORMAT!r}")
        found = value.get("format_version")
        if not isinstance(found, int) or found > FORMAT_VERSION:
            raise AtlasError(
                f"{path} has format version {found}; this isogloss reads up to {FORMAT_VERSION}: "
                "upgrade isogloss"
            )
        known = {name: value[name] for name in cls.__dataclass_fields__ if name in value}
        if "version" not in known or "parameters" not in known:
            raise AtlasError(f"{path} is damaged: 'version' or 'parameters' is missing")
        return cls(**known)


def read_manifest(folder: Path) -> Manifest | None:
    """Read the manifest of an atlas; None where no build has finished yet.

    Raises
    ------
    AtlasError
        When the file is damaged or too new.

    Examples
    --------
    >>> read_manifest(Path("nowhere")) is None
    True
    """
    path = folder / NAME
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except UnicodeDecodeError as error:
        raise DamagedManifest(f"{path} is damaged: it is not UTF-8 text; {MEND}") from error
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        reason = f"line {error.lineno} is not JSON"
        raise DamagedManifest(f"{path} is damaged: {reason}; {MEND}") from error
    return Manifest.from_json(value, path)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Commit: note how long the files are that count, and replace the manifest in one step.

    Raises
    ------
    StorageError
        When the disk refuses; the old manifest then still stands.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> write_manifest(folder, Manifest(version=1, parameters={"seed": 3}))
    >>> read_manifest(folder).parameters
    {'seed': 3}
    """
    with storage_errors("the manifest"):
        if manifest.state:
            note_sizes(folder, manifest.state, manifest.table)
        write_json(folder / NAME, manifest.to_json())
