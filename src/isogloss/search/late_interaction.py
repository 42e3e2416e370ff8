"""Late interaction: every word of the query looks for its best word in the passage.

O. Khattab, M. Zaharia: ColBERT, SIGIR 2020: s = sum over i of max over j of q_i . d_j, over unit
token vectors. Any sentence-transformers model on this disk gives the token vectors; one trained
for late interaction gives better ones.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import EncoderError, ParameterError
from isogloss._core.extras import need
from isogloss._core.torch_threads import ONE_THREAD
from isogloss.encoders.base import check_texts, unit_rows
from isogloss.encoders.transformer import TransformerEncoder
from isogloss.encoders.windows import blocks

__all__ = ["MaxSim", "TokenEncoder", "max_sim"]


class TokenEncoder(TransformerEncoder):
    """A sentence-transformers model that gives the vector of every token.

    Parameters
    ----------
    name
        As in `TransformerEncoder`.

    Raises
    ------
    EncoderError
        As in `TransformerEncoder`.
    """

    def token_vectors(
        self, texts: Sequence[str], *, kind: str = "document"
    ) -> list[NDArray[np.float32]]:
        """Encode texts token by token.

        A text longer than the window is cut between words into windows; the tokens of all of them
        count. The tokens that the model adds are left out.

        Parameters
        ----------
        texts : sequence of str
        kind : {"document", "query"}
            Which prompt of the model stands before them.

        Returns
        -------
        list of float32 (t, d)
            Unit rows; none for a text without content.
        """
        items = check_texts(texts)
        found: list[list[NDArray[np.float32]]] = [[] for _ in items]
        for start, stop in blocks([len(text) for text in items]):
            pieces = self._pieces(items[start:stop], self.prompts.get(kind, ""), start)
            order = sorted(range(len(pieces.items)), key=lambda i: (-pieces.lengths[i], i))
            ready: dict[int, NDArray[np.float32]] = {}
            for begin in range(0, len(order), self.batch_size):
                rows = order[begin : begin + self.batch_size]
                batch = [pieces.items[row] for row in rows]
                ready |= zip(rows, self._tokens(batch, pieces.prompt), strict=True)
            for row, owner in enumerate(pieces.owners):
                found[start + owner].append(ready[row])
        empty = np.zeros((0, self.dim), dtype=np.float32)
        return [np.concatenate(parts) if parts else empty for parts in found]

    def _tokens(self, texts: list[str], prompt: str) -> list[NDArray[np.float32]]:
        torch = need("torch", extra="models")
        special = torch.tensor(sorted(self._model.tokenizer.all_special_ids))
        with ONE_THREAD, torch.inference_mode():
            with self._lock:
                features: dict[str, Any] = self._model.preprocess(texts, prompt=prompt or None)
            ids, mask = features["input_ids"], features["attention_mask"].bool()
            given = self._model(dict(features)).get("token_embeddings")
            if given is None:
                raise EncoderError(f"{self.spec!r} gives no token vectors: maxsim needs them")
            mask = mask & ~torch.isin(ids, special)
            return [
                unit_rows(rows[keep].float().numpy())
                for rows, keep in zip(given, mask, strict=True)
            ]


class MaxSim:
    """Rerank by late interaction over token vectors.

    Parameters
    ----------
    model : str
        A folder, or a hub id, of a sentence-transformers model.
    offline : bool, optional
        Never open a socket; None asks the environment.

    Raises
    ------
    EncoderError
        When the model cannot be found or loaded.
    MissingExtra
        Without the extra ``models``.

    Notes
    -----
    The score is the sum over the query's tokens of the largest cosine with a token of the passage:
    at most the number of the query's tokens. A passage without tokens scores 0.
    """

    def __init__(self, model: str, *, offline: bool | None = None) -> None:
        from isogloss.encoders.spec import parse_spec

        kind, _ = parse_spec(model)
        if kind != "model":
            raise ParameterError(
                f"maxsim needs token vectors, which {model!r} has none of: give the folder or hub "
                "id of a sentence-transformers model"
            )
        self.model = model
        self.encoder = TokenEncoder(model, offline=offline)

    @property
    def name(self) -> str:
        """What it is, in a few words."""
        return f"MaxSim over {self.model}"

    def score(self, query: str, texts: Sequence[str]) -> NDArray[np.float64]:
        """Give the late interaction of each text with the query: float64 (n,)."""
        asked = self.encoder.token_vectors([query], kind="query")[0]
        return np.array([max_sim(asked, rows) for rows in self.encoder.token_vectors(texts)])


def max_sim(query: NDArray[np.float32], passage: NDArray[np.float32]) -> float:
    """Sum over the query's tokens the largest product with a token of the passage.

    Parameters
    ----------
    query : float (q, d)
    passage : float (t, d)

    Returns
    -------
    float
        0 where either is empty.

    Examples
    --------
    >>> max_sim(np.eye(2), np.array([[1.0, 0.0], [0.6, 0.8]]))
    1.8
    """
    if not len(query) or not len(passage):
        return 0.0
    products = np.einsum("qd,td->qt", query.astype(np.float64), passage.astype(np.float64))
    return float(products.max(axis=1).sum())
