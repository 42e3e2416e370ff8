"""Charts of length against accuracy: bars for a terminal, SVG and HTML for a page."""

import html
import math
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["html_chart", "svg_chart", "text_chart"]

_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9")  # safe for the colour-blind
_DASHES = ("", "6 3", "2 3", "8 3 2 3", "1 4")
_WIDTH, _HEIGHT = 640, 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 620, 40, 310

Points = Sequence[Mapping[str, Any]]


def text_chart(points: Points, *, window: int | None = None, width: int = 40) -> list[str]:
    """Draw one bar a length.

    Parameters
    ----------
    points : sequence of mapping
        ``length``, ``value``, ``low`` and ``high``, as in the result of a probe.
    window : int, optional
        Tokens that the encoder reads at once; longer lengths are marked.
    width : int
        Characters of a full bar.

    Returns
    -------
    list of str
        Lines.

    Examples
    --------
    >>> point = {"length": 256, "value": 0.5, "low": 0.4, "high": 0.6}
    >>> text_chart([point, {**point, "length": 512}], window=300, width=8)
    ['   256  ####      50%  (40 to 60)', '   512  ####      50%  (40 to 60)  beyond the window']
    """
    lines = []
    for point in points:
        bar = "#" * round(point["value"] * width)
        line = (
            f"{point['length']:>6}  {bar:<{width}}  {100 * point['value']:.0f}%"
            f"  ({100 * point['low']:.0f} to {100 * point['high']:.0f})"
        )
        if window is not None and point["length"] > window:
            line += "  beyond the window"
        lines.append(line)
    return lines


def svg_chart(
    series: Mapping[str, Points], *, title: str, window: int | None = None, chance: float = 0.0
) -> str:
    """Draw lines with their 95% intervals; lengths on a logarithmic axis.

    Parameters
    ----------
    series : mapping of str to points
        As in `text_chart`; one line each.
    title : str
    window : int, optional
        Drawn as an upright line.
    chance : float
        Drawn as a level line.

    Returns
    -------
    str
        An SVG document that loads nothing.

    Examples
    --------
    >>> point = {"length": 256, "value": 0.5, "low": 0.4, "high": 0.6}
    >>> svg_chart({"passkey": [point]}, title="a < b").count("a &lt; b")
    2
    """
    lengths = sorted({point["length"] for points in series.values() for point in points})
    shown = [*lengths, window] if window is not None else lengths
    low, high = math.log2(min(shown)), math.log2(max(shown))

    def x(length: float) -> float:
        share = (math.log2(length) - low) / (high - low) if high > low else 0.5
        return round(_LEFT + share * (_RIGHT - _LEFT), 1)

    def y(value: float) -> float:
        return round(_BOTTOM - value * (_BOTTOM - _TOP), 1)

    safe = html.escape(title)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{safe}" font-family="sans-serif" font-size="12">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>',
        f'<text x="{_LEFT}" y="22" font-size="14">{safe}</text>',
    ]
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        parts.append(
            f'<path d="M{_LEFT} {y(share)}H{_RIGHT}" stroke="#ddd"/>'
            f'<text x="{_LEFT - 8}" y="{y(share) + 4}" text-anchor="end">{100 * share:.0f}%</text>'
        )
    for length in lengths:
        parts.append(
            f'<text x="{x(length)}" y="{_BOTTOM + 18}" text-anchor="middle">{length}</text>'
        )
    parts.append(
        f'<text x="{(_LEFT + _RIGHT) / 2}" y="{_HEIGHT - 14}" text-anchor="middle">'
        "length of the document</text>"
    )
    if window is not None:
        parts.append(
            f'<path d="M{x(window)} {_TOP}V{_BOTTOM}" stroke="#666" stroke-dasharray="3 3"/>'
            f'<text x="{x(window) + 4}" y="{_TOP + 12}" fill="#444">window</text>'
        )
    if chance:
        parts.append(f'<path d="M{_LEFT} {y(chance)}H{_RIGHT}" stroke="#999"/>')
    for number, (name, points) in enumerate(series.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        line = " ".join(f"{x(point['length'])},{y(point['value'])}" for point in points)
        dash = _DASHES[number % len(_DASHES)]
        parts.append(
            f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2" '
            f'stroke-dasharray="{dash}"/>'
        )
        for point in points:
            where = x(point["length"])
            parts.append(
                f'<path d="M{where} {y(point["low"])}V{y(point["high"])}" stroke="{colour}"/>'
                f'<circle cx="{where}" cy="{y(point["value"])}" r="3" fill="{colour}"/>'
            )
        top = _BOTTOM - 14 - 16 * (len(series) - 1 - number)
        parts.append(f'<text x="{_LEFT + 10}" y="{top}" fill="{colour}">{html.escape(name)}</text>')
    return "\n".join([*parts, "</svg>\n"])


def html_chart(svg: str, series: Mapping[str, Points], *, title: str) -> str:
    """Give a page with the chart and its numbers, which loads nothing from elsewhere.

    Examples
    --------
    >>> point = {"length": 256, "value": 0.5, "low": 0.4, "high": 0.6}
    >>> "<td>256</td>" in html_chart("<svg/>", {"passkey": [point]}, title="x")
    True
    """
    rows = [
        f"<tr><td>{html.escape(name)}</td><td>{point['length']}</td>"
        + "".join(f"<td>{100 * point[key]:.1f}%</td>" for key in ("value", "low", "high"))
        + "</tr>"
        for name, points in series.items()
        for point in points
    ]
    head = "".join(f"<th>{one}</th>" for one in ("task", "length", "accuracy", "low", "high"))
    style = (
        "body{font-family:sans-serif;max-width:46rem;margin:2rem auto}td,th{padding:0 .8rem;"
        "text-align:right}"
    )
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}'
        f"</title><style>{style}</style></head><body>\n{svg}\n<table><tr>{head}</tr>\n"
        + "\n".join(rows)
        + "\n</table></body></html>\n"
    )
