"""Models whose learned state is a few arrays: saved in a folder beside their result, and loaded."""

from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np

from isogloss._core.errors import AtlasError, ParameterError
from isogloss._core.tensors import load_tensors
from isogloss.topics.estimator import TopicEstimator, read_saved
from isogloss.topics.graph import WordWeights
from isogloss.topics.result import TopicResult
from isogloss.topics.saved_folder import write_folder

__all__ = ["KeptModel"]

Self = TypeVar("Self", bound="KeptModel")

FORMAT = 1


class KeptModel(TopicEstimator):
    """A topic model with `save` and `load`: one that names its learned arrays.

    Attributes
    ----------
    kept : dict of str to str
        What `transform` needs beside ``result_``: attributes that are arrays (or `WordWeights`),
        and a letter for each dimension: ``t`` topics, ``n`` passages of the fit, others as they
        come. The same letter is the same number.
    """

    kept: ClassVar[dict[str, str]]

    def save(self, folder: str | Path) -> None:
        """Write the result, the parameters and what `transform` needs into a folder.

        Parameters
        ----------
        folder : str or Path
            Made if need be: ``topics.json`` and ``topics.safetensors`` (the result), and
            ``model.json`` and ``model.safetensors``.

        Raises
        ------
        NotFitted
            Before `fit`.
        ParameterError
            When the folder is a file, or holds files of these names that no topic model wrote.
        StorageError
            When the disk refuses.
        """
        self._need_fit("result_")
        arrays = {}
        for name in self.kept:
            value = getattr(self, name)
            arrays[name] = value.idf if isinstance(value, WordWeights) else value
        about = {
            "format": FORMAT, "model": type(self).__name__, "parameters": self.get_params(),
            "word weights": [n for n in self.kept if isinstance(getattr(self, n), WordWeights)],
        }  # fmt: skip
        write_folder(Path(folder), self.result_, arrays, about)

    @classmethod
    def load(cls: type[Self], folder: str | Path) -> Self:
        """Read what `save` wrote; `transform` gives the same bytes.

        Raises
        ------
        AtlasError
            When the folder holds no model, another one, one of a newer format, or is damaged.
        """
        folder = Path(folder)
        about = read_saved(folder, model=cls.__name__, form=FORMAT)
        try:
            model = cls(**about["parameters"])
            model.result_ = TopicResult.load(folder)
            arrays = load_tensors(folder / "model.safetensors")
            lengths = {"t": model.result_.count, "n": len(model.result_.labels)}
            for name, letters in cls.kept.items():
                array = np.array(arrays[name])
                if array.ndim != len(letters):
                    raise ValueError(f"{name} has {array.ndim} dimensions")
                for letter, length in zip(letters, array.shape, strict=True):
                    if lengths.setdefault(letter, length) != length:
                        raise ValueError(f"{name} has {length} rows or columns")
                value: Any = WordWeights(array) if name in about["word weights"] else array
                setattr(model, name, value)
            model._check_kept()
        except (OSError, KeyError, TypeError, ValueError, ParameterError) as error:
            raise AtlasError(
                f"the topic model in {folder} is damaged: {type(error).__name__}: {error}"
            ) from error
        return model

    def _check_kept(self) -> None:
        """Refuse what fits in shape, but not in what it says."""
