"""Topics of short texts by a model that predicts each word from those before it.

Papers: Larochelle & Lauly 2012 (DocNADE); Gupta, Chaudhary, Buettner & Schuetze 2019, arXiv
1810.03947 (ctx-DocNADE, ctx-DocNADEe). Otherwise than the code released with the latter, the
LSTM's state at a word has read the words before it and no later ones.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from isogloss._core.checks import one_of, real_number
from isogloss._core.errors import NotFitted, ParameterError
from isogloss._core.extras import need
from isogloss._core.tensors import load_tensors
from isogloss.topics.estimator import (
    ABOVE_ZERO,
    AT_LEAST_ONE,
    TopicEstimator,
    largest_part,
    read_saved,
)
from isogloss.topics.models.shares import rising_shares, softmax
from isogloss.topics.models.token_input import (
    Likelihood,
    checked_tokens,
    commonest_words,
    numbered_words,
)
from isogloss.topics.models.torch_guard import one_thread, seeded
from isogloss.topics.models.word_input import look_up, to_width
from isogloss.topics.result import TopicResult
from isogloss.topics.saved_folder import write_folder

__all__ = ["DocNADETopics", "Likelihood"]

FORMAT = 1
TOP_WORDS = 10
Tokens = Sequence[Sequence[str]]
WordVectors = Mapping[str, NDArray[Any]] | Callable[[list[str]], NDArray[Any]]


class DocNADETopics(TopicEstimator):
    """Topics by DocNADE, alone or with an LSTM that reads word order.

    Each word's probability depends on the sum of the weights of the words before it and, with
    ``context="lstm"``, on an LSTM over the same words. A topic is a hidden unit: its words are
    those of largest weight. For short texts, or few.

    Parameters
    ----------
    n_topics : int, default 200
        Hidden units.
    context : {"none", "lstm"}
        DocNADE, or ctx-DocNADE.
    word_vectors : mapping of str to float (d,), or callable, optional
        Frozen vectors of words that the LSTM reads beside its own (ctx-DocNADEe). A callable takes
        a list of words and gives float (n, d), as ``encoder.encode``. More than `n_topics` numbers
        are brought down to their main directions, fewer are filled up with zeros, and all are
        scaled to the spread of the first weights.
    activation : {"sigmoid", "tanh"}
        Of the hidden units: the first for likelihoods, the second for retrieval.
    context_weight : float, default 0.1
        Weight of the LSTM's state. The paper has 0.1 for likelihoods and 0.5 for retrieval.
    max_words : int, default 5000
        Commonest words of the vocabulary. Time and memory of a place grow with it.
    min_count : int, default 1
        Occurrences that a word of the vocabulary has at least.
    validation_share : float, default 0.1
        Share of the documents that decide when to stop, unless `fit` is given some.
    epochs, patience : int
        Passes at most, and passes without a better validation perplexity before it stops.
    batch_size : int, default 100
        Documents a step.
    learning_rate : float, default 1e-3
        Of Adam.
    random_state : int, default 0

    Attributes
    ----------
    vocabulary_ : list of str (v,)
        Commonest first.
    topic_weights_ : float32 (n_topics, v)
        W of the paper.
    history_ : list of float
        Validation perplexity before training and after each pass.
    converged_ : bool
        Whether it stopped before `epochs`.
    unknown_, empty_ : int
        Words of the documents of `fit` outside the vocabulary, and documents without a known word.
    without_vector_ : int
        Words of the vocabulary for which `word_vectors` has none.

    Notes
    -----
    Time of a pass: places x (v h + 8 h h). Memory: v h, and 16,384 places or the longest document.
    Memberships are no probabilities of the model: of the document's vector less the mean vector
    over the documents of `fit`, what is above its own mean, divided by its sum.
    The same seed gives the same bytes with any number of threads on one processor and version of
    torch; other processors may round otherwise, and training carries that on.

    Examples
    --------
    >>> texts = [["red", "wine"], ["old", "wine"], ["new", "moon"], ["full", "moon"]] * 5
    >>> model = DocNADETopics(2, epochs=5, random_state=1).fit(texts)
    >>> model.transform([["wine"], ["unheard"]]).shape
    (2, 2)
    >>> 2 < model.perplexity([["old", "wine"]]) < 8
    True
    """

    input_kind: ClassVar[Literal["vectors", "counts", "tokens"]] = "tokens"
    limits: ClassVar = {
        **dict.fromkeys(
            ("n_topics", "max_words", "min_count", "epochs", "patience", "batch_size"),
            AT_LEAST_ONE,
        ),
        "learning_rate": ABOVE_ZERO,
        "validation_share": partial(real_number, least=0, above=True, below=1),
        "context": partial(one_of, known=("none", "lstm")),
        "activation": partial(one_of, known=("sigmoid", "tanh")),
    }
    vocabulary_: list[str]
    history_: list[float]

    def __init__(
        self,
        n_topics: int = 200,
        *,
        context: Literal["none", "lstm"] = "none",
        word_vectors: WordVectors | None = None,
        activation: Literal["sigmoid", "tanh"] = "sigmoid",
        context_weight: float = 0.1,
        max_words: int = 5000,
        min_count: int = 1,
        validation_share: float = 0.1,
        epochs: int = 200,
        patience: int = 10,
        batch_size: int = 100,
        learning_rate: float = 1e-3,
        random_state: int = 0,
    ) -> None:
        self.n_topics = n_topics
        self.context = context
        self.word_vectors = word_vectors
        self.activation = activation
        self.context_weight = context_weight
        self.max_words = max_words
        self.min_count = min_count
        self.validation_share = validation_share
        self.epochs = epochs
        self.patience = patience
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.random_state = random_state

    def fit(  # type: ignore[override]
        self,
        X: Tokens,
        y: Any = None,
        *,
        validation: Tokens | None = None,
        start: "DocNADETopics | None" = None,
    ) -> "DocNADETopics":
        """Learn the vocabulary and the weights.

        Parameters
        ----------
        X : list of list of str
            Tokens of each document, in order.
        y : ignored
        validation : list of list of str, optional
            Documents that decide when to stop; else a share of X, drawn by the seed.
        start : DocNADETopics, optional
            A fitted model whose vocabulary and topic weights it begins with. With
            ``context="lstm"`` and none given, a plain DocNADE is trained first, as the paper does.

        Raises
        ------
        ParameterError
            For a parameter out of range, too few documents, or a `start` of another width.
        """
        self._check()
        held = checked_tokens(X, "X")
        if start is None and self.context == "lstm":
            plain = {"context": "none", "word_vectors": None}
            start = DocNADETopics(**(self.get_params() | plain)).fit(held, validation=validation)
        if start is not None:
            start._need_fit("topic_weights_")
            if start.topic_weights_.shape[0] != self.n_topics:
                raise ParameterError(
                    f"start has {start.topic_weights_.shape[0]} topics, n_topics is "
                    f"{self.n_topics}: give a model of as many"
                )
            self.vocabulary_ = list(start.vocabulary_)
        else:
            self.vocabulary_ = commonest_words(held, self.max_words, self.min_count)
        documents, unknown = self._numbers(held)
        self.unknown_ = int(unknown.sum())
        full = [one for one in documents if len(one)]
        self.empty_ = len(documents) - len(full)
        if validation is None:
            learnt, judged = self._parted(full)
        else:
            learnt = full
            judged = [
                one
                for one in self._numbers(checked_tokens(validation, "validation"))[0]
                if len(one)
            ]
        if not learnt or not judged:
            raise ParameterError(
                f"{len(learnt)} documents with known words to learn from and {len(judged)} to stop "
                "by: give at least one of each"
            )
        self._train(learnt, judged, start)
        vectors = self._vectors(documents)
        self._centre = vectors.mean(axis=0)
        membership = self._membership(vectors, documents)
        shares = softmax(self.topic_weights_)
        best = np.argsort(-self.topic_weights_, axis=1, kind="stable")[:, :TOP_WORDS]
        self.result_ = TopicResult(
            membership,
            largest_part(membership),
            tuple(tuple(self.vocabulary_[word] for word in row) for row in best.tolist()),
            topic_word=sp.csr_matrix(shares),
            vocabulary=tuple(self.vocabulary_),
            weighting="softmax of weights",
            provenance={
                "model": type(self).__name__,
                "parameters": self._plain_params(),
                "unknown_words": self.unknown_,
                "documents_without_a_known_word": self.empty_,
                "passes": len(self.history_) - 1,
            },
        )
        return self

    def transform(self, X: Tokens) -> Any:
        """Give the part of each document in each topic, float32 CSR (n, n_topics); see Notes."""
        documents, _ = self._numbers(checked_tokens(X, "X"))
        return self._membership(self._vectors(documents), documents)

    def vectors(self, X: Tokens) -> NDArray[np.float32]:
        """Give the vector of each document, float32 (n, n_topics): its state after the last word.

        For retrieval and classification, by cosine.
        """
        return self._vectors(self._numbers(checked_tokens(X, "X"))[0]).astype(np.float32)

    def likelihood(self, X: Tokens) -> Likelihood:
        """Give the exact probability of each document, and the words left out of it."""
        from isogloss.topics.models.docnade_network import likelihoods

        documents, unknown = self._numbers(checked_tokens(X, "X"))
        with one_thread():
            logs = likelihoods(self._network, documents)
        lengths = np.array([len(one) for one in documents], dtype=np.int64)
        return Likelihood(logs, lengths, unknown)

    def perplexity(self, X: Tokens) -> float:
        """Give exp of the mean over documents of the mean cost of a known word.

        Words outside the vocabulary are left out: `likelihood` tells how many.
        """
        return self.likelihood(X).perplexity

    def next_word(self, tokens: Sequence[str]) -> NDArray[np.float64]:
        """Give the log-probability of each word at each place of one text, and after it.

        Parameters
        ----------
        tokens : list of str
            All of them in the vocabulary.

        Returns
        -------
        float64 (len(tokens) + 1, v)
            Row i depends on ``tokens[:i]`` alone.
        """
        (words,), unknown = self._numbers(checked_tokens([tokens], "tokens"))
        if unknown.any():
            raise ParameterError(f"{int(unknown[0])} of the tokens are not in the vocabulary")
        from isogloss.topics.models.docnade_network import next_words

        with one_thread():
            return next_words(self._network, words)

    def save(self, folder: str | Path) -> None:
        """Write `model.json` and `model.safetensors`, and the result, into a folder.

        The word vectors are kept as the model reads them; `word_vectors` itself is not.
        """
        self._need_fit("topic_weights_")
        arrays = {f"network.{name}": value for name, value in self._arrays().items()}
        about = {
            "format": FORMAT,
            "model": type(self).__name__,
            "parameters": self._plain_params(),
            "vocabulary": self.vocabulary_,
            "history": self.history_,
            "converged": self.converged_,
            "unknown": self.unknown_,
            "empty": self.empty_,
            "without_vector": self.without_vector_,
        }
        write_folder(Path(folder), self.result_, arrays | {"centre": self._centre}, about)

    @classmethod
    def load(cls, folder: str | Path) -> "DocNADETopics":
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
        for name in ("vocabulary", "history", "converged", "unknown", "empty", "without_vector"):
            setattr(model, f"{name}_", about[name])
        arrays = load_tensors(folder / "model.safetensors")
        model._centre = arrays.pop("centre")
        own = {name.removeprefix("network."): value for name, value in arrays.items()}
        model._build(own.get("vectors"))
        model._restore(own)
        model.result_ = TopicResult.load(folder)
        return model

    def _check(self) -> None:
        need("torch", extra="models")
        self._check_params()
        if self.word_vectors is not None and self.context == "none":
            raise ParameterError("word_vectors are read by the LSTM: give context='lstm' too")

    def _plain_params(self) -> dict[str, Any]:
        return self.get_params() | {"word_vectors": None}

    def _numbers(self, texts: list[list[str]]) -> tuple[list[NDArray[np.int64]], NDArray[np.int64]]:
        if not hasattr(self, "vocabulary_"):
            raise NotFitted("this DocNADETopics has learned nothing yet: call fit first")
        return numbered_words(texts, self.vocabulary_)

    def _parted(
        self, documents: list[NDArray[np.int64]]
    ) -> tuple[list[NDArray[np.int64]], list[NDArray[np.int64]]]:
        order = np.random.default_rng(self.random_state).permutation(len(documents)).tolist()
        held = max(1, round(self.validation_share * len(order)))
        return [documents[row] for row in order[held:]], [documents[row] for row in order[:held]]

    def _build(self, vectors: NDArray[np.float32] | None) -> Any:
        from isogloss.topics.models.docnade_network import Network

        generator = seeded(self.random_state)
        self._network: Any = Network(
            len(self.vocabulary_),
            self.n_topics,
            generator=generator,
            activation=self.activation,
            context_weight=self.context_weight,
            lstm=self.context == "lstm",
            vectors=vectors,
        )
        return generator

    def _train(
        self,
        learnt: list[NDArray[np.int64]],
        judged: list[NDArray[np.int64]],
        start: "DocNADETopics | None",
    ) -> None:
        from isogloss.topics.models.docnade_network import train

        vectors, self.without_vector_ = None, 0
        if self.word_vectors is not None:
            found, self.without_vector_ = look_up(self.word_vectors, self.vocabulary_)
            spread = 0.1 if start is None else float(start.topic_weights_.std())
            vectors = to_width(found, self.n_topics, spread=spread)
        with one_thread():
            generator = self._build(vectors)
            if start is not None:
                self._restore({"encode": start.topic_weights_.T})
            self.history_ = train(
                self._network, learnt, judged, generator=generator, epochs=self.epochs,
                patience=self.patience, batch_size=self.batch_size,
                learning_rate=self.learning_rate,
            )  # fmt: skip
        self.converged_ = len(self.history_) - 1 < self.epochs

    def _arrays(self) -> dict[str, NDArray[Any]]:
        return {name: value.numpy() for name, value in self._network.state_dict().items()}

    def _restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        from torch import tensor

        state = self._network.state_dict()
        for name, value in arrays.items():
            state[name].copy_(tensor(np.array(value)))

    @property
    def topic_weights_(self) -> NDArray[np.float32]:
        """W of the paper, float32 (n_topics, v)."""
        self._need_fit("_network")
        return np.ascontiguousarray(self._network.encode.detach().numpy().T)

    def _vectors(self, documents: list[NDArray[np.int64]]) -> NDArray[np.float64]:
        from isogloss.topics.models.docnade_network import vectors_of

        with one_thread():
            return vectors_of(self._network, documents)

    def _membership(self, vectors: NDArray[np.float64], documents: list[NDArray[np.int64]]) -> Any:
        full = np.array([len(one) > 0 for one in documents], dtype=bool)
        return rising_shares(vectors - self._centre, full)
