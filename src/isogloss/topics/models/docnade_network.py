"""DocNADE with or without an LSTM beside it: states, exact likelihood, training."""

import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own custom
from numpy.typing import NDArray

__all__ = ["Network", "likelihoods", "next_words", "train", "vectors_of"]

Words = NDArray[np.int64]

# Padded places, and places times words, that are held at once.
PLACES = 16_384
LOGITS = 1 << 23


class Network(torch.nn.Module):  # type: ignore[misc,unused-ignore]
    """The parameters, and the state before and after each word.

    Parameters
    ----------
    words, units : int
        v and h.
    generator : torch.Generator
        Draws the first weights.
    activation : {"sigmoid", "tanh"}
        Of the DocNADE half.
    context_weight : float
        Weight of the LSTM's state beside it.
    lstm : bool
        Whether there is an LSTM.
    vectors : float32 (v, h), optional
        Added, frozen, to what the LSTM reads.

    Examples
    --------
    >>> network = Network(5, 2, generator=torch.Generator().manual_seed(0))
    >>> network.states(torch.tensor([[0, 3, 3]]), torch.tensor([3])).shape
    torch.Size([1, 4, 2])
    """

    def __init__(
        self,
        words: int,
        units: int,
        *,
        generator: torch.Generator,
        activation: str = "sigmoid",
        context_weight: float = 0.1,
        lstm: bool = False,
        vectors: NDArray[np.float32] | None = None,
    ) -> None:
        super().__init__()
        reach = float(np.sqrt(6.0 / (words + units)))

        def uniform(*shape: int, bound: float) -> Any:
            numbers = torch.rand(*shape, generator=generator) * (2 * bound) - bound
            return torch.nn.Parameter(numbers)

        self.encode = uniform(words, units, bound=reach)  # W transposed: one row a word
        self.decode = uniform(words, units, bound=reach)  # U
        self.hidden_bias = torch.nn.Parameter(torch.zeros(units))  # c
        self.word_bias = torch.nn.Parameter(torch.zeros(words))  # b
        self.activate: Callable[[Any], Any] = {"sigmoid": torch.sigmoid, "tanh": torch.tanh}[
            activation
        ]
        self.context_weight = context_weight
        self.lstm: Any = None
        if lstm:
            # torch's own draw would come from the global generator
            empty = torch.nn.LSTM(units, units, batch_first=True, device="meta")
            self.lstm = empty.to_empty(device="cpu")
            bound = 1.0 / float(np.sqrt(units))
            with torch.no_grad():
                for weight in self.lstm.parameters():
                    weight.copy_(uniform(*weight.shape, bound=bound))
        given = None if vectors is None else torch.from_numpy(np.array(vectors, dtype=np.float32))
        self.register_buffer("vectors", given)

    def states(self, tokens: Any, lengths: Any) -> Any:
        """Give what is known after 0, 1, 2, ... words.

        Parameters
        ----------
        tokens : int64 (n, d)
            Numbers of words, padded with any.
        lengths : int64 (n,)

        Returns
        -------
        float (n, d + 1, h)
            State i has seen the words before place i and no other: that of DocNADE, and the LSTM's
            after the same words.
        """
        seen = (torch.arange(tokens.shape[1])[None, :] < lengths[:, None])[:, :, None]
        rows = F.embedding(tokens, self.encode) * seen
        start = torch.zeros_like(rows[:, :1])
        sums = torch.cat([start, rows.cumsum(dim=1)], dim=1)
        states = self.activate(self.hidden_bias + sums)
        if self.lstm is None:
            return states
        if self.vectors is not None:
            rows = rows + F.embedding(tokens, self.vectors) * seen
        read, _ = self.lstm(rows)
        return states + self.context_weight * torch.cat([start, read], dim=1)

    def logits(self, states: Any) -> Any:
        """Give the score of each word as the next one, float (m, v)."""
        return F.linear(states, self.decode, self.word_bias)


def padded(documents: Sequence[Words]) -> tuple[Any, Any]:
    """Lay documents out as one array, int64 (n, d), and their lengths, int64 (n,).

    Examples
    --------
    >>> padded([np.array([4, 2]), np.array([7])])[0].tolist()
    [[4, 2], [7, 0]]
    """
    lengths = np.array([len(one) for one in documents], dtype=np.int64)
    tokens = np.zeros((len(documents), int(lengths.max(initial=0))), dtype=np.int64)
    for row, one in enumerate(documents):
        tokens[row, : len(one)] = one
    return torch.from_numpy(tokens), torch.from_numpy(lengths)


def parts(documents: Sequence[Words]) -> list[list[int]]:
    """Share documents out, by length, so that each part stays under `PLACES` padded places.

    Examples
    --------
    >>> parts([np.arange(9000), np.arange(2), np.arange(8000)])
    [[1, 2], [0]]
    """
    order = sorted(range(len(documents)), key=lambda row: (len(documents[row]), row))
    found: list[list[int]] = []
    for row in order:
        if not found or (len(found[-1]) + 1) * len(documents[row]) > PLACES:
            found.append([])
        found[-1].append(row)
    return found


def _gather(states: Any, tokens: Any, lengths: Any) -> tuple[Any, Any, Any]:
    """Give states (m, h), words (m,) and documents (m,) of the places that hold a word."""
    real = torch.arange(tokens.shape[1])[None, :] < lengths[:, None]
    documents = torch.arange(len(tokens))[:, None].expand_as(tokens)[real]
    return states[:, :-1][real], tokens[real], documents


def _learn(network: Network, batch: Sequence[Words]) -> None:
    """Add the gradient of the batch's mean cost of a document."""
    for rows in parts(batch):
        tokens, lengths = padded([batch[row] for row in rows])
        states, words, _ = _gather(network.states(tokens, lengths), tokens, lengths)
        # The scores of all words are the large part: they are made and forgotten piece by piece.
        leaf = states.detach().requires_grad_()
        step = max(1, LOGITS // network.word_bias.numel())
        for first in range(0, len(words), step):
            piece = slice(first, first + step)
            cost = F.cross_entropy(network.logits(leaf[piece]), words[piece], reduction="sum")
            (cost / len(batch)).backward()
        states.backward(leaf.grad)


def likelihoods(network: Network, documents: Sequence[Words]) -> NDArray[np.float64]:
    """Give the logarithm of each document's probability given its length, float64 (n,), in nats.

    Computed in double precision: exact up to rounding, and the same in any batch.
    """
    exact = copy.deepcopy(network).double()
    found = np.zeros(len(documents))
    step = max(1, LOGITS // 2 // network.word_bias.numel())
    with torch.no_grad():
        for rows in parts(documents):
            tokens, lengths = padded([documents[row] for row in rows])
            states, words, owners = _gather(exact.states(tokens, lengths), tokens, lengths)
            sums = torch.zeros(len(rows), dtype=torch.float64)
            for first in range(0, len(words), step):
                piece = slice(first, first + step)
                costs = F.cross_entropy(exact.logits(states[piece]), words[piece], reduction="none")
                sums.index_add_(0, owners[piece], -costs)
            found[rows] = sums.numpy()
    return found


def vectors_of(network: Network, documents: Sequence[Words]) -> NDArray[np.float64]:
    """Give each document's state after its last word, float64 (n, h)."""
    exact = copy.deepcopy(network).double()
    found = np.zeros((len(documents), network.hidden_bias.numel()))
    with torch.no_grad():
        for rows in parts(documents):
            tokens, lengths = padded([documents[row] for row in rows])
            states = exact.states(tokens, lengths)
            found[rows] = states[torch.arange(len(rows)), lengths].numpy()
    return found


def next_words(network: Network, words: Words) -> NDArray[np.float64]:
    """Give the log-probability of each word after 0, 1, 2, ... words, float64 (d + 1, v)."""
    exact = copy.deepcopy(network).double()
    with torch.no_grad():
        states = exact.states(*padded([words]))[0]
        logs: NDArray[np.float64] = F.log_softmax(exact.logits(states), dim=1).numpy()
    return logs


def perplexity(network: Network, documents: Sequence[Words]) -> float:
    """Give exp of the mean over documents of the cost of a word; documents hold a word each."""
    lengths = np.array([len(one) for one in documents])
    return float(np.exp(np.mean(-likelihoods(network, documents) / lengths)))


def train(
    network: Network,
    documents: Sequence[Words],
    validation: Sequence[Words],
    *,
    generator: torch.Generator,
    epochs: int,
    patience: int,
    batch_size: int,
    learning_rate: float,
) -> list[float]:
    """Train until the validation perplexity has not fallen for a while; keep the best weights.

    Parameters
    ----------
    network : Network
        Changed in place.
    documents, validation : sequence of int64 arrays
        None of them empty.
    generator : torch.Generator
        Draws the order of the documents.
    epochs : int
        Passes at most.
    patience : int
        Passes without a new best before it stops.
    batch_size : int
        Documents a step.
    learning_rate : float
        Of Adam.

    Returns
    -------
    list of float
        Validation perplexity before training and after each pass.
    """
    optimiser = torch.optim.Adam(network.parameters(), lr=learning_rate)
    history = [perplexity(network, validation)]
    best, kept = 0, copy.deepcopy(network.state_dict())
    for epoch in range(1, epochs + 1):
        order = torch.randperm(len(documents), generator=generator).tolist()
        for first in range(0, len(order), batch_size):
            optimiser.zero_grad()
            _learn(network, [documents[row] for row in order[first : first + batch_size]])
            optimiser.step()
        history.append(perplexity(network, validation))
        if history[-1] < history[best]:
            best, kept = epoch, copy.deepcopy(network.state_dict())
        elif epoch - best >= patience:
            break
    network.load_state_dict(kept)
    return history
