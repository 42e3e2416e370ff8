"""An atlas that lies in a server, searched as one on disk is."""

import json
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.checks import whole_number
from isogloss._core.errors import AtlasError, EncoderError, ParameterError, nearest
from isogloss._core.plural import plural
from isogloss.remote.address import Address, read_address
from isogloss.remote.backend import Backend, Description, Found, open_backend
from isogloss.search.filters import read_filter
from isogloss.search.fusion import DEFAULT, Ranking
from isogloss.search.passages import FUSED, MODES, check_query
from isogloss.search.results import Hit, SearchResult
from isogloss.search.typed import Typed

if TYPE_CHECKING:
    from isogloss.encoders.base import Encoder

_SPARE = 16  # fetched beyond the last place, to see ties


class RemoteAtlas:
    """An atlas in a server.

    Parameters
    ----------
    url : str
        See `isogloss.remote.address.read_address`.
    encoder : str or Encoder, optional
        Encodes queries; by default the encoder that the collection names. An atlas with an
        encoder of its own (``lsa``) needs it: ``"lsa:ATLAS/state-0001/encoder"``.
    collection : str, optional
        Goes before the one in the URL.

    Raises
    ------
    AtlasError
        When the server does not answer, or the collection is missing or not whole.

    Examples
    --------
    >>> atlas = RemoteAtlas("qdrant+http://localhost/news")  # doctest: +SKIP
    >>> atlas.search("cost of a launch", k=5, where="year >= 1993")  # doctest: +SKIP
    """

    def __init__(
        self, url: str, *, encoder: "str | Encoder | None" = None, collection: str | None = None
    ) -> None:
        self.address: Address = read_address(url, collection=collection)
        if self.address.scheme == "qdrant+path" and not Path(self.address.database).is_dir():
            raise AtlasError(f"there is no folder {self.address.database}: isogloss push makes it")
        self._backend: Backend = open_backend(self.address)
        self._given = encoder
        self._encoder: Encoder | None = None
        try:
            found = self._backend.describe()
            if found is None:
                raise AtlasError(
                    f"there is no atlas at {self.address}: isogloss push ATLAS --to URL makes one"
                )
            if found.state != "complete":
                raise AtlasError(
                    f"the push into {self.address} has not finished: run the same isogloss push "
                    "again to go on"
                )
        except BaseException:
            self._backend.close()
            raise
        self.description: Description = found

    def __len__(self) -> int:
        return self.description.passages

    def __repr__(self) -> str:
        return f"RemoteAtlas({str(self.address)!r}: {plural(len(self), 'passage')})"

    def __enter__(self) -> "RemoteAtlas":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connection."""
        self._backend.close()

    def label(self, topic: int) -> str:
        """Give the label of a topic."""
        return self.description.labels.get(str(topic), "")

    @property
    def encoder(self) -> "Encoder":
        """The encoder of the collection's vectors.

        Raises
        ------
        EncoderError
            When it cannot be loaded, or is not the one that made the vectors.
        """
        if self._encoder is None:
            self._encoder = self._load()
        return self._encoder

    def _load(self) -> "Encoder":
        from isogloss.encoders.spec import load_encoder

        told = self.description.encoder
        given = self._given if self._given is not None else str(told["spec"])
        encoder = load_encoder(given) if isinstance(given, str) else given
        if getattr(encoder, "is_fitted", True) is not True:
            if encoder.spec != told["spec"]:
                raise EncoderError(
                    f"{encoder.spec!r} is not fitted; {self.address} was made with {told['spec']!r}"
                )
            raise EncoderError(
                f"the vectors of {self.address} were made by an encoder that was fitted on the "
                f"atlas: give it, as --encoder {told['spec']}:ATLAS/state-0001/encoder"
            )
        if encoder.fingerprint != told["fingerprint"]:
            raise EncoderError(
                f"{self.address} was made with the encoder {told['spec']!r} (fingerprint "
                f"{told['fingerprint'][:12]}), and {encoder.spec!r} is {encoder.fingerprint[:12]}: "
                "queries of another encoder find nothing that makes sense"
            )
        return encoder

    def search(
        self,
        query: str,
        *,
        k: int = 10,
        where: str | None = None,
        mode: str = "hybrid",
        exact: bool = False,
    ) -> SearchResult:
        """Find the passages nearest to a query.

        Parameters
        ----------
        query : str
        k : int
            Hits wanted; fewer come only where fewer passages pass the filter (or, by words, share
            a word with the query).
        where : str or None
            A filter, in the language of `Atlas.search`.
        mode : {"hybrid", "vector", "text"}
            By both rankings, by meaning, by words. Words are cut by our own rules without
            stemming, so BM25 differs a little from that of an atlas on disk.
        exact : bool
            Leave the server's index of vectors aside. It is left aside anyway where it gave fewer
            passages than pass the filter.

        Returns
        -------
        SearchResult

        Raises
        ------
        FilterError
            When the filter does not parse or does not fit the attributes.
        ParameterError
            When `k` or `mode` cannot be used, or the query is empty.
        EncoderError
            See `encoder`.
        AtlasError
            When the server does not answer.
        """
        began = perf_counter()
        query = check_query(query)
        if mode not in MODES:
            raise ParameterError(f"mode {mode!r} is not known; {nearest(str(mode), MODES)}")
        k = whole_number(k, "k", 1)
        typed = None if where is None else self._filter(where)
        depth = min(k if mode != "hybrid" else max(FUSED, 3 * k), max(1, len(self)))
        rankings: dict[str, list[Found]] = {}
        how = []
        if mode != "text":
            vector = self.encoder.encode_query([query])[0]
            rankings["vector"], said = self._by_vector(vector, typed, depth, exact)
            how.append(said)
        if mode != "vector":
            rankings["text"] = self._by_words(query, typed, depth)
            how.append("BM25")
        if mode == "hybrid":
            lists = {
                name: Ranking([one.passage for one in ranking], [one.score for one in ranking])
                for name, ranking in rankings.items()
            }
            best = DEFAULT.fuse(lists)[:k]
        else:
            best = [(one.passage, one.score) for ranking in rankings.values() for one in ranking]
        rows = {one.passage: one for ranking in rankings.values() for one in ranking}
        strategy = f"{mode}: {self._backend.name}, " + " + ".join(how)
        if mode == "hybrid":
            strategy += f", {DEFAULT.name}"
        if typed is not None:
            strategy += ", filtered before ranking"
        hits = tuple(self._hit(rows[passage], score) for passage, score in best)
        return SearchResult(hits, strategy, perf_counter() - began)

    def _filter(self, where: str) -> Typed:
        inner = self.description.leaves_below
        below = {int(topic): inner.get(topic, [int(topic)]) for topic in self.description.labels}
        return read_filter(where, self.description.columns, below=below)

    def _by_vector(
        self, vector: NDArray[np.float32], where: Typed | None, depth: int, exact: bool
    ) -> tuple[list[Found], str]:
        norm = float(np.linalg.norm(vector))
        if not norm:
            return [], "a query without content"
        unit = np.asarray(vector / norm, dtype=np.float32)
        found = self._ranked(
            lambda limit: self._backend.by_vector(unit, where, limit, exact=exact), depth
        )
        if exact or not self.description.indexed:
            return found, "exact"
        if len(found) >= depth or len(found) >= self._backend.count(where):
            return found, "its own index"
        # The index starved: it gave fewer passages than pass.
        found = self._ranked(
            lambda limit: self._backend.by_vector(unit, where, limit, exact=True), depth
        )
        return found, "exact, since its index gave too few"

    def _by_words(self, query: str, where: Typed | None, depth: int) -> list[Found]:
        from isogloss.remote.words import query_words

        words = query_words(query)
        if not words:
            return []
        return self._ranked(lambda limit: self._backend.by_words(words, where, limit), depth)

    def _ranked(self, ask: Any, depth: int) -> list[Found]:
        """Ask until the last place is not tied with one that was not fetched."""
        total = max(1, len(self))
        limit = min(depth + _SPARE, total)
        while True:
            found: list[Found] = sorted(ask(limit), key=lambda one: (-one.score, one.passage))
            complete = len(found) < limit or limit == total or len(found) <= depth
            if complete or found[-1].score < found[depth - 1].score:
                return found[:depth]
            limit = min(limit * 4, total)

    def _hit(self, row: Found, score: float) -> Hit:
        shown = json.loads(row.shown)
        topic = shown.get("topic")
        return Hit(
            id=shown["id"],
            passage=row.passage,
            score=float(score),
            text=row.text,
            attributes={name: shown[name] for name in self.description.attributes},
            topic=-1 if topic is None else int(topic),
        )
