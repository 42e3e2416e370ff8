"""A transformer of which only the upper layers are trained: the lower ones are computed once."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from isogloss._core.events import Event, OnEvent, ignore
from isogloss._core.files import atomic_path
from isogloss._core.tensors import load_tensors, save_tensors
from isogloss._core.torch_threads import ONE_THREAD
from isogloss.encoders.transformer import TransformerEncoder

States = Mapping[str, NDArray[np.float16]]
BATCH = 64


class UpperLayers(torch.nn.Module):  # type: ignore[misc,unused-ignore]
    """The upper layers of a BERT model, mean pooling on top.

    Looks like a sentence-transformers model, but reads texts whose states below are known.

    Parameters
    ----------
    layers : torch.nn.ModuleList
    states : mapping of str to float16 (tokens, d)
        For each text what the layers below make of it.
    """

    def __init__(self, layers: Any, states: States) -> None:
        super().__init__()
        self.layers = layers
        self._states = states

    def __deepcopy__(self, memo: dict[int, Any]) -> "UpperLayers":
        """Copy the weights, not the states."""
        import copy

        return UpperLayers(copy.deepcopy(self.layers, memo), self._states)

    def preprocess(self, texts: Sequence[str]) -> dict[str, Any]:
        """Look up states, padded to the longest."""
        found = [self._states[text] for text in texts]
        width = max(len(one) for one in found)
        rows = np.zeros((len(found), width, found[0].shape[1]), dtype=np.float32)
        mask = np.zeros((len(found), width), dtype=np.float32)
        for row, one in enumerate(found):
            rows[row, : len(one)] = one
            mask[row, : len(one)] = 1.0
        return {"states": torch.from_numpy(rows), "mask": torch.from_numpy(mask)}

    def forward(self, features: dict[str, Any]) -> dict[str, Any]:
        """Give ``sentence_embedding``: float (n, d)."""
        rows, mask = features["states"], features["mask"]
        bias = (1.0 - mask)[:, None, None, :] * torch.finfo(torch.float32).min
        for layer in self.layers:
            rows = layer(rows, bias)
            if isinstance(rows, tuple):
                rows = rows[0]
        total = (rows * mask[:, :, None]).sum(dim=1)
        return {"sentence_embedding": total / mask.sum(dim=1, keepdim=True)}

    def save(self, path: Path) -> None:
        """Write the weights."""
        arrays = {name: one.detach().numpy() for name, one in self.layers.state_dict().items()}
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(path) as temporary:
            save_tensors(temporary, arrays)

    def load(self, path: Path) -> "UpperLayers":
        """Read what `save` wrote, into this model."""
        arrays = load_tensors(path)
        self.layers.load_state_dict({name: torch.tensor(one) for name, one in arrays.items()})
        return self

    @property
    def fingerprint(self) -> str:
        """Digest of the weights."""
        digest = hashlib.sha256()
        for name, one in sorted(self.layers.state_dict().items()):
            digest.update(name.encode() + one.detach().numpy().tobytes())
        return digest.hexdigest()


def split_model(spec: str, *, lower: int, tokens: int) -> tuple[Any, Any, str]:
    """Cut a sentence-transformers BERT in two.

    Returns
    -------
    model, upper, fingerprint
        The model with its lower layers only, the upper ones, and what it was before.
    """
    encoder = TransformerEncoder(spec, offline=True)
    model = encoder._model
    model.max_seq_length = tokens
    body = model[0].auto_model
    upper = body.encoder.layer[lower:]
    body.encoder.layer = body.encoder.layer[:lower]
    return model.eval(), upper, encoder.fingerprint


def lower_states(
    model: Any, texts: Iterable[str], cache: Path, *, on_event: OnEvent = ignore
) -> dict[str, NDArray[np.float16]]:
    """Run texts through the lower layers, or take what an earlier run left.

    Parameters
    ----------
    model : SentenceTransformer
        As `split_model` gives it.
    texts : iterable of str
    cache : Path
        The file that holds them; made where it is not there.

    Returns
    -------
    dict of str to float16 (tokens, d)
    """
    distinct = list(dict.fromkeys(texts))
    if cache.is_file():
        held = load_tensors(cache)
        starts = held["starts"].tolist()
        parts = [held["states"][a:b] for a, b in pairwise(starts)]
        return dict(zip(distinct, parts, strict=True))
    order = sorted(range(len(distinct)), key=lambda row: (len(distinct[row]), row))
    found: dict[str, NDArray[np.float16]] = {}
    body = model[0].auto_model
    with ONE_THREAD, torch.inference_mode():
        for first in range(0, len(order), BATCH):
            batch = [distinct[row] for row in order[first : first + BATCH]]
            features = model.preprocess(batch)
            mask = features["attention_mask"]
            states = body(input_ids=features["input_ids"], attention_mask=mask).last_hidden_state
            for text, rows, count in zip(batch, states, mask.sum(dim=1).tolist(), strict=True):
                found[text] = rows[: int(count)].numpy().astype(np.float16)
            on_event(Event("lower layers", first + len(batch), len(order), "texts"))
    parts = [found[text] for text in distinct]
    starts = np.cumsum([0, *(len(one) for one in parts)])
    cache.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(cache) as path:
        save_tensors(path, {"states": np.concatenate(parts), "starts": starts.astype(np.int64)})
    return dict(zip(distinct, parts, strict=True))
