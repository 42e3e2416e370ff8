"""Topics by a variational autoencoder, as a baseline.

Paper: Srivastava & Sutton 2017 (ProdLDA). A product of experts over words, a logistic normal in
place of the Dirichlet prior, batch normalisation, and Adam with a high first beta.
"""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own custom
from numpy.typing import NDArray

__all__ = ["ProdLDA"]

ALPHA = 1.0  # of the symmetric Dirichlet prior that the logistic normal stands for
DROPPED = 0.2


class ProdLDA(torch.nn.Module):  # type: ignore[misc,unused-ignore]
    """A baseline for entries of the ledger, no topic model of the library.

    Parameters
    ----------
    words, topics : int
    hidden : int
        Width of the encoder's layer.
    seed : int

    Examples
    --------
    >>> from scipy.sparse import csr_matrix
    >>> counts = csr_matrix(np.kron(np.eye(2), np.ones((20, 3))))
    >>> model = ProdLDA(6, 2, hidden=8, seed=0).learn(counts, epochs=2, batch_size=10)
    >>> model.shares(counts).shape, model.topics().shape
    ((40, 2), (2, 6))
    """

    def __init__(self, words: int, topics: int, *, hidden: int = 100, seed: int = 0) -> None:
        super().__init__()
        self.generator = torch.Generator().manual_seed(seed)

        def weights(rows: int, columns: int) -> Any:
            reach = (6.0 / (rows + columns)) ** 0.5
            numbers = torch.rand(rows, columns, generator=self.generator)
            return torch.nn.Parameter(numbers * 2 * reach - reach)

        def norm(size: int) -> Any:
            # without a scale of its own, which would let topics collapse
            return torch.nn.BatchNorm1d(size, affine=False)

        self.enter, self.mean, self.spread = (
            weights(hidden, words), weights(topics, hidden), weights(topics, hidden),
        )  # fmt: skip
        self.beta = weights(words, topics)
        self.bias = torch.nn.Parameter(torch.zeros(hidden))
        self.mean_norm, self.spread_norm, self.word_norm = norm(topics), norm(topics), norm(words)
        # Laplace's approximation of the Dirichlet, for equal alphas
        self.prior = (1.0 - 1.0 / topics) / ALPHA

    def _posterior(self, rows: Any) -> tuple[Any, Any]:
        inner = F.softplus(F.linear(rows, self.enter, self.bias))
        if self.training:
            inner = inner * self._kept(inner)
        mean = self.mean_norm(F.linear(inner, self.mean))
        return mean, self.spread_norm(F.linear(inner, self.spread))

    def _kept(self, like: Any) -> Any:
        drawn = torch.rand(like.shape, generator=self.generator)
        return (drawn >= DROPPED).float() / (1.0 - DROPPED)

    def _cost(self, rows: Any) -> Any:
        mean, log_variance = self._posterior(rows)
        noise = torch.randn(mean.shape, generator=self.generator)
        shares = torch.softmax(mean + noise * torch.exp(0.5 * log_variance), dim=1)
        logs = torch.log_softmax(
            self.word_norm(F.linear(shares * self._kept(shares), self.beta)), 1
        )
        away = (torch.exp(log_variance) + mean**2) / self.prior
        divergence = 0.5 * (away - 1.0 + float(np.log(self.prior)) - log_variance).sum(dim=1)
        return (divergence - (rows * logs).sum(dim=1)).mean()

    def learn(
        self, counts: Any, *, epochs: int, batch_size: int = 200, learning_rate: float = 2e-3
    ) -> "ProdLDA":
        """Fit to counts, CSR (n, v); a rest of less than half a batch waits for the next pass."""
        optimiser = torch.optim.Adam(self.parameters(), lr=learning_rate, betas=(0.99, 0.999))
        self.train()
        for _ in range(epochs):
            order = torch.randperm(counts.shape[0], generator=self.generator).numpy()
            for first in range(0, len(order), batch_size):
                chosen = order[first : first + batch_size]
                if len(chosen) * 2 < batch_size:
                    continue
                optimiser.zero_grad()
                self._cost(torch.from_numpy(counts[chosen].toarray()).float()).backward()
                optimiser.step()
        self.eval()
        return self

    def shares(self, counts: Any) -> NDArray[np.float32]:
        """Give topic shares, float32 (n, k)."""
        found = []
        with torch.no_grad():
            for first in range(0, counts.shape[0], 2048):
                rows = torch.from_numpy(counts[first : first + 2048].toarray()).float()
                found.append(torch.softmax(self._posterior(rows)[0], dim=1).numpy())
        return np.concatenate(found)

    def topics(self) -> NDArray[np.float32]:
        """Give the weight of each word in each topic, float32 (k, v)."""
        return np.ascontiguousarray(self.beta.detach().numpy().T)
