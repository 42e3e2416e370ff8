"""One JSON array of objects, or of texts: read as a whole, since it has no lines to stream."""

import json
import re
from dataclasses import replace

from isogloss._core.errors import SourceError
from isogloss.corpus.lines import decode_text
from isogloss.corpus.part import OnReject, OnRepair, Part, Rows
from isogloss.corpus.records import records_part

__all__ = ["LARGEST", "array_part", "begins_array", "too_large"]

# Bytes of the largest array that is read.
LARGEST = 1 << 30
# The beginning of an array of objects, and what may become one.
_OBJECTS = re.compile(rb'\s*\[\s*\{\s*["}]')
_PERHAPS = re.compile(rb"\s*(\[\s*(\{\s*)?)?")


def begins_array(head: bytes) -> bool | None:
    """Tell whether bytes begin an array of JSON objects; None where they are too few to tell.

    Examples
    --------
    >>> begins_array(b'[{"text": "a"}]'), begins_array(b"[sic] he said"), begins_array(b"[ ")
    (True, False, None)
    """
    if _OBJECTS.match(head):
        return True
    return None if _PERHAPS.fullmatch(head) else False


def array_part(raw: bytes, name: str, batch_rows: int) -> Part:
    """Make a part of the bytes of a JSON array.

    Raises
    ------
    SourceError
        When they are no JSON.
    """
    try:
        text, repaired = decode_text(raw, name)
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{name} is not JSON: {error}") from error
    part = records_part(values, batch_rows, name)
    inner = part.start

    def start(on_reject: OnReject, on_repair: OnRepair) -> Rows:
        on_repair("invalid UTF-8", 1)
        return inner(on_reject, on_repair)

    return replace(part, start=start) if repaired else part


def too_large(name: str) -> SourceError:
    """Make the error for an array that is not read."""
    return SourceError(f"{name} is one array of over {LARGEST >> 30} GB: write it as JSONL")
