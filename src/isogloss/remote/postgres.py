"""A collection in PostgreSQL: a table with a pgvector column, and one of words for BM25."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import AtlasError, ParameterError, StorageError
from isogloss._core.extras import need
from isogloss.remote.address import Address
from isogloss.remote.backend import Description, Found, Row
from isogloss.remote.fields import Field, fields_of
from isogloss.remote.postgres_filter import column_type, has_folded, to_postgres
from isogloss.remote.words import rarity
from isogloss.search.typed import Typed

CATALOGUE = "isogloss_collections"
INDEXED_DIMS = 2000  # pgvector's most for an HNSW index
EF_SEARCH = 1000  # pgvector's most


class PostgresBackend:
    """See `isogloss.remote.backend.Backend`.

    Parameters
    ----------
    address : Address

    Raises
    ------
    AtlasError
        When the server does not answer, is not in UTF-8, or lacks pgvector.
    """

    def __init__(self, address: Address) -> None:
        self._psycopg = need("psycopg", extra="servers")
        self.address = address
        self.name = "PostgreSQL"
        # what differs stands before the name, so that no two names can meet
        self._main = _quoted(f"isogloss_passages_{address.collection}")
        self._side = _quoted(f"isogloss_words_{address.collection}")
        self._near = _quoted(f"isogloss_near_{address.collection}")
        self._description: Description | None = None
        options = dict(address.options)
        if address.host:
            options["host"] = address.host
        if address.port:
            options["port"] = str(address.port)
        if address.database:
            options["dbname"] = address.database
        if address.user:
            options["user"] = address.user
        if address.secret:
            options["password"] = address.secret
        options.setdefault("connect_timeout", "10")
        options.setdefault("application_name", "isogloss")
        with self._said("cannot be reached"):
            self._link = self._psycopg.connect(**options, autocommit=True)
            encoding = self._one("SHOW server_encoding")
        if encoding != "UTF8":
            raise AtlasError(f"{address} is a database in {encoding}: one in UTF8 is due")

    def describe(self) -> Description | None:
        """Give what was written; None where there is no such collection."""
        with self._said("cannot be read"):
            if self._one("SELECT to_regclass(%s)", [CATALOGUE]) is None:
                return None
            text = self._one(
                f"SELECT description FROM {CATALOGUE} WHERE name = %s", [self.address.collection]
            )
        if text is None:
            return None
        self._description = Description.from_json(text, str(self.address))
        return self._description

    def create(self, description: Description) -> None:
        """Make the tables, in place of those that are there."""
        self._description = description
        columns = []
        for field in self._fields.values():
            columns.append(f"{field.key} {column_type(field)}")
            if has_folded(field):
                columns.append(f'{field.key}_low text COLLATE "C"')
        dim = int(description.encoder["dim"])
        with self._said("cannot be written"):
            self._need_vectors()
            with self._link.transaction():
                self._run(
                    f"CREATE TABLE IF NOT EXISTS {CATALOGUE} "
                    "(name text PRIMARY KEY, description text NOT NULL)"
                )
                self._remove()
                self._run(
                    f"CREATE TABLE {self._main} (passage bigint PRIMARY KEY, "
                    f"vector vector({dim}) NOT NULL, body text NOT NULL, shown text NOT NULL"
                    + "".join(f", {column}" for column in columns)
                    + ")"
                )
                self._run(
                    f'CREATE TABLE {self._side} (word text COLLATE "C", passage bigint, '
                    "weight double precision NOT NULL, PRIMARY KEY (word, passage))"
                )
                self.write_description(description)

    def write_description(self, description: Description) -> None:
        """Replace what was written."""
        self._description = description
        with self._said("cannot be written"):
            self._run(
                f"INSERT INTO {CATALOGUE} (name, description) VALUES (%s, %s) "
                "ON CONFLICT (name) DO UPDATE SET description = EXCLUDED.description",
                [self.address.collection, description.to_json()],
            )

    def stored(self) -> int:
        """Count the passages that are there."""
        with self._said("cannot be read"):
            return int(self._one(f"SELECT count(*) FROM {self._main}"))

    def put(self, rows: list[Row]) -> None:
        """Store passages in one transaction."""
        if not rows:
            return
        fields = list(self._fields.values())
        names = [name for f in fields for name in _names(f)]
        numbers = [row.passage for row in rows]
        with self._said("cannot be written"), self._link.transaction():
            for table in (self._main, self._side):
                self._run(f"DELETE FROM {table} WHERE passage = ANY(%s)", [numbers])
            listed = ", ".join(["passage", "vector", "body", "shown", *names])
            with (
                self._link.cursor() as cursor,
                cursor.copy(f"COPY {self._main} ({listed}) FROM STDIN") as copy,
            ):
                for row in rows:
                    copy.write_row(_record(row, fields))
            with (
                self._link.cursor() as cursor,
                cursor.copy(f"COPY {self._side} (word, passage, weight) FROM STDIN") as copy,
            ):
                for row in rows:
                    for word, weight in row.words.items():
                        copy.write_row((word, row.passage, weight))

    def finish(self, *, index: bool) -> bool:
        """Make an HNSW index where asked for, and gather statistics."""
        assert self._description is not None
        dim = int(self._description.encoder["dim"])
        index = index and dim <= INDEXED_DIMS
        with self._said("cannot be written"):
            self._run(f"DROP INDEX IF EXISTS {self._near}")
            if index:
                self._run(
                    f"CREATE INDEX {self._near} ON {self._main} USING hnsw (vector vector_ip_ops)"
                )
            for table in (self._main, self._side):
                self._run(f"ANALYZE {table}")
        return index

    def count(self, where: Typed | None) -> int:
        """Count the passages that pass a filter."""
        test, values = self._where(where)
        with self._said("cannot be read"):
            return int(self._one(f"SELECT count(*) FROM {self._main} m WHERE {test}", values))

    def by_vector(
        self, vector: NDArray[np.float32], where: Typed | None, limit: int, *, exact: bool
    ) -> list[Found]:
        """Find by dot product; `exact` leaves the index aside."""
        test, values = self._where(where)
        asked = _vector(vector)
        # A sum is no column, so that no index serves it.
        order = "(m.vector <#> %s::vector) + 0, m.passage" if exact else "m.vector <#> %s::vector"
        with self._said("cannot be read"), self._link.transaction():
            if not exact:
                self._run(f"SET LOCAL hnsw.ef_search = {min(EF_SEARCH, max(100, 2 * limit))}")
                if self._version() >= (0, 8):
                    self._run("SET LOCAL hnsw.iterative_scan = strict_order")
            rows = self._run(
                "SELECT m.passage, -(m.vector <#> %s::vector), m.body, m.shown "
                f"FROM {self._main} m WHERE {test} ORDER BY {order} LIMIT %s",
                [asked, *values, asked, limit],
            ).fetchall()
        return [Found(int(p), float(score), text, shown) for p, score, text, shown in rows]

    def by_words(self, words: dict[str, int], where: Typed | None, limit: int) -> list[Found]:
        """Find by BM25."""
        assert self._description is not None
        test, values = self._where(where)
        with self._said("cannot be read"):
            having = dict(
                self._run(
                    f"SELECT word, count(*) FROM {self._side} WHERE word = ANY(%s) GROUP BY word",
                    [list(words)],
                ).fetchall()
            )
            known = [word for word in words if word in having]
            if not known:
                return []
            total = self._description.passages
            factors = [words[word] * rarity(total, int(having[word])) for word in known]
            rows = self._run(
                "SELECT r.passage, r.score, m.body, m.shown FROM ("
                "SELECT w.passage, sum(w.weight * q.factor ORDER BY w.word) AS score "
                f"FROM {self._side} w JOIN unnest(%s::text[], %s::float8[]) AS q(word, factor) "
                f"ON q.word = w.word JOIN {self._main} m ON m.passage = w.passage "
                f"WHERE {test} GROUP BY w.passage ORDER BY 2 DESC, 1 LIMIT %s) r "
                f"JOIN {self._main} m ON m.passage = r.passage ORDER BY 2 DESC, 1",
                [known, factors, *values, limit],
            ).fetchall()
        return [Found(int(p), float(score), text, shown) for p, score, text, shown in rows]

    def close(self) -> None:
        """Let go of the connection."""
        self._link.close()

    @property
    def _fields(self) -> dict[str, Field]:
        assert self._description is not None
        return fields_of(self._description.columns)

    def _where(self, where: Typed | None) -> tuple[str, list[Any]]:
        return ("true", []) if where is None else to_postgres(where, self._fields)

    def _need_vectors(self) -> None:
        if self._version() != (0, 0):
            return
        there = "SELECT count(*) FROM pg_available_extensions WHERE name = 'vector'"
        if not self._one(there):
            raise AtlasError(
                f"{self.address}: this PostgreSQL has no pgvector: install it on the server "
                "(package postgresql-NN-pgvector), then push again"
            )
        try:
            self._run("CREATE EXTENSION IF NOT EXISTS vector")
        except self._psycopg.errors.InsufficientPrivilege:
            raise AtlasError(
                f"{self.address}: pgvector is installed but not in this database: have its owner "
                "run CREATE EXTENSION vector"
            ) from None

    def _version(self) -> tuple[int, ...]:
        text = self._one("SELECT extversion FROM pg_extension WHERE extname = 'vector'")
        return tuple(int(part) for part in text.split(".")[:2]) if text else (0, 0)

    def _remove(self) -> None:
        for table in (self._side, self._main):
            self._run(f"DROP TABLE IF EXISTS {table}")
        self._run(f"DELETE FROM {CATALOGUE} WHERE name = %s", [self.address.collection])

    def _run(self, sql: str, values: Sequence[Any] = ()) -> Any:
        # Without parameters psycopg would still read "%": none of ours has one then.
        return self._link.execute(sql, list(values) or None)

    def _one(self, sql: str, values: Sequence[Any] = ()) -> Any:
        row = self._run(sql, values).fetchone()
        return row[0] if row else None

    @contextmanager
    def _said(self, what: str) -> Iterator[None]:
        """Turn what the driver says into one line without secrets."""
        errors = self._psycopg.errors
        try:
            yield
        except (errors.DiskFull, errors.OutOfMemory, errors.ReadOnlySqlTransaction) as error:
            raise StorageError(self._line(what, error)) from None
        except (errors.UntranslatableCharacter, errors.CharacterNotInRepertoire) as error:
            raise ParameterError(self._line(what, error)) from None
        except self._psycopg.Error as error:
            raise AtlasError(self._line(what, error)) from None

    def _line(self, what: str, error: BaseException) -> str:
        return f"{self.address} {what}: {self.address.hide(str(error))[:200]}"


def _quoted(name: str) -> str:
    # names are letters, digits, '-' and '_' only
    return f'"{name}"'


def _names(field: Field) -> list[str]:
    return [field.key, f"{field.key}_low"] if has_folded(field) else [field.key]


def _vector(vector: NDArray[np.float32]) -> str:
    return "[" + ",".join(repr(float(value)) for value in vector) + "]"


def _record(row: Row, fields: Sequence[Field]) -> tuple[Any, ...]:
    cells: list[Any] = [row.passage, _vector(row.vector), row.text, row.shown]
    for field in fields:
        value = row.plain[field.key]
        cells.append(value)
        if has_folded(field):
            low = None if value is None else value.lower()
            cells.append(None if low == value else low)
    return tuple(cells)
