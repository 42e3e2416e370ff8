"""The page as one HTML file: script, style and data inside, nothing fetched.

Data are blocks of base64 in script elements that no browser runs; base64 has no letter that could
end an element. The one script runs by its hash.
"""

import html
import re
import zlib
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from isogloss._core.errors import IsoglossError
from isogloss.app.web.page import FOLDER, File, read_files

PREFIX = "isogloss-"
_MODULE = re.compile(r"<script\b[^>]*\ssrc=\"\.?/?([^\"]+)\"[^>]*>\s*</script>\s*")
_STYLE = re.compile(r"<link\b[^>]*\brel=\"stylesheet\"[^>]*>\s*")
_ICON = re.compile(r"<link\b[^>]*\brel=\"icon\"[^>]*>\s*")
_TITLE = re.compile(r"<title>.*?</title>", re.DOTALL)
_HREF = re.compile(r"\bhref=\"\.?/?([^\"]+)\"")


class PageError(IsoglossError):
    """The built page is missing, or cannot be put into one file."""


@dataclass(frozen=True, slots=True)
class Shell:
    """The page without its data: what stands before the blocks, and what after them.

    Parameters
    ----------
    head, tail : bytes
    """

    head: bytes
    tail: bytes


def read_shell(title: str, folder: Path = FOLDER) -> Shell:
    """Put the built page's files into its HTML.

    Parameters
    ----------
    title : str
        Shown by the browser; any text.
    folder : Path
        With ``index.html``.

    Raises
    ------
    PageError
        When the page is not there, or needs files that cannot be put inside.
    """
    files = read_files(folder)
    if "/index.html" not in files:
        raise PageError(
            "the page of the explorer is not part of this installation: there is nothing to export"
        )
    page = files["/index.html"].content.decode("utf-8")
    scripts = [_text(files, name) for name in _MODULE.findall(page)]
    if len(scripts) != 1:
        raise PageError(
            f"the page of the explorer has {len(scripts)} scripts; one can be put into a file"
        )
    styles = [_text(files, name) for tag in _STYLE.findall(page) for name in _HREF.findall(tag)]
    icons = [_data_url(files, name) for tag in _ICON.findall(page) for name in _HREF.findall(tag)]
    for pattern in (_MODULE, _STYLE, _ICON, _TITLE):
        page = pattern.sub("", page)
    if re.search(r"[\s-](src|href)=", page):
        raise PageError("the page of the explorer needs other files: it cannot be put into one")
    script = safe_script(scripts[0])
    head = [policy(script), '<meta name="referrer" content="no-referrer">',
            f"<title>{html.escape(title)}</title>"]  # fmt: skip
    head += [f'<link rel="icon" href="{icon}">' for icon in icons]
    head += [f"<style>{safe_style(style)}</style>" for style in styles]
    # The policy comes first, right after the encoding.
    page, found = re.subn(
        r"<meta charset=\"utf-8\"\s*/?>",
        lambda tag: tag.group() + "\n" + "\n".join(head), page, count=1, flags=re.IGNORECASE,
    )  # fmt: skip
    before, end, after = page.partition("</body>")
    if not found or not end:
        raise PageError("the page of the explorer has no charset or no body: it was not built")
    tail = f'<script type="module">{script}</script>\n{end}{after}'
    return Shell(before.encode(), tail.encode())


def policy(script: str) -> str:
    r"""Write the content security policy that runs one script and fetches nothing.

    Examples
    --------
    >>> policy("1")[:70]
    '<meta http-equiv="Content-Security-Policy" content="default-src \'none\''
    """
    digest = b64encode(sha256(script.encode()).digest()).decode()
    rules = (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; "
        "img-src data: blob:; font-src data:; worker-src blob:; base-uri 'none'; form-action 'none'"
    )
    return f'<meta http-equiv="Content-Security-Policy" content="{rules}">'


def safe_script(code: str) -> str:
    r"""Write JavaScript so that it can stand in a script element, as the browser will hash it.

    Examples
    --------
    >>> safe_script('a = "</script><!--";\r\n')
    'a = "\\x3c/script>\\x3c!--";\n'
    """
    code = code.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\\0")
    return re.sub(r"<(?=/script|script|!--)", r"\\x3c", code, flags=re.IGNORECASE)


def safe_style(code: str) -> str:
    r"""Write a style sheet so that it can stand in a style element.

    Examples
    --------
    >>> safe_style('a::after { content: "</style>" }')
    'a::after { content: "\\3c /style>" }'
    """
    return re.sub(r"<(?=/style|!--)", r"\\3c ", code, flags=re.IGNORECASE)


def write_block(file: BinaryIO, name: str, content: bytes) -> int:
    """Write one block of data; give its size in the file.

    Examples
    --------
    >>> import io
    >>> file = io.BytesIO()
    >>> write_block(file, "index", b"{}") == len(file.getvalue())
    True
    >>> file.getvalue()[:58]
    b'<script type="application/octet-stream" id="isogloss-index'
    """
    if not re.fullmatch(r"[a-z0-9-]+", name):
        raise ValueError(f"{name!r} is no name for a block")
    head = f'<script type="application/octet-stream" id="{PREFIX}{name}">'.encode()
    data = b64encode(zlib.compress(content, 9))
    return file.write(head) + file.write(data) + file.write(b"</script>\n")


def write_page(file: BinaryIO, shell: Shell, blocks: Iterable[tuple[str, bytes]]) -> int:
    """Write the page and its blocks one after the other; give the size of the blocks."""
    file.write(shell.head)
    size = sum(write_block(file, name, content) for name, content in blocks)
    file.write(shell.tail)
    return size


def _text(files: dict[str, File], name: str) -> str:
    return _file(files, name).content.decode("utf-8")


def _data_url(files: dict[str, File], name: str) -> str:
    found = _file(files, name)
    return f"data:{found.kind.partition(';')[0]};base64,{b64encode(found.content).decode()}"


def _file(files: dict[str, File], name: str) -> File:
    found = files.get("/" + name.removeprefix("/"))
    if found is None:
        raise PageError(f"the page of the explorer lacks its file {name}")
    return found
