"""The page's files: read once at start, found by their whole path and by nothing else."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from fastapi import APIRouter, Request, Response

FOLDER = Path(__file__).parent / "page"
TYPES = {
    ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
    ".json": "application/json", ".svg": "image/svg+xml", ".png": "image/png",
    ".ico": "image/x-icon", ".woff2": "font/woff2", ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json", ".wasm": "application/wasm",
}  # fmt: skip
MISSING = (
    "The page of the explorer is not part of this installation; the API is there: "
    "see /api/openapi.json and /api/atlas.\n"
)


@dataclass(frozen=True, slots=True)
class File:
    """A file of the page: its bytes, their kind, and their ETag."""

    content: bytes
    kind: str
    tag: str


def read_files(folder: Path = FOLDER) -> dict[str, File]:
    """Read the files of the page.

    Returns
    -------
    dict
        Path as it is asked for, such as ``/assets/main.js``, -> file. Files of unknown kinds,
        hidden files and links out of the folder are left out.

    Examples
    --------
    >>> read_files(Path("nowhere"))
    {}
    """
    files: dict[str, File] = {}
    if not folder.is_dir():
        return files
    root = folder.resolve()
    for path in sorted(folder.rglob("*")):
        inside = path.resolve().is_relative_to(root)
        if (
            path.name.startswith(".")
            or path.suffix not in TYPES
            or not path.is_file()
            or not inside
        ):
            continue
        content = path.read_bytes()
        name = "/" + path.relative_to(folder).as_posix()
        tag = f'"{sha256(content).hexdigest()[:16]}"'
        files[name] = File(content, TYPES[path.suffix], tag)
    return files


def page_router(files: dict[str, File]) -> APIRouter:
    """Serve the page at ``/`` and its other files under their own paths."""
    router = APIRouter(include_in_schema=False)

    def reply(request: Request, file: File, cache: str) -> Response:
        headers = {"etag": file.tag, "cache-control": cache}
        if request.headers.get("if-none-match") == file.tag:
            return Response(status_code=304, headers=headers)
        return Response(file.content, 200, headers, file.kind)

    @router.get("/")
    async def page(request: Request) -> Response:
        found = files.get("/index.html")
        if found is None:
            return Response(MISSING, 200, None, "text/plain; charset=utf-8")
        return reply(request, found, "no-cache")

    for name, file in files.items():
        # Names in assets/ hold a hash of their content, so they never change.
        cache = "public, max-age=31536000, immutable" if name.startswith("/assets/") else "no-cache"

        def give(request: Request, file: File = file, cache: str = cache) -> Response:
            return reply(request, file, cache)

        router.add_api_route(name, give, methods=["GET"], response_class=Response)
    return router
