"""PyTorch on one thread an operation, for as long as anybody asks for it."""

import threading
from typing import Any

from isogloss._core.extras import need

__all__ = ["ONE_THREAD"]


class _OneThread:
    """Holds PyTorch to one thread an operation while anybody computes; gives back what was set.

    The setting is the process's, so calls that overlap are counted.

    Examples
    --------
    >>> with _OneThread() as torch:
    ...     torch.get_num_threads()
    1
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._before = 1

    def __enter__(self) -> Any:
        torch = need("torch", extra="models")
        with self._lock:
            if self._inside == 0:
                self._before = torch.get_num_threads()
                torch.set_num_threads(1)
            self._inside += 1
        return torch

    def __exit__(self, *_: object) -> None:
        torch = need("torch", extra="models")
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                torch.set_num_threads(self._before)


ONE_THREAD = _OneThread()
