"""Turn a pile of text into an atlas: passages, vectors, topics and search in one folder.

Examples
--------
>>> import isogloss as ig
>>> "Atlas" in dir(ig)
True
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# Public name -> module that defines it. Names are imported on first use, so that
# `import isogloss` loads nothing heavy.
_HOMES = {
    "Atlas": "isogloss.atlas",
    "Encoder": "isogloss.encoders.base",
    "IsoglossError": "isogloss._core.errors",
    "TopicTree": "isogloss.topics.tree",
    "load_encoder": "isogloss.encoders.spec",
}

__all__ = ["Atlas", "Encoder", "IsoglossError", "TopicTree", "__version__", "load_encoder"]

if TYPE_CHECKING:
    from isogloss._core.errors import IsoglossError
    from isogloss.atlas import Atlas
    from isogloss.encoders.base import Encoder
    from isogloss.encoders.spec import load_encoder
    from isogloss.topics.tree import TopicTree


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'isogloss' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
