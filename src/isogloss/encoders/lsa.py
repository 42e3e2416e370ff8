"""`lsa`: TF-IDF and a truncated SVD, fitted on the source itself. Any language, no weights."""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import EncoderError, NotFitted, ParameterError
from isogloss._core.files import write_json
from isogloss._core.tensors import load_tensors, save_tensors
from isogloss._math.svd import truncated_svd
from isogloss.encoders.base import EncodesDocuments, Truncation, check_texts, unit_rows
from isogloss.encoders.folder import read_description
from isogloss.text import Vocabulary, tfidf

FORMAT = 1
DIM = 192


class LsaEncoder(EncodesDocuments):
    """Latent semantic analysis as an encoder.

    Parameters
    ----------
    dim : int, default 192
        Length of a vector at most; small corpora give less.
    random_state : int, default 0
        Of the randomised SVD.

    Attributes
    ----------
    vocabulary_ : Vocabulary
        The words that count.
    projection_ : float32 (v, d)
        What a word's TF-IDF weight adds to the vector.

    Notes
    -----
    A text without any known word gives a row of zeros. Vectors do not depend on the batch or on
    the number of threads.

    Paper
    -----
    Deerwester et al., Indexing by latent semantic analysis, JASIS 1990.

    Examples
    --------
    >>> encoder = LsaEncoder(dim=2).fit([["a cat and a dog", "the cat", "stocks fell", "stocks"]])
    >>> vectors = encoder.encode(["a cat", "stocks", "?"])
    >>> vectors.shape, bool(vectors[0] @ vectors[1] < 0.5), vectors[2].tolist()
    ((3, 2), True, [0.0, 0.0])
    """

    max_tokens: int | None = None

    def __init__(self, dim: int = DIM, *, random_state: int = 0) -> None:
        if dim < 1:
            raise ParameterError(f"dim is {dim}; it must be at least 1")
        self.dim = self._most = dim
        self.random_state = random_state
        self.spec = "lsa"
        self.fingerprint = ""
        self.truncation = Truncation()

    @property
    def is_fitted(self) -> bool:
        """True after `fit` or `load`."""
        return hasattr(self, "projection_")

    def fit(self, batches: Iterable[Sequence[str]]) -> "LsaEncoder":
        """Learn words and directions from texts.

        Parameters
        ----------
        batches : iterable of list of str
            Held in memory while fitting: give a sample of a large corpus.

        Returns
        -------
        LsaEncoder
            Itself.

        Raises
        ------
        ParameterError
            For texts that are not in batches.
        """
        texts: list[str] = []
        for batch in batches:
            if isinstance(batch, str):
                raise ParameterError("fit takes batches of texts, not texts: give fit([texts])")
            texts += check_texts(batch)
        # Stop words would make up the strongest directions and say nothing about a subject.
        self.vocabulary_ = Vocabulary.fit([texts], stop_words="auto")
        weighed = tfidf(self.vocabulary_.counts(texts), self.vocabulary_.idf)
        _, self.projection_ = truncated_svd(weighed, self._most, seed=self.random_state)
        if self.projection_.shape[1] == 0:  # no words at all: one direction, nothing in it
            self.projection_ = np.zeros((len(self.vocabulary_), 1), np.float32)
        self._settle()
        return self

    def _settle(self) -> None:
        self.dim = int(self.projection_.shape[1])
        digest = hashlib.sha256(f"lsa {FORMAT} {self.vocabulary_.fingerprint}".encode())
        digest.update(np.ascontiguousarray(self.projection_, dtype="<f4").tobytes())
        self.fingerprint = digest.hexdigest()

    def encode(
        self,
        texts: Sequence[str],
        *,
        batch_size: int | None = None,
    ) -> NDArray[np.float32]:
        """Encode texts: float32 (n, dim), unit rows; zeros for a text without known words.

        Raises
        ------
        NotFitted
            Before `fit`.
        """
        if not self.is_fitted:
            raise NotFitted("the lsa encoder is fitted on texts first: call fit")
        items = check_texts(texts)
        weighed = tfidf(self.vocabulary_.counts(items), self.vocabulary_.idf)
        self.truncation.texts += len(items)
        return unit_rows(weighed @ self.projection_)

    def encode_query(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode queries, as documents are."""
        return self.encode(texts)

    def save(self, folder: Path) -> None:
        """Write the encoder into a folder."""
        if not self.is_fitted:
            raise NotFitted("there is nothing to save: call fit first")
        folder.mkdir(parents=True, exist_ok=True)
        self.vocabulary_.save(folder)
        save_tensors(folder / "lsa.safetensors", {"projection": self.projection_})
        about = {
            "format": FORMAT,
            "class": "LsaEncoder",
            "random_state": self.random_state,
        }
        write_json(folder / "isogloss.json", about)

    @classmethod
    def load(cls, folder: Path) -> "LsaEncoder":
        """Read what `save` wrote.

        Raises
        ------
        EncoderError
            When the folder holds no lsa encoder.
        """
        about = read_description(folder, "lsa")
        if about.get("class") != "LsaEncoder" or about.get("format", 0) > FORMAT:
            raise EncoderError(
                f"{folder / 'isogloss.json'} is no lsa encoder that this version can read"
            )
        encoder = cls(random_state=about.get("random_state", 0))
        encoder.vocabulary_ = Vocabulary.load(folder)
        try:
            encoder.projection_ = load_tensors(folder / "lsa.safetensors")["projection"]
        except (OSError, KeyError) as error:
            raise EncoderError(f"{folder} is damaged: lsa.safetensors cannot be read") from error
        if len(encoder.projection_) != len(encoder.vocabulary_):
            raise EncoderError(f"{folder} is damaged: words and projection differ in number")
        encoder.spec = f"lsa:{folder}"
        encoder._settle()
        return encoder
