"""Topics from a game between an encoder, a generator and a critic.

Paper: Wang, Hu, Zhou, He, Xiong, Ye & Xu 2020, arXiv 2004.12331 (BAT, Gaussian-BAT). Otherwise than
there, the critic has no batch normalisation, which would mix real and made documents, and Adam's
smallest denominator is 1e-16, since gradients are of the size of word shares.
"""

import warnings
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from isogloss._core.checks import whole_number
from isogloss._core.errors import ParameterError
from isogloss._core.extras import need
from isogloss._core.tensors import load_tensors
from isogloss.topics.estimator import (
    ABOVE_ZERO,
    AT_LEAST_ONE,
    TopicEstimator,
    largest_part,
    read_saved,
)
from isogloss.topics.models.bat_signs import GameSigns, GameWarning, signs_of
from isogloss.topics.models.inputs import checked_words
from isogloss.topics.models.shares import sparse_shares
from isogloss.topics.models.torch_guard import one_thread, seeded
from isogloss.topics.result import TopicResult
from isogloss.topics.rows import count_rows
from isogloss.topics.saved_folder import write_folder

__all__ = ["BATTopics", "GameSigns", "GameWarning", "GaussianBATTopics"]

FORMAT = 1
TOP_WORDS = 10

Self = TypeVar("Self", bound="BATTopics")


class BATTopics(TopicEstimator):
    """Topics by bidirectional adversarial training.

    An encoder turns a document into topic shares, a generator turns topic shares drawn from a
    Dirichlet distribution into words, and a critic learns to tell the pairs of the one from those
    of the other; both learn to deceive it. New documents take one pass through the encoder.

    Parameters
    ----------
    n_topics : int, default 20
    hidden : int, default 100
        Width of the hidden layers.
    steps : int, default 3000
        Steps of encoder and generator.
    critic_steps : int, default 5
        Steps of the critic before each of those.
    batch_size : int, default 64
        Documents a step.
    clip : float, default 0.01
        Largest size of a weight of the critic, which keeps it a distance (Wasserstein).
    learning_rate : float, default 1e-3
        Of Adam. Public versions have 1e-4, which takes many more steps.
    alpha : float, optional
        Of the Dirichlet prior; 1 / n_topics by default.
    random_state : int, default 0

    Attributes
    ----------
    signs_ : GameSigns
        Measured signs of failure; each that is there is also warned of (`GameWarning`).
    distances_ : list of float
        The critic's estimate at each step.
    empty_ : int
        Documents of `fit` without a word, left out and given no topic.

    Notes
    -----
    Time of a step: 6 batch_size hidden v. Memory: v (hidden + batch_size). Counts stay sparse.
    The same seed gives the same bytes with any number of threads on one processor and version of
    torch; other processors may round otherwise, and the game carries that on.

    Examples
    --------
    >>> counts = sp.csr_matrix(np.kron(np.eye(2), np.ones((30, 2))))
    >>> model = BATTopics(2, hidden=8, steps=20, batch_size=16)
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", GameWarning)
    ...     membership = model.fit_transform(counts, vocabulary=["cat", "dog", "moon", "sun"])
    >>> membership.shape, model.result_.topic_word.shape
    ((60, 2), (2, 4))
    """

    input_kind: ClassVar[Literal["vectors", "counts", "tokens"]] = "counts"
    limits: ClassVar = {
        **dict.fromkeys(("n_topics", "hidden", "steps", "critic_steps"), AT_LEAST_ONE),
        **dict.fromkeys(("clip", "learning_rate", "alpha"), ABOVE_ZERO),
        "batch_size": partial(whole_number, least=2),
    }
    signs_: GameSigns
    distances_: list[float]
    _game: Any

    def __init__(
        self,
        n_topics: int = 20,
        *,
        hidden: int = 100,
        steps: int = 3000,
        critic_steps: int = 5,
        batch_size: int = 64,
        clip: float = 0.01,
        learning_rate: float = 1e-3,
        alpha: float | None = None,
        random_state: int = 0,
    ) -> None:
        self.n_topics = n_topics
        self.hidden = hidden
        self.steps = steps
        self.critic_steps = critic_steps
        self.batch_size = batch_size
        self.clip = clip
        self.learning_rate = learning_rate
        self.alpha = alpha
        self.random_state = random_state

    def fit(self: Self, X: Any, y: Any = None, **given: Any) -> Self:
        """Play the game.

        Parameters
        ----------
        X : CSR (n, v)
            Word counts.
        y : ignored
        vocabulary : sequence of str (v,)
            The word of each column; "0", "1", ... by default.
        word_vectors : float32 (v, d)
            Only `GaussianBATTopics`, which needs it.

        Raises
        ------
        ParameterError
            For a parameter out of range, negative counts, or shapes that do not fit.

        Warns
        -----
        GameWarning
            For each sign of failure.
        """
        vocabulary = given.pop("vocabulary", None)
        vectors = given.pop("word_vectors", None)
        if given:
            raise ParameterError(f"fit has no argument {next(iter(given))!r}")
        self._check()
        counts = _counts(X)
        n, words = counts.shape
        names = checked_words(vocabulary, words)
        documents = np.bincount(counts.indices, minlength=words)
        self._idf = (np.log((1 + n) / (1 + documents)) + 1).astype(np.float32)
        rows, full = self._rows(counts)
        self.empty_ = int(n - full.sum())
        if full.sum() < 2:
            raise ParameterError(f"{full.sum()} documents with a word: give at least two")
        with one_thread():
            self._play(rows[np.flatnonzero(full)], vectors)
            topics = self._topics()
        membership = self.transform(counts)
        best = np.argsort(-topics, axis=1, kind="stable")[:, :TOP_WORDS]
        shares = np.asarray(membership[np.flatnonzero(full)].todense(), dtype=np.float64)
        self.signs_ = signs_of(shares, best, words, self.distances_[-1])
        for complaint in self.signs_.complaints():
            warnings.warn(complaint, GameWarning, stacklevel=2)
        self.result_ = TopicResult(
            membership,
            largest_part(membership),
            tuple(tuple(names[word] for word in row) for row in best.tolist()),
            topic_word=sp.csr_matrix(topics),
            vocabulary=names,
            weighting="probability",
            provenance={
                "model": type(self).__name__,
                "parameters": self.get_params(),
                "signs": asdict(self.signs_),
                "documents_without_a_word": self.empty_,
            },
        )
        return self

    def transform(self, X: Any) -> Any:
        """Give topic shares by one pass of the encoder, float32 CSR (n, k); 0 without a word."""
        self._need_fit("_game")
        counts = _counts(X)
        if counts.shape[1] != len(self._idf):
            raise ParameterError(f"X has {counts.shape[1]} columns, fit had {len(self._idf)}")
        rows, full = self._rows(counts)
        from isogloss.topics.models.bat_network import encoded

        with one_thread():
            shares = encoded(self._game, rows)
        shares[~full] = 0.0
        return sparse_shares(shares)

    def save(self, folder: str | Path) -> None:
        """Write `model.json` and `model.safetensors`, and the result, into a folder."""
        self._need_fit("result_")
        arrays = {f"network.{name}": one.numpy() for name, one in self._game.state_dict().items()}
        about = {
            "format": FORMAT,
            "model": type(self).__name__,
            "parameters": self.get_params(),
            "signs": asdict(self.signs_),
            "distances": self.distances_,
            "empty": self.empty_,
        }
        write_folder(Path(folder), self.result_, arrays | {"idf": self._idf}, about)

    @classmethod
    def load(cls: type[Self], folder: str | Path) -> Self:
        """Read what `save` wrote.

        Raises
        ------
        AtlasError
            When the folder holds another model, or one of a newer format.
        """
        folder = Path(folder)
        about = read_saved(folder, model=cls.__name__, form=FORMAT)
        model = cls(**about["parameters"])
        model._check()
        model.signs_ = GameSigns(**about["signs"])
        model.distances_, model.empty_ = about["distances"], about["empty"]
        arrays = load_tensors(folder / "model.safetensors")
        model._idf = arrays.pop("idf")
        own = {name.removeprefix("network."): one for name, one in arrays.items()}
        from torch import tensor

        model._build(len(model._idf), own.get("produce.vectors"), seeded(0))
        model._game.load_state_dict({name: tensor(np.array(one)) for name, one in own.items()})
        model._game.eval()
        model.result_ = TopicResult.load(folder)
        return model

    def _check(self) -> None:
        need("torch", extra="models")
        self._check_params()

    def _rows(self, counts: Any) -> tuple[Any, NDArray[np.bool_]]:
        """Give TF-IDF divided by its sum, CSR, and which rows have a word."""
        rows = counts.astype(np.float32).multiply(self._idf[None, :]).tocsr()
        total = np.asarray(rows.sum(axis=1, dtype=np.float64)).ravel()
        full = total > 0
        scale = np.divide(1.0, total, out=np.zeros_like(total), where=full)
        return (sp.diags(scale) @ rows).tocsr().astype(np.float32), full

    def _generator(self, words: int, vectors: Any, generator: Any) -> Any:
        from isogloss.topics.models.bat_network import WordGenerator

        if vectors is not None:
            raise ParameterError("word_vectors are for GaussianBATTopics")
        return WordGenerator(self.n_topics, self.hidden, words, generator=generator)

    def _build(self, words: int, vectors: Any, generator: Any) -> None:
        from isogloss.topics.models.bat_network import Game

        produce = self._generator(words, vectors, generator)
        self._game = Game(
            words, self.n_topics, self.hidden, produce, generator=generator, clip=self.clip
        )

    def _play(self, rows: Any, vectors: Any) -> None:
        import torch

        from isogloss.topics.models.bat_network import sparse

        self._build(rows.shape[1], vectors, seeded(self.random_state))
        draw = np.random.default_rng(self.random_state)
        alpha = np.full(self.n_topics, self.alpha or 1.0 / self.n_topics)
        size = min(self.batch_size, rows.shape[0])
        waiting: list[int] = []

        def batches() -> Any:
            if len(waiting) < size:
                waiting[:] = draw.permutation(rows.shape[0]).tolist()
            chosen, waiting[:] = waiting[:size], waiting[size:]
            return sparse(rows[chosen])

        def priors(count: int) -> Any:
            return torch.from_numpy(draw.dirichlet(alpha, size=count).astype(np.float32))

        self.distances_ = self._game.play(
            batches, priors, steps=self.steps, critic_steps=self.critic_steps,
            learning_rate=self.learning_rate,
        )  # fmt: skip

    def _topics(self) -> NDArray[np.float32]:
        from isogloss.topics.models.bat_network import produced

        return produced(self._game, np.eye(self.n_topics, dtype=np.float32))


class GaussianBATTopics(BATTopics):
    """BAT whose topics are normal distributions over the vectors of words.

    Words with near vectors are probable together. Parameters and attributes are those of
    `BATTopics`; `fit` needs ``word_vectors``, float32 (v, d), which stay as they are but for one
    scale for all: their numbers are brought to a root mean square of 1 about their mean.

    Notes
    -----
    Covariances are diagonal with a floor. A word's share in a topic is its density there over the
    sum over the vocabulary, so a topic cannot make one of two words of near vectors rare.

    Examples
    --------
    >>> counts = sp.csr_matrix(np.kron(np.eye(2), np.ones((30, 2))))
    >>> vectors = np.array([[0, 1], [0, 0.9], [1, 0], [0.9, 0]], dtype=np.float32)
    >>> model = GaussianBATTopics(2, hidden=8, steps=20, batch_size=16)
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", GameWarning)
    ...     labels = model.fit_predict(counts, word_vectors=vectors)
    >>> labels.shape
    (60,)
    """

    def _generator(self, words: int, vectors: Any, generator: Any) -> Any:
        from isogloss.topics.models.bat_network import GaussianGenerator

        if vectors is None:
            raise ParameterError("GaussianBATTopics needs word_vectors, float (v, d), in fit")
        rows = np.asarray(vectors, dtype=np.float32)
        if rows.ndim != 2 or len(rows) != words:
            raise ParameterError(f"word_vectors has shape {rows.shape} for {words} words")
        if not np.isfinite(rows).all():
            raise ParameterError("word_vectors holds numbers that are not finite")
        return GaussianGenerator(rows, self.n_topics, generator=generator)


def _counts(X: Any) -> Any:
    """Give CSR float32 (n, v), and refuse what is no count."""
    counts = sp.csr_matrix(count_rows(X, "X"), dtype=np.float32, copy=True)
    counts.eliminate_zeros()
    return counts
