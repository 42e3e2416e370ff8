"""Situated chunks: short passages whose vectors know what surrounds them."""

from typing import TYPE_CHECKING

from isogloss._core.lazy import lazy

if TYPE_CHECKING:
    from isogloss.situate.asked import AskedPrefix
    from isogloss.situate.base import Chunked, Reading, Situator
    from isogloss.situate.late import LateChunking
    from isogloss.situate.plain import BiggerChunk, ChunkOnly
    from isogloss.situate.prefix import PrefixedChunk
    from isogloss.situate.residual import ResidualSituator
    from isogloss.situate.spec import load_situator
    from isogloss.situate.stale import Situated, resituate
    from isogloss.situate.training import ResidualSettings, train_residual

__all__ = [
    "AskedPrefix",
    "BiggerChunk",
    "ChunkOnly",
    "Chunked",
    "LateChunking",
    "PrefixedChunk",
    "Reading",
    "ResidualSettings",
    "ResidualSituator",
    "Situated",
    "Situator",
    "load_situator",
    "resituate",
    "train_residual",
]

_HOMES = {
    "AskedPrefix": "asked",
    "BiggerChunk": "plain",
    "ChunkOnly": "plain",
    "Chunked": "base",
    "LateChunking": "late",
    "PrefixedChunk": "prefix",
    "Reading": "base",
    "ResidualSettings": "training",
    "ResidualSituator": "residual",
    "Situated": "stale",
    "Situator": "base",
    "load_situator": "spec",
    "resituate": "stale",
    "train_residual": "training",
}

__getattr__, __dir__ = lazy(__name__, _HOMES)
