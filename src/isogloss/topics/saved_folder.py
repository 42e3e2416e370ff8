"""The folder that a topic model, or its result, is saved into: looked at before it is written."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from isogloss._core.errors import ParameterError
from isogloss._core.files import atomic_path, is_refusal, storage_errors, write_json
from isogloss._core.tensors import save_tensors

if TYPE_CHECKING:
    from isogloss.topics.result import TopicResult

__all__ = ["into_folder", "write_folder"]

RESULT = ("topics.json", "topics.safetensors")
NEW = "give a folder that is new or holds a saved topic model"


@contextmanager
def into_folder(folder: Path, names: Iterable[str]) -> Iterator[None]:
    """Make a folder for files of these names; replace none that a topic model did not write.

    Raises
    ------
    ParameterError
        When a file stands in the path, or the folder holds others' files of these names.
    StorageError
        When the disk refuses: full, read-only, not ours to write.

    Examples
    --------
    >>> with into_folder(Path("/dev/null"), RESULT):
    ...     pass
    Traceback (most recent call last):
    isogloss._core.errors.ParameterError: cannot save into /dev/null: it is a file; \
give a folder that is new or holds a saved topic model
    """
    try:
        with storage_errors(f"the topic model into {folder}"):
            if folder.exists() and not folder.is_dir():
                raise ParameterError(f"cannot save into {folder}: it is a file; {NEW}")
            folder.mkdir(parents=True, exist_ok=True)
            others = [name for name in names if (folder / name).exists()]
            if others and not _is_ours(folder / RESULT[0]):
                raise ParameterError(
                    f"cannot save into {folder}: its {others[0]} is of no topic model; {NEW}"
                )
            yield
    except OSError as error:
        if is_refusal(error):
            raise
        raise ParameterError(f"cannot save into {folder}: {error.strerror or error}; {NEW}") from (
            error
        )


def _is_ours(path: Path) -> bool:
    """Tell the description of a `TopicResult` from other files of its name."""
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(about, dict) and {"format", "topics", "keywords"} <= set(about)


def write_folder(
    folder: Path, result: "TopicResult", arrays: Mapping[str, NDArray[Any]],
    about: dict[str, Any], *, name: str = "model",
) -> None:  # fmt: skip
    """Write a result, the arrays of its model and what it says of itself into a folder.

    Parameters
    ----------
    folder : Path
        Made if need be.
    result : TopicResult
    arrays, about
        For `name`.safetensors and `name`.json.
    name : str

    Raises
    ------
    ParameterError, StorageError
        See `into_folder`.
    """
    with into_folder(folder, (*RESULT, f"{name}.json", f"{name}.safetensors")):
        result.save(folder)
        with atomic_path(folder / f"{name}.safetensors") as path:
            save_tensors(path, dict(arrays))
        write_json(folder / f"{name}.json", about)
