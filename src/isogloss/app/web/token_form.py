"""The form that asks a person for the token: plain HTML, no script, nothing loaded."""

from urllib.parse import parse_qsl

FORM_TYPE = "application/x-www-form-urlencoded"
# Its own headers: a form is sent to where it came from, and says so (Origin).
HEADERS = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "referrer-policy": "same-origin",
    "www-authenticate": "Bearer",
}
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Isogloss: token</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 28rem; margin: 15vh auto }}
body {{ padding: 0 1rem }}
input, button {{ font: inherit; padding: .4rem .6rem }}
input {{ width: 100%; box-sizing: border-box; margin: .3rem 0 .8rem }}
</style>
<h1>Token</h1>
<p>{told}</p>
<form method="post">
<label for="token">Token (that of ISOGLOSS_TOKEN)</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
<button>Open</button>
</form>
</html>
"""


def token_page(*, wrong: bool = False) -> bytes:
    """Give the form.

    Parameters
    ----------
    wrong : bool
        Whether a token was given that is not the right one.

    Examples
    --------
    >>> b'<form method="post">' in token_page(), b"not the token" in token_page(wrong=True)
    (True, True)
    """
    told = "This server asks for its token."
    if wrong:
        told = "That is not the token of this server."
    return _PAGE.format(told=told).encode()


def form_token(body: bytes) -> str | None:
    """Read the token out of a form that was sent; None where there is none.

    Examples
    --------
    >>> form_token(b"token=a%2Bb+c"), form_token(b"x=1")
    ('a+b c', None)
    """
    try:
        pairs = parse_qsl(body.decode("latin-1"), keep_blank_values=True, max_num_fields=20)
    except ValueError:
        return None
    return next((value for name, value in pairs if name == "token"), None)
