"""Late interaction: a query's tokens each find their best token of a document.

Paper: Khattab, Zaharia, ColBERT (2020), equation 3. Works with the token vectors of any
transformer; one that was trained for it, as ColBERT's are, does it better.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import EncoderError
from isogloss._core.threads import map_blocks
from isogloss.encoders.base import Encoder, unit_rows

__all__ = ["TokenVectors", "gives_tokens", "max_sim", "token_vectors"]

Floats = NDArray[np.float32]

_TOKENS = 2048  # tokens of queries that are scored against them at once


@dataclass(frozen=True, slots=True)
class TokenVectors:
    """Token vectors of texts.

    Parameters
    ----------
    rows : float32 (t, h)
        Unit rows, text after text.
    starts : int64 (n + 1,)
        Where each text begins; the last is t.
    """

    rows: Floats
    starts: NDArray[np.int64]


def gives_tokens(encoder: Encoder) -> bool:
    """Tell whether an encoder is a transformer, whose token vectors can be had.

    Examples
    --------
    >>> from isogloss.encoders.spec import load_encoder
    >>> gives_tokens(load_encoder("lexical"))
    False
    """
    # By the kind in the spec's class names, so that neither torch nor ONNX is imported to say no.
    return type(encoder).__name__ in ("OnnxEncoder", "TransformerEncoder")


def token_vectors(encoder: Encoder, texts: Sequence[str], *, query: bool = False) -> TokenVectors:
    """Encode texts as the vectors of their tokens.

    Long texts are read in windows, so that nothing is cut off. Special tokens and those of a prompt
    are left out.

    Parameters
    ----------
    encoder : Encoder
        A transformer through PyTorch or ONNX Runtime.
    texts : sequence of str
    query : bool, default False
        Put the model's query prompt before them, else that for documents.

    Returns
    -------
    TokenVectors

    Raises
    ------
    EncoderError
        When the encoder has no token vectors.
    """
    if not gives_tokens(encoder):
        raise EncoderError(f"{encoder.spec!r} has no token vectors: give a transformer")
    own: Any = encoder
    prompt = own.prompts.get("query" if query else "document", "")
    pieces = own._pieces(list(texts), prompt, 0)
    read = _onnx if type(encoder).__name__ == "OnnxEncoder" else _torch
    parts = read(own, pieces)
    sizes = np.zeros(len(texts), dtype=np.int64)
    for owner, part in zip(pieces.owners, parts, strict=True):
        sizes[owner] += len(part)
    width = own._hidden() if hasattr(own, "_hidden") and not parts else own.dim
    rows = np.concatenate(parts) if parts else np.zeros((0, width), dtype=np.float32)
    return TokenVectors(unit_rows(rows), np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64))


def _onnx(encoder: Any, pieces: Any) -> list[Floats]:
    before = [*encoder._before, *encoder._prompt_ids(pieces.prompt)]
    after = len(encoder._after)

    def read(ids: list[int]) -> Floats:
        found = encoder._run(np.array([[*before, *ids, *encoder._after]]))[0]
        return np.asarray(found[len(before) : len(found) - after], dtype=np.float32)

    return map_blocks(read, pieces.items)


def _torch(encoder: Any, pieces: Any) -> list[Floats]:
    from isogloss._core.extras import need
    from isogloss._core.torch_threads import ONE_THREAD

    torch = need("torch", extra="models")
    special = set(encoder._model.tokenizer.all_special_ids)
    skip = len(encoder._tokenizer.encode(pieces.prompt, add_special_tokens=False).ids)
    found: list[Floats] = []
    with ONE_THREAD, torch.inference_mode():
        for text in pieces.items:  # one at a time: a vector depends on its own text alone
            features = encoder._model.preprocess([text], prompt=pieces.prompt or None)
            ids = features["input_ids"][0].tolist()
            rows = encoder._model(features)["token_embeddings"][0].float().numpy()
            kept = [place for place, one in enumerate(ids) if one not in special]
            found.append(rows[kept[skip if pieces.prompt else 0 :]])
    return found


def max_sim(queries: TokenVectors, documents: TokenVectors) -> Floats:
    """Score documents for queries by late interaction.

    Parameters
    ----------
    queries, documents : TokenVectors
        Of m and of n texts.

    Returns
    -------
    float32 (m, n)
        The mean over a query's tokens of the highest cosine with a token of the document, -1 to 1;
        0 for a query or a document without tokens.

    Notes
    -----
    Queries are taken in blocks of about 2,048 tokens; give a few dozen documents at a time.

    Source: Khattab, Zaharia (2020), equation 3, divided by the number of tokens.

    Examples
    --------
    >>> one = TokenVectors(np.eye(2, dtype=np.float32), np.array([0, 2]))
    >>> max_sim(one, TokenVectors(one.rows[:1], np.array([0, 1, 1]))).tolist()
    [[0.5, 0.0]]
    """
    blocks = list(_query_blocks(queries.starts))
    found = map_blocks(lambda block: _block_scores(queries, block, documents), blocks)
    return np.concatenate(found)


def _query_blocks(starts: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    begin = 0
    for end in range(1, len(starts)):
        if end == len(starts) - 1 or starts[end + 1] - starts[begin] > _TOKENS:
            yield begin, end
            begin = end


def _block_scores(asked: TokenVectors, block: tuple[int, int], held: TokenVectors) -> Floats:
    begin, end = block
    places = asked.starts[begin : end + 1]
    found = np.zeros((end - begin, len(held.starts) - 1), dtype=np.float32)
    if not len(held.rows):
        return found
    products = asked.rows[places[0] : places[-1]] @ held.rows.T
    for column, (left, right) in enumerate(pairwise(held.starts.tolist())):
        if right == left:
            continue
        best = products[:, left:right].max(axis=1)
        for row, (start, stop) in enumerate(pairwise((places - places[0]).tolist())):
            if stop > start:
                found[row, column] = best[start:stop].mean()
    return found
