"""Linear layers in 8 bits, for ONNX Runtime.

Weights are quantised column by column, inputs row by row (one scale a token) while the model runs.
The usual dynamic quantisation takes one scale for all rows of a batch, so that the vector of a text
depends on the texts beside it; and one token with a large value costs all others their digits.

Some channels of a transformer are always large. They are found by reading rows of random tokens in
float32 once, and part of their size is moved into the weights.

Papers: Dettmers et al. 2022 (LLM.int8, rows and columns); Xiao et al. 2023 (SmoothQuant, eq. 4,
alpha = 0.5). Different here: calibration reads no text, only random tokens of the vocabulary.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss.encoders.onnx_graph import FUSED, Floats, Graph, Layer, Linear, linear_float32

_LEAST = 1e-9  # a row of zeros has a scale too


def quantise_weight(weight: Floats) -> tuple[NDArray[np.int8], Floats]:
    """Round a weight to 8 bits, symmetric, with one scale a column.

    Parameters
    ----------
    weight : float32 (k, n)

    Returns
    -------
    quantised : int8 (k, n)
        Between -127 and 127.
    scale : float32 (n,)

    Examples
    --------
    >>> quantised, scale = quantise_weight(np.array([[1.0, 0.0], [-0.5, 0.0]], dtype=np.float32))
    >>> quantised.tolist(), scale.round(4).tolist()
    ([[127, 0], [-64, 0]], [0.007899999618530273, 1.0])
    """
    scale = np.abs(weight).max(axis=0) / 127
    scale[scale == 0] = 1
    rounded = np.clip(np.rint(weight / scale), -127, 127).astype(np.int8)
    return rounded, scale.astype(np.float32)


def smoothing(largest: Floats, weights: list[Floats]) -> Floats:
    """Give what to divide each input channel by, and to multiply its weights with.

    Parameters
    ----------
    largest : float32 (k,)
        Largest absolute input seen in each channel.
    weights : list of float32 (k, n)
        The layers that read these inputs.

    Returns
    -------
    float32 (k,)
        Positive; geometric mean 1.
    """
    heavy = np.max([np.abs(weight).max(axis=1) for weight in weights], axis=0)
    factor = np.sqrt(np.maximum(largest, 1e-5) / np.maximum(heavy, 1e-5))
    return np.asarray(factor / np.exp(np.log(factor).mean()), dtype=np.float32)


def linear_int8(largest: dict[str, Floats]) -> Linear:
    """Give a writer of 8-bit linear layers.

    Parameters
    ----------
    largest : dict of float32 (k,)
        From `calibrate`: for each layer the largest absolute input of each channel.

    Returns
    -------
    callable
        For `isogloss.encoders.onnx_graph.build`.
    """

    def write(graph: Graph, x: str, layers: list[Layer]) -> list[str]:
        factor = smoothing(largest[layers[0].name], [layer.weight for layer in layers])
        name = layers[0].name
        floor = layers[0].floor
        last = graph.constant("last", np.array([-1]))
        if floor is not None:  # all of eight bits for what lies above the floor
            x = graph.op("Sub", x, graph.constant("floor", np.float32(floor)))
        x = graph.op("Mul", x, graph.constant(f"{name}.smooth", 1 / factor))
        size = x if floor is not None else graph.op("Abs", x)
        top = graph.op("ReduceMax", size, last)
        top = graph.op("Max", top, graph.constant("least", np.float32(_LEAST)))
        steps, zero = (255, 0) if floor is not None else (127, 128)
        inverse = graph.op("Div", graph.constant(f"{steps}", np.float32(steps)), top)
        quantised = graph.op(
            "QuantizeLinear",
            graph.op("Mul", x, inverse),
            graph.constant("unit", np.float32(1)),
            graph.constant(f"zero {zero}", np.uint8(zero)),
        )
        results = []
        for layer in layers:
            weight, scale = quantise_weight(layer.weight * factor[:, None])
            bias = layer.bias
            if floor is not None:
                bias = bias + floor * ((weight / factor[:, None]).sum(axis=0) * scale)
            product = graph.op(
                "MatMulIntegerToFloat",
                quantised,
                graph.constant(f"{layer.name}.weight", weight),
                graph.constant(f"1/{steps}", np.float32(1 / steps)),
                graph.constant(f"{layer.name}.scale", scale),
                graph.constant(f"zero {zero}", np.uint8(zero)),
                domain=FUSED,
            )
            product = graph.op("Mul", product, top)
            added = graph.constant(f"{layer.name}.bias", bias.astype(np.float32))
            results.append(graph.op("Add", product, added))
        return results

    return write


def watching(seen: list[str]) -> Linear:
    """Give a writer of float32 layers that also gives out each channel's largest input."""

    def write(graph: Graph, x: str, layers: list[Layer]) -> list[str]:
        seen.append(layers[0].name)
        floor = layers[0].floor
        if floor is not None:
            x_seen = graph.op("Sub", x, graph.constant("floor", np.float32(floor)))
        else:
            x_seen = x
        first = graph.constant("first", np.array([0]))
        graph.watched.append(graph.op("ReduceMax", graph.op("Abs", x_seen), first, keepdims=0))
        return linear_float32(graph, x, layers)

    return write


def calibrate(
    session: Any,
    names: list[str],
    vocabulary: int,
    *,
    rows: int = 16,
    length: int = 64,
    seed: int = 0,
) -> dict[str, Floats]:
    """Read rows of random tokens, and note the largest absolute input of every channel.

    Parameters
    ----------
    session : onnxruntime.InferenceSession
        Of a graph written with `watching`.
    names : list of str
        The layers that `watching` saw.
    vocabulary : int
        Number of token ids.
    rows, length : int
        How many rows of how many tokens.
    seed : int, default 0
        Of the draw.

    Returns
    -------
    dict of float32 (k,)
    """
    rng = np.random.default_rng(seed)
    ids = rng.integers(0, vocabulary, (rows, length)).astype(np.int32)
    _, *tops = session.run(None, {"input_ids": ids})
    return {name: np.asarray(top) for name, top in zip(names, tops, strict=True)}
