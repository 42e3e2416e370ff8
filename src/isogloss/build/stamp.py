"""What a version of an atlas says of its making: when, and with which packages."""

import datetime
import platform


def utc_now() -> str:
    """Give the time in UTC, to the second, as ISO 8601."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def package_versions() -> dict[str, str]:
    """Give the versions of Isogloss, Python and the packages that results may depend on."""
    from importlib.metadata import PackageNotFoundError, version

    from isogloss import __version__

    found = {"isogloss": __version__, "python": platform.python_version()}
    for package in ("numpy", "scipy", "pyarrow", "lancedb", "onnxruntime", "torch"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
