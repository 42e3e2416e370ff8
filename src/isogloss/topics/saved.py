"""A topic model as arrays and JSON, and back. Format 1 had one assigner and no edits."""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from isogloss._core.errors import AtlasError, ParameterError
from isogloss._core.files import atomic_path, storage_errors
from isogloss._core.tensors import load_metadata, load_tensors, save_tensors
from isogloss.topics.assign import Assigner
from isogloss.topics.decision import Decision, Stage
from isogloss.topics.graph import WordWeights
from isogloss.topics.saved_stream import pack_stream, unpack_stream
from isogloss.topics.target import complete_joins
from isogloss.topics.tree import TopicTree

if TYPE_CHECKING:
    from isogloss.topics.model import TopicModel

FORMAT = 2
Arrays = dict[str, NDArray[Any]]


def pack(model: "TopicModel") -> tuple[Arrays, dict[str, Any]]:
    """Give all that a fitted model needs to go on, as arrays by name and a dictionary for JSON."""
    decision, tree = model._decision, model.tree_
    arrays: Arrays = {"parent": tree.parent, "size": tree.size, "persistence": tree.persistence}
    for number, stage in enumerate(decision.stages):
        prefix = f"stage{number}." if number else ""
        arrays |= {prefix + name: array for name, array in _packed(stage.assigner).items()}
        arrays[prefix + "slots"] = stage.slots
        arrays[prefix + "gate"] = stage.gate
    arrays["leaf_of"] = decision.leaf_of
    arrays["join"] = np.array([join[:2] for join in model._joins], dtype=np.int32).reshape(-1, 2)
    arrays["join_height"] = np.array([join[2] for join in model._joins], dtype=np.float64)
    if model._words is not None:
        arrays["idf"] = model._words.idf
    if model._stream is not None:
        arrays |= pack_stream(model._stream)
    about: dict[str, Any] = {
        "format": FORMAT, "params": _plain(model.get_params()), "dim": model._dim,
        "resolution": model.resolution_, "unassigned": model.unassigned_,
        "stages": len(decision.stages), "names": list(tree.labels) if any(tree.labels) else [],
    }  # fmt: skip
    if "min_topic_size_" in vars(model):
        about["least_size"] = int(model.min_topic_size_)
    if "novelty_" in vars(model):
        about["novelty"] = float(model.novelty_)
    return arrays, about


def unpack(
    model: "TopicModel", arrays: Mapping[str, NDArray[Any]], about: Mapping[str, Any]
) -> None:
    """Put into a new model what `pack` gave.

    Raises
    ------
    AtlasError
        When the format is newer than this version knows.
    """
    found = about.get("format")
    if found not in (1, FORMAT):
        raise AtlasError(f"the topic model has format {found}, this isogloss reads up to {FORMAT}")
    model._dim = int(about["dim"])
    model.resolution_ = float(about["resolution"])
    model.unassigned_ = float(about["unassigned"])
    if "least_size" in about:
        model.min_topic_size_ = int(about["least_size"])
    model._words = None
    if "idf" in arrays:
        model._words = WordWeights(np.asarray(arrays["idf"], dtype=np.float32))
    v = 0 if model._words is None else len(model._words.idf)
    model.tree_ = TopicTree(
        parent=arrays["parent"], size=arrays["size"], persistence=arrays["persistence"],
        labels=tuple(about.get("names", ())),
    )  # fmt: skip
    model._stream = unpack_stream(arrays, v, words=model._words is not None)
    if "novelty" in about and model._stream is not None:  # of the last call of `partial_fit`
        model.novelty_, model.new_topics_ = float(about["novelty"]), model._stream.made
    first = _assigner(arrays, "", v)
    if found == 1:
        model._decision = Decision.plain(first)
        centroids = first.weights[:, first.leaves :].T.astype(np.float64)
        model._joins = complete_joins([], centroids * model.tree_.size[: first.leaves, None])
        return
    stages = []
    for number in range(int(about["stages"])):
        prefix = f"stage{number}." if number else ""
        made = _assigner(arrays, prefix, v) if number else first
        slots, gate = (
            np.asarray(arrays[prefix + name], dtype=np.int32) for name in ("slots", "gate")
        )
        stages.append(Stage(made, slots, gate))
    leaf_of = np.asarray(arrays["leaf_of"], dtype=np.int32)
    if not _within(leaf_of, -1, len(model.tree_)):
        raise ValueError("its leaves are no topics of its tree")
    model._decision = Decision(tuple(stages), leaf_of)
    model._joins = [
        (int(a), int(b), float(height))
        for (a, b), height in zip(arrays["join"], arrays["join_height"], strict=True)
    ]


def write_model(model: "TopicModel", path: Path) -> None:
    """Write a fitted model into one safetensors file, atomically.

    Raises
    ------
    ParameterError
        When the path is a folder, or leads through a file.
    StorageError
        When the disk refuses it.
    """
    if path.is_dir():
        raise ParameterError(
            f"{path} is a folder: give the file to write, such as {path / 'topics.safetensors'}"
        )
    arrays, about = pack(model)
    with storage_errors(f"the topic model {path}"):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise ParameterError(
                f"{path} cannot be written: {path.parent} is no folder, nor can one be made there"
            ) from error
        with atomic_path(path) as temporary:
            held = json.dumps(about)
            save_tensors(temporary, arrays, {"topic_model": held, "digest": _digest(arrays, held)})


def read_file(path: Path) -> tuple[Arrays, dict[str, Any]]:
    """Give the arrays and the dictionary of a file that `write_model` wrote.

    Raises
    ------
    AtlasError
        When there is no such file, or it is damaged or holds something else.
    """
    try:
        arrays, metadata = load_tensors(path), load_metadata(path)
    except OSError as error:
        raise AtlasError(f"{path} cannot be read as a topic model: {error.strerror}") from error
    held = metadata.get("topic_model")
    if held is None:
        raise AtlasError(f"{path} holds no topic model: write one with TopicModel.save")
    # The first files had no digest.
    if metadata.get("digest") not in (None, _digest(arrays, held)):
        raise AtlasError(f"{path} is damaged: what it holds is not what was written")
    try:
        return arrays, json.loads(held)
    except json.JSONDecodeError as error:
        raise AtlasError(f"{path} is damaged: its description is not JSON") from error


def _digest(arrays: Mapping[str, NDArray[Any]], held: str) -> str:
    """Give the SHA-256 of all that a file says."""
    digest = hashlib.sha256(held.encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def restored(
    made: Callable[..., "TopicModel"], arrays: Mapping[str, NDArray[Any]], about: Mapping[str, Any]
) -> "TopicModel":
    """Make the model that `pack` took apart.

    Raises
    ------
    AtlasError
        When the format is newer than this version knows, or a part is missing or does not fit.
    """
    try:
        # Models that do not say were made when all edges were plain.
        model = made(**({"even_edges": False} | about["params"]))
        unpack(model, arrays, about)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise AtlasError(f"the topic model is damaged: {type(error).__name__}: {error}") from error
    return model


def _packed(made: Assigner) -> Arrays:
    arrays: Arrays = {
        "weights": made.weights, "bias": made.bias, "near": made.near,
        "floor": made.floor.reshape(1), "temperature": made.temperature.reshape(1),
    }  # fmt: skip
    if len(made.words):
        rows = sp.csr_matrix(made.words)
        arrays["word_start"] = rows.indptr.astype(np.int64)
        arrays["word_leaf"] = rows.indices.astype(np.int32)
        arrays["word_weight"] = rows.data.astype(np.float32)
    return arrays


def _assigner(arrays: Mapping[str, NDArray[Any]], prefix: str, v: int) -> Assigner:
    count = len(arrays[prefix + "bias"])
    words = np.zeros((v, count), dtype=np.float32)
    if prefix + "word_start" in arrays:
        names = ("word_weight", "word_leaf", "word_start")
        weight, leaf, start = (arrays[prefix + name] for name in names)
        _check_rows(weight, leaf, start, v, count)
        words = sp.csr_matrix((weight, leaf, start), shape=(v, count)).toarray()
    return Assigner(
        weights=np.ascontiguousarray(arrays[prefix + "weights"], dtype=np.float32),
        bias=np.asarray(arrays[prefix + "bias"], dtype=np.float32),
        words=np.ascontiguousarray(words, dtype=np.float32),
        near=np.asarray(arrays[prefix + "near"], dtype=np.float32),
        floor=np.asarray(arrays[prefix + "floor"], dtype=np.float32).reshape(()),
        temperature=np.asarray(arrays[prefix + "temperature"], dtype=np.float32).reshape(()),
    )


def _check_rows(
    weight: NDArray[Any], leaf: NDArray[Any], start: NDArray[Any], rows: int, leaves: int
) -> None:
    """Refuse sparse rows that scipy would read past their ends."""
    whole = len(start) == rows + 1 and start[0] == 0 and start[-1] == len(leaf) == len(weight)
    if not whole or (np.diff(start) < 0).any() or not _within(leaf, 0, leaves):
        raise ValueError("the words of its leaves lie outside of them")


def _within(numbers: NDArray[Any], low: int, high: int) -> bool:
    return not len(numbers) or bool(numbers.min() >= low and numbers.max() < high)


def _plain(params: dict[str, Any]) -> dict[str, Any]:
    """Give parameters that JSON can hold."""
    seeds = params.get("seeds")
    if seeds:
        params = params | {
            "seeds": {
                str(name): [item if isinstance(item, str) else int(item) for item in given]
                for name, given in seeds.items()
            }
        }
    return params
