"""A low-rank adapter: what training adds to the weights of a frozen model.

Each linear layer ``y = W x`` becomes ``y = W x + U (D x)`` with D of r rows and U of r columns.
U begins at zero, so an untrained adapter changes nothing. For use, ``U D`` is added to W once.

Paper: Hu et al., LoRA: Low-Rank Adaptation of Large Language Models (2021).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import AtlasError, ParameterError
from isogloss._core.extras import need

__all__ = ["Adapter", "merge"]

Arrays = dict[str, NDArray[np.float32]]


class Adapter:
    """The trained part of a model: two small matrices for each linear layer.

    Parameters
    ----------
    model : torch.nn.Module
        Frozen; its linear layers are watched until `detach`.
    rank : int
        r, 1 or more.
    seed : int
        Of the first values of D.

    Raises
    ------
    ParameterError
        For a rank below 1.
    """

    def __init__(self, model: Any, *, rank: int, seed: int = 0) -> None:
        if rank < 1:
            raise ParameterError(f"rank is {rank}: give 1 or more")
        torch = need("torch", extra="models")
        draws = torch.Generator().manual_seed(seed)
        self.tensors: dict[str, Any] = {}
        self._hooks = []
        for name, layer in _linear(model):
            down = torch.randn(rank, layer.in_features, generator=draws) / layer.in_features**0.5
            up = torch.zeros(layer.out_features, rank)
            self.tensors[f"{name}.down"] = down.requires_grad_()
            self.tensors[f"{name}.up"] = up.requires_grad_()
            self._hooks.append(layer.register_forward_hook(_adding(down, up)))

    def arrays(self) -> Arrays:
        """Give copies of all matrices by name."""
        return {name: tensor.detach().numpy().copy() for name, tensor in self.tensors.items()}

    def set(self, arrays: Arrays) -> None:
        """Put values into the matrices."""
        torch = need("torch", extra="models")
        with torch.no_grad():
            for name, tensor in self.tensors.items():
                tensor.copy_(torch.from_numpy(np.array(arrays[name])))

    def detach(self) -> None:
        """Leave the model as it was."""
        for hook in self._hooks:
            hook.remove()
        self._hooks = []


def merge(model: Any, arrays: Arrays) -> None:
    """Add an adapter to the weights of a model, in place.

    Parameters
    ----------
    model : torch.nn.Module
    arrays : dict of str to float32
        As `Adapter.arrays` gives them.

    Raises
    ------
    AtlasError
        When they do not fit the model.
    """
    torch = need("torch", extra="models")
    layers = dict(_linear(model))
    names = {f"{name}.{end}" for name in layers for end in ("down", "up")}
    if set(arrays) != names:
        odd = sorted(set(arrays) ^ names)[0]
        raise AtlasError(f"the adapter does not fit this model: {odd!r} is in one of them only")
    with torch.no_grad():
        for name, layer in layers.items():
            down, up = arrays[f"{name}.down"], arrays[f"{name}.up"]
            if down.shape[1:] != (layer.in_features,) or up.shape != (
                layer.out_features, len(down),
            ):  # fmt: skip
                raise AtlasError(f"the adapter does not fit this model: {name!r} has another shape")
            added = up.astype(np.float64) @ down.astype(np.float64)
            layer.weight += torch.from_numpy(added.astype(np.float32))


def _linear(model: Any) -> list[tuple[str, Any]]:
    """Give the linear layers that token vectors go through, by name."""
    torch = need("torch", extra="models")
    return [
        (name, layer)
        for name, layer in model.named_modules()
        if isinstance(layer, torch.nn.Linear) and not name.startswith("pooler")
    ]


def _adding(down: Any, up: Any) -> Any:
    def hook(_: Any, given: tuple[Any, ...], output: Any) -> Any:
        return output + (given[0] @ down.T) @ up.T

    return hook
