"""Options that several commands share."""

import argparse
import os

from isogloss._core.errors import ParameterError


def add_common(parser: argparse.ArgumentParser) -> None:
    """Add `--json`, `--quiet`, `--threads` and `--offline`.

    Examples
    --------
    >>> parser = argparse.ArgumentParser()
    >>> add_common(parser)
    >>> parser.parse_args(["--json"]).json
    True
    """
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("-q", "--quiet", action="store_true", help="show warnings only")
    parser.add_argument("--threads", type=int, metavar="N", help="cores to use (default: all)")
    parser.add_argument(
        "--offline", action="store_true", help="never open a connection to another machine"
    )


def apply_common(args: argparse.Namespace) -> None:
    """Put `--threads` and `--offline` into effect, before heavy modules are loaded.

    Raises
    ------
    ParameterError
        When the number of threads is below 1.
    """
    if args.threads is not None:
        if args.threads < 1:
            raise ParameterError(f"--threads is {args.threads}; it must be at least 1")
        for name in ("ISOGLOSS_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS",
                     "RAYON_NUM_THREADS", "LANCE_CPU_THREADS"):  # fmt: skip
            os.environ[name] = str(args.threads)
    if args.offline:
        os.environ["ISOGLOSS_OFFLINE"] = os.environ["HF_HUB_OFFLINE"] = "1"


def whole(text: str) -> int:
    """Read a whole number.

    Raises
    ------
    ArgumentTypeError

    Examples
    --------
    >>> whole("20")
    20
    """
    try:
        return int(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"{_shown(text)} is no whole number: give one in digits, such as 20"
        ) from error


def number(text: str) -> float:
    """Read a number.

    Raises
    ------
    ArgumentTypeError

    Examples
    --------
    >>> number("0.5")
    0.5
    """
    try:
        return float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"{_shown(text)} is no number: give one in digits, such as 0.5"
        ) from error


def _shown(text: str) -> str:
    return repr(text) if len(text) <= 40 else f"{text[:40]!r}..."


def add_memory(parser: argparse.ArgumentParser) -> None:
    """Add ``--memory``, megabytes as ``args.memory``."""
    parser.add_argument(
        "--memory", type=parse_memory, default=2048, metavar="SIZE",
        help="bound on what is held at once, such as 2GB (default)",
    )  # fmt: skip


def parse_memory(text: str) -> int:
    """Read a memory bound as megabytes.

    Examples
    --------
    >>> parse_memory("2GB"), parse_memory("512M"), parse_memory("1024")
    (2048, 512, 1024)
    """
    units = {"gb": 1024.0, "g": 1024.0, "gib": 1024.0, "mb": 1.0, "m": 1.0, "mib": 1.0, "": 1.0}
    size = text.strip().lower().rstrip("gmib ")
    unit = text.strip().lower()[len(size) :].strip()
    try:
        return int(float(size) * units[unit])
    except (ValueError, KeyError, OverflowError) as error:  # the last: infinity
        raise argparse.ArgumentTypeError(
            f"{text!r} is no size; write it as 2GB or 512MB"
        ) from error
