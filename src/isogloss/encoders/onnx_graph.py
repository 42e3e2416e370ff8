"""Write a BERT-like transformer as an ONNX graph, straight from its safetensors.

No torch is needed. The graph reads rows of one length, so it has no mask and wastes nothing on
padding. Attention and GELU are ONNX Runtime's fused operators; layer normalisation is written out,
because the fused one is scalar on the CPU and takes three times as long. Linear layers are float32
products, or 8-bit ones whose inputs are quantised row by row (`onnx_int8`): what else is in a batch
then cannot change a vector.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import EncoderError
from isogloss._core.extras import need

FUSED = "com.microsoft"  # the domain of ONNX Runtime's own operators
GELU_FLOOR = -0.17  # the least value of GELU is -0.16997
Floats = NDArray[np.float32]


class Graph:
    """Nodes and constants of an ONNX graph while it grows."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: dict[str, NDArray[Any]] = {}
        self.watched: list[str] = []
        self._onnx = need("onnx", extra="onnx")

    def constant(self, name: str, value: Any) -> str:
        """Keep an array under a name, which it gives back."""
        self.constants.setdefault(name, np.ascontiguousarray(value))
        return name

    def op(self, kind: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """Add a node with one output, and give the output's name."""
        return self.ops(kind, *inputs, outputs=1, domain=domain, **attributes)[0]

    def ops(
        self, kind: str, *inputs: str, outputs: int, domain: str = "", **attributes: Any
    ) -> list[str]:
        """Add a node, and give the names of its outputs."""
        name = f"{kind}_{len(self.nodes)}"
        names = [f"{name}:{i}" for i in range(outputs)]
        self.nodes.append(
            self._onnx.helper.make_node(
                kind, list(inputs), names, name=name, domain=domain, **attributes
            )
        )
        return names

    def name(self, name: str, value: str) -> None:
        """Give the last node's output a name of its own."""
        outputs = self.nodes[-1].output
        outputs[list(outputs).index(value)] = name

    def model(self, result: str, width: int) -> Any:
        """Close the graph over ``input_ids`` (batch, length) and ``token_embeddings``.

        Whatever is in ``watched`` becomes an output too.
        """
        helper, types = self._onnx.helper, self._onnx.TensorProto
        self.nodes.append(helper.make_node("Identity", [result], ["token_embeddings"]))
        arrays = [self._onnx.numpy_helper.from_array(v, k) for k, v in self.constants.items()]
        graph = helper.make_graph(
            self.nodes,
            "isogloss",
            [helper.make_tensor_value_info("input_ids", types.INT32, ["batch", "length"])],
            [
                helper.make_tensor_value_info("token_embeddings", types.FLOAT, ["rows", width]),
                *(helper.make_tensor_value_info(n, types.FLOAT, None) for n in self.watched),
            ],
            arrays,
        )
        imports = [helper.make_opsetid("", 18), helper.make_opsetid(FUSED, 1)]
        return helper.make_model(graph, opset_imports=imports, ir_version=9)


@dataclass(frozen=True, slots=True)
class Family:
    """Where a family of models keeps its parts: names of tensors, and keys of its config."""

    layers: str
    query: str
    key: str
    value: str
    attended: str
    attended_norm: str
    inner: str
    outer: str
    outer_norm: str
    first_position: int = 0
    keys: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Layer:
    """One linear layer: ``x @ weight + bias``, with weight (k, n).

    ``floor`` is a lower bound of its inputs where one is known.
    """

    name: str
    weight: Floats
    bias: Floats
    floor: float | None = None


Linear = Callable[[Graph, str, list[Layer]], list[str]]  # layers that read the same input

_BERT = Family(
    layers="encoder.layer.",
    query="attention.self.query",
    key="attention.self.key",
    value="attention.self.value",
    attended="attention.output.dense",
    attended_norm="attention.output.LayerNorm",
    inner="intermediate.dense",
    outer="output.dense",
    outer_norm="output.LayerNorm",
)
FAMILIES = {
    "bert": _BERT,
    "roberta": replace(_BERT, first_position=2),
    "xlm-roberta": replace(_BERT, first_position=2),
    "distilbert": Family(
        "transformer.layer.",
        "attention.q_lin",
        "attention.k_lin",
        "attention.v_lin",
        "attention.out_lin",
        "sa_layer_norm",
        "ffn.lin1",
        "ffn.lin2",
        "output_layer_norm",
        keys={
            "hidden_size": "dim",
            "num_attention_heads": "n_heads",
            "num_hidden_layers": "n_layers",
            "hidden_act": "activation",
        },
    ),
}


@dataclass(frozen=True, slots=True)
class Shape:
    """The numbers of a transformer's config that its graph depends on."""

    family: Family
    hidden: int
    heads: int
    layers: int
    epsilon: float


def read_shape(config: dict[str, Any], where: Path) -> Shape:
    """Read a config, and refuse what this module does not know to write.

    Raises
    ------
    EncoderError
        For another architecture, activation or kind of position.
    """
    kind = str(config.get("model_type"))
    if kind not in FAMILIES:
        raise EncoderError(
            f"{str(where)!r} is a {kind!r} model and brings no onnx/model.onnx: isogloss converts "
            f"{', '.join(FAMILIES)}; export it to that file, or load it without 'onnx:'"
        )
    family = FAMILIES[kind]

    def get(key: str, default: Any = None) -> Any:
        return config.get(family.keys.get(key, key), default)

    for key, good, default in (
        ("hidden_act", ("gelu",), "gelu"),
        ("position_embedding_type", ("absolute", None), "absolute"),
        ("is_decoder", (False,), False),
        ("sinusoidal_pos_embds", (False, True), False),  # stored as a table either way
    ):
        if get(key, default) not in good:
            raise EncoderError(
                f"{str(where)!r} has {key}={get(key)!r}, which isogloss cannot convert: export it "
                "to onnx/model.onnx, or load it without 'onnx:'"
            )
    try:
        return Shape(
            family,
            int(get("hidden_size")),
            int(get("num_attention_heads")),
            int(get("num_hidden_layers")),
            float(get("layer_norm_eps", 1e-12)),
        )
    except TypeError as error:
        raise EncoderError(f"config.json of {str(where)!r} lacks a size: {error}") from error


def read_weights(folder: Path) -> dict[str, Floats]:
    """Read all float tensors of a folder's safetensors as float32, without the model's prefix.

    Raises
    ------
    EncoderError
        When there is no such file or it is damaged.
    """
    library = need("safetensors.numpy", extra="onnx")
    files = sorted(folder.glob("model*.safetensors"))
    if not files:
        raise EncoderError(f"{str(folder)!r} has neither model.safetensors nor onnx/model.onnx")
    weights: dict[str, Floats] = {}
    for path in files:
        try:
            tensors = library.load_file(path)
        except Exception as error:  # SafetensorError is no subclass of anything narrower
            raise EncoderError(f"{str(path)!r} cannot be read as safetensors: {error}") from error
        for name, value in tensors.items():
            head, _, rest = name.partition(".")
            known = head in ("bert", "roberta", "distilbert", "model")
            weights[rest if known else name] = np.asarray(value).astype(np.float32)
    return weights


def linear_float32(graph: Graph, x: str, layers: list[Layer]) -> list[str]:
    """Write linear layers over one input in float32."""
    return [
        graph.op(
            "Gemm",
            x,
            graph.constant(f"{layer.name}.weight", layer.weight),
            graph.constant(f"{layer.name}.bias", layer.bias),
        )
        for layer in layers
    ]


def build(config: dict[str, Any], weights: dict[str, Floats], where: Path, linear: Linear) -> Any:
    """Write the graph of a transformer.

    Parameters
    ----------
    config : dict
        Its ``config.json``.
    weights : dict of float32 arrays
        From `read_weights`.
    where : Path
        Its folder, for messages.
    linear : callable
        Writes a linear layer: `linear_float32` or one of `onnx_int8`.

    Returns
    -------
    onnx.ModelProto
        ``input_ids`` int32 (batch, length) to ``token_embeddings`` float32 (batch * length, h).

    Raises
    ------
    EncoderError
        When the weights do not fit the config.
    """
    shape = read_shape(config, where)
    try:
        return _build(shape, weights, linear)
    except KeyError as error:
        raise EncoderError(
            f"the weights in {str(where)!r} lack {error.args[0]!r}, which config.json promises"
        ) from error


def _build(shape: Shape, weights: dict[str, Floats], linear: Linear) -> Any:
    graph, family = Graph(), shape.family
    x = _embed(graph, shape, weights)

    def layer(name: str, floor: float | None = None) -> Layer:
        return Layer(name, weights[f"{name}.weight"].T, weights[f"{name}.bias"], floor)

    def norm(x: str, skip: str, name: str) -> str:
        gamma, beta = weights[f"{name}.weight"], weights[f"{name}.bias"]
        return layer_norm(graph, graph.op("Add", x, skip), gamma, beta, name, epsilon=shape.epsilon)

    for number in range(shape.layers):
        at = f"{family.layers}{number}."
        heads = [layer(at + part) for part in (family.query, family.key, family.value)]
        cubes = [graph.op("Reshape", part, "cube") for part in linear(graph, x, heads)]
        attended = graph.op("MultiHeadAttention", *cubes, domain=FUSED, num_heads=shape.heads)
        (mixed,) = linear(
            graph, graph.op("Reshape", attended, "rows"), [layer(at + family.attended)]
        )
        x = norm(mixed, x, at + family.attended_norm)
        (inner,) = linear(graph, x, [layer(at + family.inner)])
        active = graph.op("Gelu", inner, domain=FUSED)
        (outer,) = linear(graph, active, [layer(at + family.outer, GELU_FLOOR)])
        x = norm(outer, x, at + family.outer_norm)
    return graph.model(x, shape.hidden)


def _embed(graph: Graph, shape: Shape, weights: dict[str, Floats]) -> str:
    """Write words plus positions plus the first token type, normalised; also ``cube``."""
    name = "embeddings."
    positions = weights[f"{name}position_embeddings.weight"][shape.family.first_position :]
    types = weights.get(f"{name}token_type_embeddings.weight")
    if types is not None:
        positions = positions + types[0]
    table = graph.constant("words", weights[f"{name}word_embeddings.weight"])
    words = graph.op("Gather", table, "input_ids")
    size = graph.op("Shape", "input_ids")
    width = graph.constant("width", np.array([shape.hidden]))
    graph.name("cube", graph.op("Concat", size, width, axis=0))
    graph.constant("rows", np.array([-1, shape.hidden]))
    zero, one, two = (graph.constant(f"axis {i}", np.array([i])) for i in range(3))
    length = graph.op("Slice", size, one, two)
    near = graph.op("Slice", graph.constant("positions", positions), zero, length, zero)
    x = graph.op("Reshape", graph.op("Add", words, near), "rows")
    gamma, beta = weights[f"{name}LayerNorm.weight"], weights[f"{name}LayerNorm.bias"]
    return layer_norm(graph, x, gamma, beta, f"{name}LayerNorm", epsilon=shape.epsilon)


def layer_norm(
    graph: Graph, x: str, gamma: Floats, beta: Floats, name: str, *, epsilon: float
) -> str:
    """Write layer normalisation over the last axis of (rows, h) as vectorised steps."""
    last = graph.constant("last", np.array([-1]))
    centred = graph.op("Sub", x, graph.op("ReduceMean", x, last))
    square = graph.op("ReduceSumSquare", centred, last)
    width = np.float32(len(gamma))
    variance = graph.op("Mul", square, graph.constant("share", np.float32(1) / width))
    spread = graph.op(
        "Sqrt", graph.op("Add", variance, graph.constant("epsilon", np.float32(epsilon)))
    )
    scaled = graph.op("Mul", centred, graph.op("Reciprocal", spread))
    stretched = graph.op("Mul", scaled, graph.constant(f"{name}.gamma", gamma))
    return graph.op("Add", stretched, graph.constant(f"{name}.beta", beta))
