"""Values that JSON, or JavaScript's reading of it, would change, written as strings."""

import math
from typing import Any

# Above it JavaScript has no whole numbers of their own: 2**53 + 1 is read as 2**53.
LARGEST = 2**53


def exact(value: Any, *, whole: bool = True) -> Any:
    """Write whole numbers beyond 2**53 and infinities as strings, what is no number as None.

    Parameters
    ----------
    value : plain value, list or dict
    whole : bool, default True
        Whether whole numbers are meant too; readers of JSON lines mostly read them as they are.

    Examples
    --------
    >>> exact([2**53, 2**53 + 1, float("-inf"), float("nan"), {"a": True}])
    [9007199254740992, '9007199254740993', '-Infinity', None, {'a': True}]
    >>> exact(-(2**60), whole=False)
    -1152921504606846976
    """
    if value is None or type(value) in (str, bool):  # nearly all
        return value
    if isinstance(value, int):
        return str(value) if whole and abs(value) > LARGEST else value
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        return None if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {name: exact(item, whole=whole) for name, item in value.items()}
    return [exact(item, whole=whole) for item in value] if isinstance(value, list) else value
