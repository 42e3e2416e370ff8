"""The three networks of BAT, their Wasserstein game, and the Gaussian generator."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own custom
from numpy.typing import NDArray

__all__ = ["Game", "GaussianGenerator", "Layers", "WordGenerator", "encoded", "produced", "sparse"]

SLOPE = 0.1  # of LeakyReLU
ROWS = 2048  # documents encoded at a time
LEAST_LOG_VARIANCE = -12.0  # of a Gaussian topic, in each direction


def _uniform(generator: torch.Generator, bound: float, *shape: int) -> Any:
    return torch.nn.Parameter(torch.rand(*shape, generator=generator) * (2 * bound) - bound)


class Layers(torch.nn.Module):  # type: ignore[misc,unused-ignore]
    """Linear, batch normalisation if wanted, LeakyReLU, linear.

    Parameters
    ----------
    enter, hidden, leave : int
        Widths.
    generator : torch.Generator
        Draws the first weights.
    normalise : bool
        Whether the hidden layer is normalised over the batch.

    Examples
    --------
    >>> layers = Layers(3, 4, 2, generator=torch.Generator().manual_seed(0), normalise=False)
    >>> layers(torch.zeros(5, 3)).shape
    torch.Size([5, 2])
    """

    def __init__(
        self, enter: int, hidden: int, leave: int, *, generator: torch.Generator, normalise: bool
    ) -> None:
        super().__init__()
        self.first = _uniform(generator, enter**-0.5, enter, hidden)
        self.first_bias = torch.nn.Parameter(torch.zeros(hidden))
        self.norm = torch.nn.BatchNorm1d(hidden) if normalise else None
        self.second = _uniform(generator, hidden**-0.5, leave, hidden)
        self.second_bias = torch.nn.Parameter(torch.zeros(leave))

    def forward(self, rows: Any, more: Any = None) -> Any:
        """Give float (n, leave).

        Parameters
        ----------
        rows : float (n, enter), dense or sparse
        more : float (n, e), optional
            Further columns: the last of `enter`.
        """
        first = self.first if more is None else self.first[: -more.shape[1]]
        inner = (torch.sparse.mm(rows, first) if rows.is_sparse else rows @ first) + self.first_bias
        if more is not None:
            inner = inner + more @ self.first[-more.shape[1] :]
        if self.norm is not None:
            inner = self.norm(inner)
        return F.linear(F.leaky_relu(inner, SLOPE), self.second, self.second_bias)


class WordGenerator(torch.nn.Module):  # type: ignore[misc,unused-ignore]
    """Topic shares to word shares, by two layers and a softmax.

    Examples
    --------
    >>> made = WordGenerator(2, 4, 7, generator=torch.Generator().manual_seed(0)).eval()
    >>> made(torch.eye(2)).sum(dim=1).round().tolist()
    [1.0, 1.0]
    """

    def __init__(self, topics: int, hidden: int, words: int, *, generator: torch.Generator) -> None:
        super().__init__()
        self.layers = Layers(topics, hidden, words, generator=generator, normalise=True)

    def forward(self, shares: Any) -> Any:
        """Give the word shares of documents, float (n, v)."""
        return torch.softmax(self.layers(shares), dim=1)


def _spread_out(rows: Any, count: int, generator: torch.Generator) -> Any:
    """Draw rows, each with a chance that grows with the square of its distance to those before."""
    away = torch.ones(len(rows))
    chosen: list[int] = []
    for _ in range(count):
        chances = away if float(away.sum()) > 0 else torch.ones(len(rows))
        chosen.append(int(torch.multinomial(chances, 1, generator=generator)))
        squares = (rows - rows[chosen[-1]]).square().sum(dim=1)
        away = squares if len(chosen) == 1 else torch.minimum(away, squares)
    return rows[chosen].clone()


class GaussianGenerator(torch.nn.Module):  # type: ignore[misc,unused-ignore]
    """Topics as normal distributions with diagonal covariance over the vectors of words.

    Parameters
    ----------
    vectors : float32 (v, d)
        Frozen.
    topics : int
    generator : torch.Generator
        Draws the words at whose vectors the means begin, far from one another.

    Examples
    --------
    >>> vectors = np.array([[0.0, 0.0], [0.1, 0.0], [1.0, 1.0]], dtype=np.float32)
    >>> made = GaussianGenerator(vectors, 2, generator=torch.Generator().manual_seed(0))
    >>> made(torch.eye(2)).shape
    torch.Size([2, 3])
    """

    def __init__(
        self, vectors: NDArray[np.float32], topics: int, *, generator: torch.Generator
    ) -> None:
        super().__init__()
        words = torch.from_numpy(np.array(vectors, dtype=np.float32))
        # one scale for all directions, so that a step of the optimiser is as large for any vectors
        words = words - words.mean(dim=0)
        words = words / words.square().mean().sqrt().clamp(min=1e-12)
        self.register_buffer("vectors", words)
        self.means = torch.nn.Parameter(_spread_out(words, topics, generator))
        self.log_variances = torch.nn.Parameter(torch.zeros(topics, words.shape[1]))

    def log_topics(self) -> Any:
        """Give the logarithm of each word's share in each topic, float (k, v)."""
        logs = self.log_variances.clamp(min=LEAST_LOG_VARIANCE)
        weights = torch.exp(-logs)
        squares = (
            weights @ (self.vectors**2).T
            - 2.0 * (weights * self.means) @ self.vectors.T
            + (weights * self.means**2).sum(dim=1, keepdim=True)
        )
        # the determinant is the same for all words of a topic, and leaves with the softmax
        return torch.log_softmax(-0.5 * squares, dim=1)

    def forward(self, shares: Any) -> Any:
        """Give the word shares of documents, float (n, v)."""
        return shares @ self.log_topics().exp()


class Game(torch.nn.Module):  # type: ignore[misc,unused-ignore]
    """Encoder, generator and critic.

    Parameters
    ----------
    words, topics, hidden : int
        v, k and s.
    produce : torch.nn.Module
        The generator: float (n, k) to float (n, v).
    generator : torch.Generator
        Draws first weights, order and topic shares.
    clip : float
        Largest weight of the critic.
    """

    def __init__(
        self,
        words: int,
        topics: int,
        hidden: int,
        produce: torch.nn.Module,
        *,
        generator: torch.Generator,
        clip: float,
    ) -> None:
        super().__init__()
        self.encoder = Layers(words, hidden, topics, generator=generator, normalise=True)
        self.produce = produce
        # No batch normalisation here: it would mix the statistics of real and made pairs.
        self.critic = Layers(topics + words, hidden, 1, generator=generator, normalise=False)
        self.clip = clip
        self._clip()

    def _clip(self) -> None:
        with torch.no_grad():
            for weight in self.critic.parameters():
                weight.clamp_(-self.clip, self.clip)

    def encode(self, rows: Any) -> Any:
        """Give topic shares, float (n, k)."""
        return torch.softmax(self.encoder(rows), dim=1)

    def judge(self, shares: Any, rows: Any) -> Any:
        """Give the critic's mean score of pairs of topic shares and word shares."""
        return self.critic(rows, shares).mean()

    def play(
        self,
        batches: Callable[[], Any],
        priors: Callable[[int], Any],
        *,
        steps: int,
        critic_steps: int,
        learning_rate: float,
    ) -> list[float]:
        """Train all three.

        Parameters
        ----------
        batches : callable
            Gives the next rows of word shares, float (n, v), sparse.
        priors : callable
            Gives n draws of topic shares, float (n, k).
        steps, critic_steps : int
            Steps of encoder and generator, and those of the critic before each.
        learning_rate : float
            Of Adam, with betas .5 and .999.

        Returns
        -------
        list of float
            The critic's estimate of the distance after its turn, at each step.
        """

        def adam(weights: Any) -> Any:
            # Gradients are of the size of word shares times clipped weights: the usual 1e-8 in the
            # denominator would stop them.
            return torch.optim.Adam(
                weights, lr=learning_rate, betas=(0.5, 0.999), eps=1e-16, fused=True
            )

        critics = adam(self.critic.parameters())
        players = adam([*self.encoder.parameters(), *self.produce.parameters()])
        distances = []
        self.train()
        for _ in range(steps):
            self.critic.requires_grad_(True)
            for _turn in range(critic_steps):
                with torch.no_grad():
                    real = batches()
                    told = self.encode(real)
                    drawn = priors(len(real))
                    made = self.produce(drawn)
                critics.zero_grad()
                gap = self.judge(drawn, made) - self.judge(told, real)
                gap.backward()
                critics.step()
                self._clip()
            distances.append(-float(gap.detach()))
            self.critic.requires_grad_(False)
            real = batches()
            drawn = priors(len(real))
            players.zero_grad()
            cost = self.judge(self.encode(real), real) - self.judge(drawn, self.produce(drawn))
            cost.backward()
            players.step()
        self.eval()
        return distances


def sparse(rows: Any) -> Any:
    """Give rows of a CSR matrix to torch.

    Examples
    --------
    >>> from scipy.sparse import csr_matrix
    >>> sparse(csr_matrix([[0.0, 2.0], [3.0, 0.0]])).to_dense().tolist()
    [[0.0, 2.0], [3.0, 0.0]]
    """
    held = rows.tocsr()
    held.sort_indices()
    owners = np.repeat(np.arange(held.shape[0]), np.diff(held.indptr))
    places = torch.from_numpy(np.vstack([owners, held.indices]).astype(np.int64))
    return torch.sparse_coo_tensor(
        places, torch.from_numpy(held.data), held.shape, is_coalesced=True, check_invariants=False
    )


def encoded(game: Game, rows: Any) -> NDArray[np.float64]:
    """Give the topic shares of documents, float64 (n, k).

    Parameters
    ----------
    game : Game
        After the game.
    rows : float32 CSR (n, v)
        Word shares. They are encoded in double precision: rounded, the same in any batch.
    """
    exact = copy.deepcopy(game.encoder).double()
    found = []
    with torch.no_grad():
        for first in range(0, rows.shape[0], ROWS):
            block = sparse(rows[first : first + ROWS]).double()
            found.append(torch.softmax(exact(block), dim=1).numpy())
    width = exact.second_bias.numel()
    return np.concatenate(found) if found else np.zeros((0, width))


def produced(game: Game, shares: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give the word shares that the generator makes of topic shares, float32 (n, v)."""
    exact = copy.deepcopy(game.produce).double()
    with torch.no_grad():
        made = exact(torch.from_numpy(shares).double()).float()
    return np.asarray(made.numpy(), dtype=np.float32)
