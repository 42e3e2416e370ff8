"""Refusals in the shape of the common contract."""

import json
from collections.abc import Mapping


class Problem(Exception):  # noqa: N818 - a refusal, not a failure
    """A request that is not done, and why.

    Parameters
    ----------
    status : int
        HTTP status.
    message : str
        One line.
    param : str, optional
        The field of the request that is wrong.
    code : str, optional
        A word for programs.
    headers : mapping, optional
        Further headers of the answer.

    Examples
    --------
    >>> Problem(400, "input is empty", param="input").body().decode()
    '{"error": {"message": "input is empty", "type": "invalid_request_error", "param": "input", \
"code": null}}'
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = " ".join(message.split())
        self.param = param
        self.code = code
        self.headers = dict(headers or {})

    def body(self) -> bytes:
        """Give the answer's body."""
        error = {
            "message": self.message,
            "type": _type(self.status),
            "param": self.param,
            "code": self.code,
        }
        return json.dumps({"error": error}).encode()


def _type(status: int) -> str:
    if status == 429:
        return "rate_limit_error"
    if status in (401, 403):
        return "authentication_error"
    return "invalid_request_error" if status < 500 else "server_error"
