"""Results on stdout: JSON for programs, tables for people."""

import json
import math
import shutil
import sys
from collections.abc import Sequence
from typing import Any

# Said wherever a command shows it, and in the --help of that command.
NPMI_MEANS = (
    "npmi: coherence, from -1 to 1: how often the keywords of a topic occur together; 0 is chance"
)


def print_json(value: Any) -> None:
    """Print one JSON document; what JSON cannot say (NaN, infinity) becomes null.

    Examples
    --------
    >>> print_json({"a": [1, float("nan")], "b": "é"})
    {"a": [1, null], "b": "é"}
    """
    json.dump(clean(value), sys.stdout, ensure_ascii=False, allow_nan=False)
    sys.stdout.write("\n")


def print_report(report: Any, *, as_json: bool) -> None:
    """Print what came of a command, for programs or for people.

    Parameters
    ----------
    report : BuildReport, ChangeReport, MigrationReport
        What has ``to_json()`` and ``summary()``.
    as_json : bool
    """
    if as_json:
        print_json(report.to_json())
    else:
        print(report.summary())


def clean(value: Any) -> Any:
    r"""Make a value that JSON can hold.

    Examples
    --------
    >>> clean({1: (float("inf"), "\ud800")})
    {'1': [None, '?']}
    """
    if isinstance(value, dict):
        return {str(key): clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [clean(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    return value


def one_line(text: str, width: int) -> str:
    r"""Show the beginning of a text on one line, without control characters.

    Examples
    --------
    >>> one_line("a  b\nc\x1b[31m", 80)
    'a b c[31m'
    >>> one_line("abcdef", 4)
    'abc…'
    """
    plain = "".join(c for c in " ".join(text.split()) if c.isprintable())
    return plain if len(plain) <= width else plain[: max(0, width - 1)] + "…"


def terminal_width() -> int:
    """Columns of the terminal, 100 where there is none.

    Examples
    --------
    >>> terminal_width() > 0
    True
    """
    return shutil.get_terminal_size((100, 24)).columns


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print columns, each as wide as its widest cell; numbers to the right.

    Examples
    --------
    >>> print_table(["id", "label"], [["3", "space"], ["12", "cars"]])
    id  label
     3  space
    12  cars
    """
    if not rows:
        print("  ".join(header))
        return
    widths = [max(len(str(row[i])) for row in [header, *rows]) for i in range(len(header))]
    numeric = [all(_is_number(row[i]) for row in rows) for i in range(len(header))]
    for row in [header, *rows]:
        cells = [
            str(cell).rjust(width) if right else str(cell).ljust(width)
            for cell, width, right in zip(row, widths, numeric, strict=True)
        ]
        print("  ".join(cells).rstrip())


def _is_number(cell: str) -> bool:
    return cell.replace(",", "").replace(".", "", 1).replace("%", "").lstrip("-").isdigit()
