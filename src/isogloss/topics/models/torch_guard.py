"""Runs torch so that the same seed gives the same numbers."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from isogloss._core.extras import need
from isogloss._core.torch_threads import ONE_THREAD

__all__ = ["one_thread", "seeded"]


@contextmanager
def one_thread() -> Iterator[Any]:
    """Hold torch to one thread, since sums that are split over threads round otherwise.

    Yields
    ------
    module
        torch.

    Examples
    --------
    >>> with one_thread() as torch:
    ...     torch.get_num_threads()
    1
    """
    with ONE_THREAD as torch:
        yield torch


def seeded(seed: int) -> Any:
    """Give a generator of torch's own; the global one stays as it is.

    Examples
    --------
    >>> seeded(3).initial_seed()
    3
    """
    torch = need("torch", extra="models")
    return torch.Generator().manual_seed(int(seed))
