"""A collection in Qdrant: a dense vector, a sparse one of words, and typed keys for filters."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from isogloss._core.errors import AtlasError, StorageError
from isogloss._core.extras import need
from isogloss._core.files import is_refusal
from isogloss.remote.address import Address
from isogloss.remote.backend import Description, Found, Row
from isogloss.remote.fields import LARGEST, Field, fields_of, join, split, to_column
from isogloss.remote.qdrant_filter import NOT_NULL, limb_keys, to_qdrant
from isogloss.remote.words import by_number
from isogloss.search.mask import to_mask
from isogloss.search.typed import Condition, Typed

CATALOGUE = "isogloss-collections"
DENSE, SPARSE = "dense", "words"
TIMEOUT = 120  # seconds for one request


class QdrantBackend:
    """See `isogloss.remote.backend.Backend`.

    Every row that comes back is tested again by our own evaluator, so that no row is shown which
    does not pass the filter, whatever the server makes of it.

    Parameters
    ----------
    address : Address

    Raises
    ------
    AtlasError
        When the server does not answer.
    """

    def __init__(self, address: Address) -> None:
        client = need("qdrant_client", extra="servers")
        self._models = need("qdrant_client.models", extra="servers")
        self.address = address
        self.name = "Qdrant"
        self.local = address.scheme == "qdrant+path"
        self._collection = address.collection or ""
        self._description: Description | None = None
        with self._said("cannot be reached"):
            self._client = client.QdrantClient(**_options(address))
            self._client.collection_exists(CATALOGUE)

    def describe(self) -> Description | None:
        """Give what was written; None where there is no such collection."""
        with self._said("cannot be read"):
            there = self._client.collection_exists(self._collection)
            listed = self._client.collection_exists(CATALOGUE)
            found = self._client.retrieve(CATALOGUE, [self._number()]) if listed else []
        if not found:
            if there:
                raise AtlasError(
                    f"{self.address} is a collection that isogloss did not make: name another one"
                )
            return None
        if not there:
            return None
        text = found[0].payload["description"]
        self._description = Description.from_json(text, str(self.address))
        return self._description

    def create(self, description: Description) -> None:
        """Make the collection, in place of one that is there."""
        self._description = description
        models = self._models
        with self._said("cannot be written"):
            if self._client.collection_exists(self._collection):
                self._client.delete_collection(self._collection)
            if not self._client.collection_exists(CATALOGUE):
                self._client.create_collection(
                    CATALOGUE, vectors_config=models.VectorParams(size=1, distance="Dot")
                )
            # The description comes first: a collection without one counts as somebody else's.
            self.write_description(description)
            self._client.create_collection(
                self._collection,
                vectors_config={
                    DENSE: models.VectorParams(
                        size=int(description.encoder["dim"]), distance=models.Distance.DOT
                    )
                },
                sparse_vectors_config={
                    SPARSE: models.SparseVectorParams(modifier=models.Modifier.IDF)
                },
            )
            if not self.local:  # before the graph is made, so that it has edges for filters
                for key, kind in self._indexes().items():
                    self._client.create_payload_index(self._collection, key, kind, wait=True)

    def write_description(self, description: Description) -> None:
        """Replace what was written."""
        self._description = description
        point = self._models.PointStruct(
            id=self._number(),
            vector=[1.0],
            payload={"name": self._collection, "description": description.to_json()},
        )
        with self._said("cannot be written"):
            self._client.upsert(CATALOGUE, [point], wait=True)

    def stored(self) -> int:
        """Count the passages that are there."""
        with self._said("cannot be read"):
            return int(self._client.count(self._collection, exact=True).count)

    def put(self, rows: list[Row]) -> None:
        """Store passages in one request."""
        fields = list(self._fields.values())
        points = []
        for row in rows:
            words = by_number(row.words.items())
            points.append(
                self._models.PointStruct(
                    id=row.passage,
                    vector={
                        DENSE: row.vector.tolist(),
                        SPARSE: self._models.SparseVector(
                            indices=list(words), values=list(words.values())
                        ),
                    },
                    payload={"text": row.text, "shown": row.shown, **_payload(row.plain, fields)},
                )
            )
        if points:
            with self._said("cannot be written"):
                self._client.upsert(self._collection, points, wait=True)

    def finish(self, *, index: bool) -> bool:
        """Leave indexing to the server, which does it by itself from its own threshold on."""
        return not self.local

    def count(self, where: Typed | None) -> int:
        """Count the passages that pass a filter."""
        if where is None:
            return self.stored()
        compiled = to_qdrant(where, self._fields)
        if compiled.exact:
            with self._said("cannot be read"):
                found = self._client.count(
                    self._collection, count_filter=compiled.filter, exact=True
                )
            return int(found.count)
        return sum(len(points) for points in self._passing(where, compiled.filter))

    def by_vector(
        self, vector: NDArray[np.float32], where: Typed | None, limit: int, *, exact: bool
    ) -> list[Found]:
        """Find by dot product; `exact` leaves the graph aside."""
        return self._query(vector.tolist(), DENSE, where, limit, exact=exact)

    def by_words(self, words: dict[str, int], where: Typed | None, limit: int) -> list[Found]:
        """Find by BM25; sparse search is exact."""
        numbers = by_number(words.items())
        query = self._models.SparseVector(indices=list(numbers), values=list(numbers.values()))
        return [
            one for one in self._query(query, SPARSE, where, limit, exact=True) if one.score > 0
        ]

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()

    def _query(
        self, query: Any, using: str, where: Typed | None, limit: int, *, exact: bool
    ) -> list[Found]:
        compiled = None if where is None else to_qdrant(where, self._fields)
        options: dict[str, Any] = {}
        if not self.local:
            options["search_params"] = self._models.SearchParams(
                exact=exact, hnsw_ef=None if exact else max(128, 2 * limit)
            )
        asked = limit
        while True:
            with self._said("cannot be read"):
                points = self._client.query_points(
                    self._collection,
                    query=query,
                    using=using,
                    query_filter=None if compiled is None else compiled.filter,
                    limit=asked,
                    with_payload=True,
                    **options,
                ).points
            kept = points if where is None else self._tested(points, where)
            if len(kept) >= limit or len(points) < asked or compiled is None or compiled.exact:
                break
            asked *= 4  # rows that the server could not test took the places
        return [
            Found(int(p.id), float(p.score), p.payload["text"], p.payload["shown"])
            for p in kept[:limit]
        ]

    def _passing(self, where: Typed, coarse: Any) -> Iterator[list[Any]]:
        offset = None
        while True:
            with self._said("cannot be read"):
                points, offset = self._client.scroll(
                    self._collection, scroll_filter=coarse, limit=1000, offset=offset,
                    with_payload=True,
                )  # fmt: skip
            yield self._tested(points, where)
            if offset is None:
                return

    def _tested(self, points: Sequence[Any], where: Typed) -> list[Any]:
        """Keep the rows that pass, by our own evaluator."""
        if not points:
            return []
        columns = {
            name: to_column(
                [_plain(p.payload, self._fields[name]) for p in points], self._fields[name]
            )
            for name in sorted(_named(where))
        }
        passing = to_mask(where, pa.table(columns))
        return [point for point, passes in zip(points, passing.tolist(), strict=True) if passes]

    @property
    def _fields(self) -> dict[str, Field]:
        assert self._description is not None
        return fields_of(self._description.columns)

    def _indexes(self) -> dict[str, Any]:
        """Kinds of the payload indexes by key."""
        kinds = {"string": "keyword", "list": "keyword", "float": "float", "boolean": "integer"}
        found = {NOT_NULL: "keyword"}
        for field in self._fields.values():
            for key in limb_keys(field) if field.kind else ():
                found[key] = kinds.get(field.kind, "integer")
        return found

    def _number(self) -> str:
        import uuid

        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"isogloss:{self._collection}"))

    @contextmanager
    def _said(self, what: str) -> Iterator[None]:
        """Turn what the client says into one line without secrets."""
        try:
            with warnings.catch_warnings():
                # of keys on this machine and of local mode, both of which we allow knowingly
                warnings.simplefilter("ignore", UserWarning)
                yield
        except AtlasError:
            raise
        except Exception as error:
            module = type(error).__module__.split(".")[0]
            if isinstance(error, RuntimeError) and "already accessed" in str(error):
                raise AtlasError(
                    f"{self.address} is open in another program: wait for it"
                ) from None
            if module not in ("qdrant_client", "httpx", "httpcore", "grpc", "builtins"):
                raise
            if module == "builtins" and not isinstance(error, OSError | ValueError | RuntimeError):
                raise
            line = f"{self.address} {what}: {self.address.hide(str(error))[:200]}"
            if is_refusal(error):
                raise StorageError(line) from None
            raise AtlasError(line) from None


def _options(address: Address) -> dict[str, Any]:
    if address.scheme == "qdrant+path":
        return {"path": address.database}
    secure = address.scheme.endswith("s")
    grpc = "grpc" in address.scheme
    return {
        "host": address.host,
        ("grpc_port" if grpc else "port"): address.port,
        "prefer_grpc": grpc,
        "https": secure,
        "api_key": address.secret or None,
        "timeout": TIMEOUT,
        "check_compatibility": False,
    }


def _named(node: Typed) -> set[str]:
    if isinstance(node, Condition):
        return {node.column}
    return {name for child in node.nodes for name in _named(child)}


def _payload(plain: dict[str, Any], fields: Sequence[Field]) -> dict[str, Any]:
    """Give the keys of a point: absent where null, and listed under ``n`` where not."""
    keys: dict[str, Any] = {NOT_NULL: [f.key for f in fields if plain[f.key] is not None]}
    for field in fields:
        value = plain[field.key]
        if value is None or not field.kind:
            continue
        if field.limbs:
            keys.update(zip(limb_keys(field), split(value, field.limbs), strict=True))
        elif field.kind == "boolean":
            keys[field.key] = int(value)
        elif field.kind == "float":
            keys[field.key] = max(-LARGEST, min(LARGEST, float(value)))
        else:
            keys[field.key] = value
    return keys


def _plain(payload: dict[str, Any], field: Field) -> Any:
    """Undo `_payload` for one column."""
    if field.key not in payload[NOT_NULL]:
        return None
    if not field.kind:
        return True
    if field.limbs:
        return join([int(payload[key]) for key in limb_keys(field)])
    value = payload[field.key]
    if field.kind == "boolean":
        return bool(value)
    if field.kind == "float":
        number = float(value)
        return number if abs(number) < LARGEST else number * 2  # to infinity again
    return value
