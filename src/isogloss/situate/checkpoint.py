"""A training that was stopped: what it needs to go on, in one safetensors file."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import AtlasError, ParameterError
from isogloss._core.extras import need
from isogloss._core.files import atomic_path, storage_errors
from isogloss._core.tensors import load_metadata, load_tensors, save_tensors
from isogloss.situate.adapter import Adapter, Arrays

__all__ = ["keep", "resume"]


def keep(
    path: Path, identity: str, adapter: Adapter, optimiser: Any, names: list[str],
    losses: list[float],
) -> None:  # fmt: skip
    """Write a checkpoint: the adapter, AdamW's moments, and the losses so far."""
    held: dict[str, NDArray[Any]] = {f"value.{k}": v for k, v in adapter.arrays().items()}
    for name, state in zip(names, optimiser.state_dict()["state"].values(), strict=True):
        held[f"first.{name}"] = state["exp_avg"].numpy()
        held[f"second.{name}"] = state["exp_avg_sq"].numpy()
    held["losses"] = np.array(losses, dtype=np.float64)
    with storage_errors("the checkpoint"), atomic_path(path) as temporary:
        save_tensors(temporary, held, {"identity": identity})


def resume(
    path: Path, identity: str, adapter: Adapter, optimiser: Any, names: list[str]
) -> list[float]:
    """Take up a checkpoint of the same training; give the losses so far."""
    torch = need("torch", extra="models")
    if not path.is_file():
        return []
    if load_metadata(path).get("identity") != identity:
        raise ParameterError(
            f"{path.parent} holds an unfinished training of other texts or settings: give another "
            "folder, or fresh=True to begin anew"
        )
    held = load_tensors(path)
    losses: list[float] = held["losses"].tolist()
    values: Arrays = {}
    try:
        values = {name: held[f"value.{name}"] for name in names}
        state = {
            place: {
                "step": torch.tensor(float(len(losses))),
                "exp_avg": torch.from_numpy(held[f"first.{name}"].copy()),
                "exp_avg_sq": torch.from_numpy(held[f"second.{name}"].copy()),
            }
            for place, name in enumerate(names)
        }
    except KeyError as error:
        raise AtlasError(f"{path} is damaged: remove it, and train again") from error
    adapter.set(values)
    optimiser.load_state_dict({**optimiser.state_dict(), "state": state})
    return losses
