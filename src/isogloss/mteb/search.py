"""Our search as a model of mteb 2: words, vectors or both, through the code that atlases use."""

import shutil
import tempfile
import weakref
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from isogloss._core.errors import ParameterError, nearest
from isogloss.mteb.meta import model_meta
from isogloss.mteb.model import load
from isogloss.search.passage_index import PassageIndex
from isogloss.search.passages import MODES, search_passages
from isogloss.search.text_index import create_text_index

if TYPE_CHECKING:
    from isogloss.encoders.base import Encoder

BLOCK = 2048  # documents that are held at once
_KINDS = {"text": ("sparse",), "vector": ("dense",), "hybrid": ("hybrid",)}


class MtebSearch:
    """The whole search as mteb's `SearchProtocol`: a table with vectors and a full-text index.

    Vector search is exact in here, as it is in an atlas; the model's description says so.

    Parameters
    ----------
    encoder : str or Encoder or None
        Makes the vectors; an unfitted ``lsa`` is fitted on each corpus. None for ``mode="text"``.
    mode : {"hybrid", "vector", "text"}
        As in `Atlas.search`.
    name, training_datasets, languages
        See `isogloss.mteb.meta.model_meta`. BM25 alone was trained on nothing.
    folder : path, optional
        Where the tables are made; a temporary folder, removed with this object, by default.

    Raises
    ------
    ParameterError
        For an unknown mode, a missing encoder, or when the training sets are not known.

    Examples
    --------
    >>> model = MtebSearch("lexical", mode="hybrid")  # doctest: +SKIP
    >>> mteb.evaluate(model, tasks)  # doctest: +SKIP
    """

    def __init__(
        self,
        encoder: "str | Encoder | None" = "lexical",
        *,
        mode: str = "hybrid",
        name: str | None = None,
        training_datasets: Iterable[str] | str | None = None,
        languages: Sequence[str] | None = None,
        folder: str | Path | None = None,
    ) -> None:
        if mode not in MODES:
            raise ParameterError(f"mode {mode!r} is not known; {nearest(str(mode), MODES)}")
        if mode != "text" and encoder is None:
            raise ParameterError(f"mode {mode!r} needs an encoder; mode 'text' does without")
        self.mode = mode
        self.encoder: Any = load(encoder or "lexical") if mode != "text" else None
        self._given = encoder
        self._folder = Path(folder) if folder is not None else None
        self._remove: weakref.finalize[Any, Any] | None = None
        self._tables = 0
        self._table: Any = None
        self._vectors: PassageIndex | None = None
        described = self.encoder if self.encoder is not None else _Words()
        if mode == "text" and training_datasets is None:
            training_datasets = ()
        suffix = "bm25" if mode == "text" else mode
        self.mteb_model_meta = model_meta(
            described,
            name=name or _named(described, suffix),
            training_datasets=training_datasets,
            languages=languages,
            kinds=_KINDS[mode],
            experiment=None if mode == "text" else {"vectors": "exact"},
        )

    def index(
        self,
        corpus: Any,
        *,
        task_metadata: Any = None,
        hf_split: str = "",
        hf_subset: str = "",
        encode_kwargs: Any = None,
        num_proc: int | None = None,
        **options: Any,
    ) -> None:
        """Make the table of a corpus, and its full-text index.

        Parameters
        ----------
        corpus : datasets.Dataset
            Columns ``id``, ``text`` and, where there is one, ``title``.
        **options
            mteb's own; not used.

        Raises
        ------
        ParameterError
            For a corpus without the columns, or with an id twice.
        """
        from isogloss.store.table import create_table, table_schema

        names = set(corpus.column_names)
        if not {"id", "text"} <= names:
            raise ParameterError(f"the corpus has the columns {sorted(names)}: id and text are due")
        ids = [str(name) for name in corpus["id"]]
        if len(set(ids)) != len(ids):
            raise ParameterError("an id comes twice in the corpus: ids name one document each")
        encoder = self._fitted(corpus)
        dim = encoder.dim if encoder is not None else 1
        schema = table_schema(pa.string(), dim, pa.schema([]))
        self._tables += 1
        self._table = create_table(
            self._place(),
            f"corpus{self._tables}",
            schema,
            _batches(corpus, ids, encoder, schema),
        )
        create_text_index(self._table)
        self._vectors = None if self.mode == "text" else PassageIndex(self._table)
        self._active = encoder

    def search(
        self,
        queries: Any,
        *,
        task_metadata: Any = None,
        hf_split: str = "",
        hf_subset: str = "",
        top_k: int = 1000,
        encode_kwargs: Any = None,
        top_ranked: Any = None,
        num_proc: int | None = None,
        **options: Any,
    ) -> dict[str, dict[str, float]]:
        """Search for each query.

        Parameters
        ----------
        queries : datasets.Dataset
            Columns ``id``, ``text`` and, where there is one, ``instruction``.
        top_k : int
            Hits a query.
        top_ranked : mapping of str to list of str, optional
            The only documents that may be found for a query (reranking).
        **options
            mteb's own; not used.

        Returns
        -------
        dict of str to dict of str to float
            Query to document to score. A query without content finds nothing.

        Raises
        ------
        ParameterError
            Before `index`, and for a query that is no text.
        """
        if self._table is None:
            raise ParameterError("there is no corpus yet: index it before searching")
        ids, texts = [str(name) for name in queries["id"]], _query_texts(queries)
        schema = self._table.schema
        vectors: NDArray[np.float32] | list[None] = [None] * len(texts)
        if self.mode != "text":
            vectors = self._active.encode_query(texts)
        found: dict[str, dict[str, float]] = {}
        for name, text, vector in zip(ids, texts, vectors, strict=True):
            if not text.strip():
                found[name] = {}
                continue
            where = None
            if top_ranked is not None:
                if not top_ranked.get(name):
                    found[name] = {}
                    continue
                where = _among(top_ranked[name])
            result = search_passages(
                self._table,
                query_text=text,
                query_vector=vector,
                schema=schema,
                attributes=(),
                k=top_k,
                mode=self.mode,
                where=where,
                index=self._vectors,
                exact=True,
            )
            found[name] = {str(hit.id): hit.score for hit in result.hits}
        return found

    def close(self) -> None:
        """Remove the temporary folder."""
        self._table = self._vectors = None
        if self._remove is not None:
            self._remove()
            self._remove = self._folder = None

    def _place(self) -> Path:
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
            return self._folder
        self._folder = Path(tempfile.mkdtemp(prefix="isogloss-mteb-"))
        self._remove = weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        return self._folder

    def _fitted(self, corpus: Any) -> Any:
        if self.encoder is None or getattr(self.encoder, "is_fitted", True) is True:
            return self.encoder
        from isogloss.encoders.lsa import LsaEncoder

        return LsaEncoder().fit(texts for _, texts in _documents(corpus))


class _Words:
    """Stands for BM25 where mteb wants an encoder described."""

    spec = "lsa"
    dim = 0
    fingerprint = "icu-split-english-stems-bm25"
    max_tokens = None


def _named(encoder: Any, suffix: str) -> str:
    from isogloss.mteb.meta import model_name

    return "isogloss/bm25" if suffix == "bm25" else f"{model_name(encoder.spec)}-{suffix}"


def _documents(corpus: Any) -> Iterator[tuple[int, list[str]]]:
    titled = "title" in corpus.column_names
    for start in range(0, len(corpus), BLOCK):
        rows = corpus[start : start + BLOCK]
        titles = rows["title"] if titled else [""] * len(rows["text"])
        yield (
            start,
            [
                f"{title} {text}".strip() if title else (text or "").strip()
                for title, text in zip(titles, rows["text"], strict=True)
            ],
        )


def _batches(
    corpus: Any, ids: list[str], encoder: Any, schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    for start, texts in _documents(corpus):
        n = len(texts)
        dim = schema.field("vector").type.list_size
        vectors = encoder.encode(texts) if encoder is not None else np.zeros((n, dim), np.float32)
        number = pa.array(range(start, start + n), pa.int64())
        columns = {
            "passage": number,
            "document": number,
            "row": number,
            "content_hash": number,
            "id": pa.array(ids[start : start + n], pa.string()),
            "text": pa.array(texts, pa.string()),
            "vector": pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), dim),
            "topic": pa.array([-1] * n, pa.int32()),
        }
        yield pa.record_batch(
            [columns.get(one.name, pa.nulls(n, one.type)) for one in schema], schema=schema
        )


def _query_texts(queries: Any) -> list[str]:
    texts = list(queries["text"])
    for name, text in zip(queries["id"], texts, strict=True):
        if not isinstance(text, str):
            raise ParameterError(
                f"query {name!r} is {type(text).__name__}: conversations are not searched for"
            )
    if "instruction" not in queries.column_names:
        return texts
    return [
        f"{text} {instruction}" if instruction else text
        for text, instruction in zip(texts, queries["instruction"], strict=True)
    ]


def _among(names: Sequence[str]) -> str:
    from isogloss.search.grammar import MAX_VALUES

    parts = []
    for start in range(0, len(names), MAX_VALUES):
        quoted = ("'" + str(name).replace("'", "''") + "'" for name in names[start:][:MAX_VALUES])
        parts.append(f"id IN ({', '.join(quoted)})")
    return " OR ".join(parts)
