"""What a server has to do for us, and what is written into it about an atlas."""

import base64
import json
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from isogloss._core.errors import AtlasError
from isogloss.remote.address import Address
from isogloss.search.typed import Typed

FORMAT_VERSION = 1


@dataclass(slots=True)
class Description:
    """What a collection holds: enough to search it without the atlas.

    Parameters
    ----------
    source : str
        Digest of the atlas' state: the same atlas at the same version.
    lineage : str
        Digest of when and how the atlas was first built; a grown atlas keeps it.
    state : {"uploading", "complete"}
    passages : int
        Passages of the atlas.
    encoder : dict
        Spec, dim and fingerprint.
    schema : str
        Arrow schema of the filterable columns, as base64.
    attributes : list of str
        Columns that hits show.
    leaves_below : dict of str to list of int
        Leaves of each inner topic.
    labels : dict of str to str
        Of the topics.
    average_words : float
        Mean length of the passages, for BM25.
    indexed : bool
        Whether vectors may be found by an index, and not by a scan of all.
    format_version : int
    """

    source: str
    lineage: str
    state: str
    passages: int
    encoder: dict[str, Any]
    schema: str
    attributes: list[str]
    leaves_below: dict[str, list[int]] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    average_words: float = 1.0
    indexed: bool = False
    format_version: int = FORMAT_VERSION

    def to_json(self) -> str:
        """Write it down."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str, place: str) -> "Description":
        """Read it back.

        Raises
        ------
        AtlasError
            When it is damaged, or of a newer version.
        """
        try:
            value = json.loads(text)
            version = value["format_version"]
            if version > FORMAT_VERSION:
                raise AtlasError(
                    f"{place} was written by a newer isogloss (format {version}): upgrade this one"
                )
            return cls(**value)
        except (ValueError, KeyError, TypeError) as error:
            raise AtlasError(
                f"{place}: what it says of its atlas is damaged: push again with --fresh"
            ) from error

    @property
    def columns(self) -> pa.Schema:
        """The filterable columns."""
        return pa.ipc.read_schema(pa.py_buffer(base64.b64decode(self.schema)))


def pack_schema(schema: pa.Schema) -> str:
    """Write an Arrow schema as text.

    Examples
    --------
    >>> text = pack_schema(pa.schema([("year", pa.int16())]))
    >>> pa.ipc.read_schema(pa.py_buffer(base64.b64decode(text))).names
    ['year']
    """
    plain = pa.schema([pa.field(one.name, one.type) for one in schema])
    return base64.b64encode(plain.serialize().to_pybytes()).decode("ascii")


@dataclass(frozen=True, slots=True)
class Row:
    """One passage, ready for a server.

    Parameters
    ----------
    passage : int
    vector : float32 (d,)
    text : str
    shown : str
        JSON of id, topic and attributes as hits show them.
    plain : dict of str to value
        By the keys of the fields, as `isogloss.remote.fields.plain_values` gives them.
    words : dict of str to float
        BM25 weights.
    """

    passage: int
    vector: NDArray[np.float32]
    text: str
    shown: str
    plain: dict[str, Any]
    words: dict[str, float]


@dataclass(frozen=True, slots=True)
class Found:
    """One passage of a ranking.

    Parameters
    ----------
    passage : int
    score : float
    text : str
    shown : str
        As in `Row`.
    """

    passage: int
    score: float
    text: str
    shown: str


class Backend(Protocol):
    """A collection in a server."""

    name: str  # for people

    def describe(self) -> Description | None:
        """Give what was written; None where there is no such collection."""
        ...

    def create(self, description: Description) -> None:
        """Make the collection, in place of one that is there."""
        ...

    def write_description(self, description: Description) -> None:
        """Replace what was written."""
        ...

    def stored(self) -> int:
        """Count the passages that are there."""
        ...

    def put(self, rows: list[Row]) -> None:
        """Store passages, in place of those of the same numbers; all of them or none."""
        ...

    def finish(self, *, index: bool) -> bool:
        """Make an index of vectors where asked for; tell whether one may answer."""
        ...

    def count(self, where: Typed | None) -> int:
        """Count the passages that pass a filter, exactly."""
        ...

    def by_vector(
        self, vector: NDArray[np.float32], where: Typed | None, limit: int, *, exact: bool
    ) -> list[Found]:
        """Find by dot product, best first; none comes that does not pass the filter."""
        ...

    def by_words(self, words: dict[str, int], where: Typed | None, limit: int) -> list[Found]:
        """Find by BM25, best first; none comes that does not pass the filter."""
        ...

    def close(self) -> None:
        """Let go of the connection."""
        ...


def open_backend(address: Address) -> Backend:
    """Open a collection of a server, which need not be there yet.

    Where the environment forbids the network (``ISOGLOSS_OFFLINE``), only servers on this machine
    are asked.

    Raises
    ------
    MissingExtra
        Without the extra ``servers``.
    ParameterError
        Without a collection, or when connections are forbidden.
    AtlasError
        When the server does not answer.
    """
    from isogloss._core.errors import ParameterError
    from isogloss.encoders.folder import is_offline

    if is_offline() and address.is_far:
        raise ParameterError(
            f"{address} is on another machine, and the network is off (ISOGLOSS_OFFLINE or "
            "HF_HUB_OFFLINE): unset that, or name a server on this machine"
        )
    if not address.collection:
        raise ParameterError(f"{address} names no collection: add /NAME to the URL")
    if address.kind == "qdrant":
        from isogloss.remote.qdrant import QdrantBackend

        return QdrantBackend(address)
    from isogloss.remote.postgres import PostgresBackend

    return PostgresBackend(address)
