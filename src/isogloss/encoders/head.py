"""What follows a transformer in a sentence-transformers model: pooling and dense layers."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import EncoderError
from isogloss._core.extras import need
from isogloss.encoders.folder import ModelFolder, read_json

Floats = NDArray[np.float32]

_FLAGS = {  # how older models say it
    "pooling_mode_cls_token": "cls",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
_POOLS: dict[str, Callable[[Floats], Floats]] = {  # (b, l, h) -> (b, h); l tokens, no padding
    "mean": lambda x: x.mean(axis=1),
    "max": lambda x: x.max(axis=1),
    "cls": lambda x: x[:, 0],
    "lasttoken": lambda x: x[:, -1],
    "mean_sqrt_len_tokens": lambda x: x.sum(axis=1) / np.sqrt(np.float32(x.shape[1])),
}
_ACTIVATIONS: dict[str, Callable[[Floats], Floats]] = {
    "Identity": lambda x: x,
    "Tanh": np.tanh,
    "ReLU": lambda x: np.maximum(x, 0),
}


@dataclass(frozen=True, slots=True)
class Dense:
    """A dense layer over a sentence's vector: weight (k, n), bias (n,)."""

    weight: Floats
    bias: Floats
    activation: str


@dataclass(frozen=True, slots=True)
class Head:
    """From the vectors of tokens to the vector of a text.

    Parameters
    ----------
    pooling : str
        A key of the pools: ``"mean"``, ``"cls"``, ``"max"``, ...
    include_prompt : bool
        Whether the prompt's tokens are pooled too.
    dense : tuple of Dense
        Layers that follow, in order.
    """

    pooling: str = "mean"
    include_prompt: bool = True
    dense: tuple[Dense, ...] = ()

    def dim(self, hidden: int) -> int:
        """Length of a text's vector, for a transformer of width `hidden`."""
        return len(self.dense[-1].bias) if self.dense else hidden

    def apply(self, tokens: Floats, skip: int = 0) -> Floats:
        """Pool (b, l, h) to (b, d); the first `skip` tokens are a prompt.

        Rows do not touch each other, also not by rounding.

        Examples
        --------
        >>> Head().apply(np.array([[[1.0, 2.0], [3.0, 4.0]]], dtype=np.float32)).tolist()
        [[2.0, 3.0]]
        """
        used = tokens if self.include_prompt else tokens[:, skip:]
        out = _POOLS[self.pooling](used)
        for layer in self.dense:
            activate = _ACTIVATIONS[layer.activation]
            out = np.stack([activate(row @ layer.weight + layer.bias) for row in out])
        return out


def read_head(folder: ModelFolder) -> Head:
    """Read the modules that follow the transformer; mean pooling where there are none.

    Raises
    ------
    EncoderError
        For a module, a pooling or an activation that is not supported.
    """
    head = Head()
    for kind, path in folder.modules[1:]:
        name = kind.rpartition(".")[2]
        if name == "Pooling":
            settings = read_json(path / "config.json")
            head = Head(_pooling(settings, path), bool(settings.get("include_prompt", True)))
        elif name == "Dense":
            head = Head(head.pooling, head.include_prompt, (*head.dense, _read_dense(path)))
        elif name not in ("Normalize", "Dropout"):  # vectors are brought to unit length anyway
            raise EncoderError(
                f"{str(folder.path)!r} has a module {name!r}, which 'onnx:' cannot run: load it "
                "without 'onnx:'"
            )
    return head


def _pooling(settings: dict[str, Any], path: Path) -> str:
    named = settings.get("pooling_mode")
    modes = [str(named)] if isinstance(named, str) else list(named or [])
    modes = modes or [mode for flag, mode in _FLAGS.items() if settings.get(flag)]
    if len(modes) != 1 or modes[0] not in _POOLS:
        raise EncoderError(
            f"{str(path)!r} pools by {' and '.join(modes) or 'nothing'}: 'onnx:' knows one of "
            f"{', '.join(_POOLS)}; load it without 'onnx:'"
        )
    return modes[0]


def _read_dense(path: Path) -> Dense:
    settings = read_json(path / "config.json")
    activation = str(settings.get("activation_function", "Identity")).rpartition(".")[2]
    if activation not in _ACTIVATIONS:
        raise EncoderError(
            f"{str(path)!r} has the activation {activation!r}: 'onnx:' knows "
            f"{', '.join(_ACTIVATIONS)}; load it without 'onnx:'"
        )
    library = need("safetensors.numpy", extra="onnx")
    try:
        tensors = library.load_file(path / "model.safetensors")
        weight = np.asarray(tensors["linear.weight"], dtype=np.float32).T
    except (OSError, KeyError) as error:
        raise EncoderError(f"{str(path)!r} has no weights for its dense layer: {error}") from error
    bias = tensors.get("linear.bias", np.zeros(weight.shape[1]))
    return Dense(np.ascontiguousarray(weight), np.asarray(bias, dtype=np.float32), activation)
