"""SelfExtend for rotary models: exact positions for near tokens, grouped ones for far tokens.

Jin et al., LLM maybe LongLM: SelfExtend LLM context window without tuning (2024); for encoders,
which also look ahead, the far positions are mirrored. It is registered as an attention function of
transformers, which any model that asks its configuration for one will call. Queries and keys reach
it turned to their exact positions; what they lack for the grouped ones is turned on top.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from isogloss._core.errors import EncoderError
from isogloss.encoders.context import Context
from isogloss.encoders.position_modules import Far, Reading, reading_now, reads
from isogloss.encoders.positions import far_positions, group_size

__all__ = ["install", "turn", "two_distance_attention"]

NAME = "isogloss_self_extend"
LAYOUTS = ("halves", "pairs")
_QUERY_BLOCK = 256  # queries scored at once: bounds memory
_PROBE_TOKENS, _PROBE_SHIFT = 6, 3


def install(model: Any, options: Context, rotaries: list[Any], name: str) -> Far:
    """Let a model attend with two kinds of distances.

    Which dimensions of a head are turned together is found by reading one text at two places.

    Raises
    ------
    EncoderError
        When the model does not let its attention be replaced, or turns it in a way unknown here.
    """
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    AttentionInterface.register(NAME, _attend)
    AttentionMaskInterface.register(NAME, sdpa_mask)
    refusal = EncoderError(
        f"{name!r} does not let its attention be replaced: use method=ntk or interpolate"
    )
    frequencies = rotaries[0].frequencies()
    if any(not torch.equal(one.frequencies(), frequencies) for one in rotaries[1:]):
        raise refusal
    far = Far(options.trained or 0, options.near or 0, frequencies)
    before = model.config._attn_implementation
    try:
        model.set_attn_implementation(NAME)
    except (ValueError, AttributeError) as error:
        raise refusal from error
    here, there = (_queries(model, far, shift) for shift in (0, _PROBE_SHIFT))
    shift = np.full(_PROBE_TOKENS, _PROBE_SHIFT)
    if here is not None and there is not None:
        for layout in LAYOUTS:
            turned = turn(here, shift, frequencies, layout)
            if torch.allclose(turned, there, atol=1e-3, rtol=1e-3):
                return replace(far, layout=layout)
    model.set_attn_implementation(before)
    raise refusal


def _queries(model: nn.Module, far: Far, shift: int) -> Tensor | None:
    """Give the queries of the first layer for a short text that begins at a place."""
    places = np.arange(_PROBE_TOKENS, dtype=np.int64)[None] + shift
    seen: list[Tensor] = []
    with torch.inference_mode(), reads(Reading(places, [_PROBE_TOKENS], far, seen)):
        ids = torch.arange(_PROBE_TOKENS)[None]
        model(input_ids=ids, attention_mask=torch.ones_like(ids))
    return seen[0] if seen else None


def turn(states: Tensor, positions: Any, frequencies: Tensor, layout: str) -> Tensor:
    """Turn queries or keys by positions.

    Parameters
    ----------
    states : tensor (..., t, d)
    positions : int64 (t,)
    frequencies : tensor (r / 2,)
        Of the first r of the d dimensions; the others stay.
    layout : {"halves", "pairs"}
        Whether dimension j is turned with j + r / 2, or 2j with 2j + 1.

    Examples
    --------
    >>> x = torch.tensor([[1.0, 0.0]])
    >>> turn(x, np.array([1]), torch.tensor([torch.pi / 2]), "halves").round().tolist()
    [[-0.0, 1.0]]
    """
    places = torch.as_tensor(np.asarray(positions, dtype=np.float64))
    angles = places[:, None] * frequencies.to(torch.float64)[None]
    cos, sin = angles.cos().to(states.dtype), angles.sin().to(states.dtype)
    size = 2 * len(frequencies)
    turned, rest = states[..., :size], states[..., size:]
    if layout == "halves":
        one, two = turned[..., : size // 2], turned[..., size // 2 :]
        parts = [one * cos - two * sin, two * cos + one * sin, rest]
        return torch.cat(parts, dim=-1)
    one, two = turned[..., 0::2], turned[..., 1::2]
    pairs = torch.stack([one * cos - two * sin, two * cos + one * sin], dim=-1)
    return torch.cat([pairs.flatten(-2), rest], dim=-1)


def two_distance_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    positions: Any,
    allowed: Tensor | None,
    *,
    scaling: float,
    frequencies: Tensor,
    layout: str,
    group: int,
    near: int,
) -> Tensor:
    """Attend within one text: exact distances below `near`, grouped ones from there on.

    Parameters
    ----------
    query, key, value : tensor (h, t, d)
        Turned to exact positions.
    positions : int64 (t,)
    allowed : bool tensor (1, t, t) or (t, t), optional
        False where a query may not look.
    scaling : float
    frequencies, layout
        As in `turn`.
    group, near : int
        As in `isogloss.encoders.positions.far_positions`.

    Returns
    -------
    tensor (h, t, d)
    """
    places = np.asarray(positions, dtype=np.int64)
    keys, behind, ahead = far_positions(places, group, near)
    far_key = turn(key, keys - places, frequencies, layout).transpose(-1, -2)
    back = turn(query, behind - places, frequencies, layout)
    forward = turn(query, ahead - places, frequencies, layout)
    near_key = key.transpose(-1, -2)
    place = torch.from_numpy(places)
    out = torch.empty_like(query)
    for start in range(0, len(places), _QUERY_BLOCK):
        rows = slice(start, start + _QUERY_BLOCK)
        distance = place[rows, None] - place[None]
        far = torch.where(distance > 0, back[:, rows] @ far_key, forward[:, rows] @ far_key)
        scores = torch.where(distance.abs() < near, query[:, rows] @ near_key, far) * scaling
        if allowed is not None:
            scores = scores.masked_fill(~allowed[..., rows, :], torch.finfo(scores.dtype).min)
        out[:, rows] = torch.softmax(scores, dim=-1) @ value
    return out


def _attend(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    **more: Any,
) -> tuple[Tensor, None]:
    """Attend as transformers asks it: (b, h, t, d) in, (b, t, h, d) out."""
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    reading = reading_now()
    far = reading.far if reading else None
    whole = more.get("sliding_window") is None
    if reading is None or far is None or not whole:
        lengths: list[int] = []
    else:
        lengths = reading.lengths
        if reading.seen is not None:
            reading.seen.append(query[0])
    long = [row for row, n in enumerate(lengths) if far is not None and n > far.trained]
    short = [row for row in range(len(query)) if row not in long]
    if reading is None or far is None or not long:
        given = (query, key, value, attention_mask)
        return sdpa_attention_forward(module, *given, scaling=scaling, **more)[0], None
    out = query.new_empty(query.shape[0], query.shape[2], query.shape[1], value.shape[3])
    if short:
        mask = attention_mask
        if mask is not None and len(mask) > 1:
            mask = mask[short]
        given = (query[short], key[short], value[short], mask)
        out[short] = sdpa_attention_forward(module, *given, scaling=scaling, **more)[0]
    heads = query.shape[1] // key.shape[1]
    for row in long:
        length = lengths[row]
        found = two_distance_attention(
            query[row],
            key[row].repeat_interleave(heads, dim=0),
            value[row].repeat_interleave(heads, dim=0),
            reading.positions[row],
            _allowed(module, attention_mask, row, query.shape[2], more.get("is_causal")),
            scaling=query.shape[3] ** -0.5 if scaling is None else scaling,
            frequencies=far.frequencies,
            layout=far.layout,
            group=group_size(length, far.trained, far.near),
            near=far.near,
        )
        out[row] = found.transpose(0, 1)
    return out, None


def _allowed(
    module: Any, mask: Tensor | None, row: int, tokens: int, causal: bool | None
) -> Tensor | None:
    if mask is not None:
        one = mask[row if len(mask) > 1 else 0]
        return one if one.dtype == torch.bool else one >= 0
    if module.is_causal if causal is None else causal:
        return torch.ones(tokens, tokens, dtype=torch.bool).tril()
    return None
