"""The words of ASGI, in which servers speak with applications, and a request that is refused."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]


class Refusal(Exception):  # noqa: N818 - it becomes an answer, not a traceback
    """A request that is answered with an error and nothing else.

    Parameters
    ----------
    status : int
        HTTP status, 4xx or 5xx.
    kind : str
        One word for programs, such as ``"not_found"``.
    message : str
        One line for people.
    headers : dict
        More headers, such as ``Retry-After``.

    Examples
    --------
    >>> Refusal(404, "not_found", "there is no topic 9").body()
    {'error': {'message': 'there is no topic 9', 'kind': 'not_found'}}
    """

    def __init__(
        self, status: int, kind: str, message: str, *, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.message = " ".join(message.split())
        self.headers = headers or {}

    def body(self) -> dict[str, Any]:
        """Give the JSON that is sent."""
        return {"error": {"message": self.message, "kind": self.kind}}
