"""Arithmetic and tables of `filtered_search.py`."""

import numpy as np

ENOUGH = 0.95  # recall that an engine must reach in a cell
EXACT = "numpy"
OURS = "isogloss"


def contenders(sweep, most=2, near=1.5):
    """Give the settings to time: the fastest that reach the recall, else the best in recall.

    Parameters
    ----------
    sweep : list of dict
        ``setting``, ``recall`` and ``per_second`` of every setting.
    most : int
        Settings at most.
    near : float
        A setting this many times slower than the fastest is not timed again.

    Examples
    --------
    >>> contenders([{"setting": 1, "recall": 0.5, "per_second": 9.0},
    ...             {"setting": 2, "recall": 0.97, "per_second": 2.0},
    ...             {"setting": 3, "recall": 0.99, "per_second": 3.0}], most=1)
    [3]
    >>> contenders([{"setting": 1, "recall": 0.5, "per_second": 9.0},
    ...             {"setting": 2, "recall": 0.6, "per_second": 2.0}])
    [2]
    """
    enough = [one for one in sweep if one["recall"] >= ENOUGH]
    if enough:
        enough.sort(key=lambda one: -one["per_second"])
        least = enough[0]["per_second"] / near
        return [one["setting"] for one in enough[:most] if one["per_second"] >= least]
    return [max(sweep, key=lambda one: (one["recall"], one["per_second"]))["setting"]]


def settled(sweep):
    """Tell whether settings that are slower and surer need not be swept any more.

    >>> settled([{"recall": 0.9}, {"recall": 0.96}, {"recall": 0.97}])
    True
    >>> settled([{"recall": 0.9}, {"recall": 0.96}])
    False
    """
    return sum(one["recall"] >= ENOUGH for one in sweep) >= 2


def fastest(engines, *, without=()):
    """Name the engine of a cell with the highest median speed among those that reach the recall.

    Parameters
    ----------
    engines : dict of str to dict
        ``recall`` and ``rounds`` (queries a second, one number a round) of every engine.
    without : container of str
        Engines that do not count.

    Returns
    -------
    str or None

    Examples
    --------
    >>> fastest({"a": {"recall": 1.0, "rounds": [3, 1, 2]}, "b": {"recall": 0.9, "rounds": [9]}})
    'a'
    """
    able = {
        name: float(np.median(found["rounds"]))
        for name, found in engines.items()
        if name not in without and found["recall"] >= ENOUGH
    }
    return max(able, key=able.get) if able else None


def ratios(one, other):
    """Give the ratios of two engines' speeds round by round: smallest, median, largest.

    >>> ratios([2.0, 4.0, 9.0], [1.0, 4.0, 3.0])
    [1.0, 2.0, 3.0]
    """
    found = np.asarray(one) / np.asarray(other)
    return [float(found.min()), float(np.median(found)), float(found.max())]


def per_second(seconds):
    """Give queries a second.

    >>> per_second([0.5, 0.25, 0.25])
    3.0
    """
    return len(seconds) / max(sum(seconds), 1e-9)


def p95_ms(seconds):
    """Give the time that 19 in 20 queries stay under, in milliseconds.

    >>> p95_ms([0.001] * 95 + [1.0] * 5)
    1.0
    """
    return float(np.quantile(seconds, 0.95, method="inverted_cdf")) * 1000


def compare(engines):
    """Compare ours with the fastest peer that reaches the recall, and with plain exact search.

    Returns
    -------
    dict
        ``peer`` (a name or None), ``to_peer`` and ``to_exact`` (smallest, median and largest
        ratio of a round, above 1 when ours is faster), where both were measured.
    """
    peer = fastest(engines, without=(OURS, EXACT))
    told = {"peer": peer, "to_peer": None, "to_exact": None}
    if OURS in engines and peer:
        told["to_peer"] = ratios(engines[OURS]["rounds"], engines[peer]["rounds"])
    if OURS in engines and EXACT in engines:
        told["to_exact"] = ratios(engines[OURS]["rounds"], engines[EXACT]["rounds"])
    return told


def verdict(cells, *, least_ratio=0.9):
    """Say of the whole grid what the issue asks for.

    Returns
    -------
    dict of str to list of str
        Cells in which ours has less than the recall, is short, is slower than `least_ratio` of the
        fastest peer (by the median round), or than two thirds of plain exact search.
    """
    failed = {"recall": [], "short": [], "slower_than_peer": [], "slower_than_exact": []}
    for cell in cells:
        ours = cell["engines"].get(OURS)
        if ours is None:
            continue
        to_peer, to_exact = cell["compared"]["to_peer"], cell["compared"]["to_exact"]
        if ours["recall"] < ENOUGH:
            failed["recall"].append(cell["name"])
        if ours["short"] > 0:
            failed["short"].append(cell["name"])
        if to_peer and to_peer[1] < least_ratio:
            failed["slower_than_peer"].append(cell["name"])
        if to_exact and to_exact[1] < 1 / 1.5:
            failed["slower_than_exact"].append(cell["name"])
    return failed


def _setting(setting):
    return ", ".join(f"{key} {value}" for key, value in setting.items()) or "-"


def _speed(rounds):
    low, middle, high = min(rounds), float(np.median(rounds)), max(rounds)
    return f"{middle:,.0f} ({low:,.0f} to {high:,.0f})"


def _ratio(found):
    return "-" if found is None else f"{found[1]:.2f} ({found[0]:.2f} to {found[2]:.2f})"


def table(head, rows):
    """Write a Markdown table."""
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    return "\n".join([*lines, *(f"| {' | '.join(map(str, row))} |" for row in rows)])


def main_table(cells):
    """Write ours beside the fastest peer, a line a cell."""
    head = ["cell", "rows that pass", "lift", "recall@10", "short", "queries/s", "p95 ms",
            "fastest peer at .95", "its setting", "its queries/s", "ours / peer",
            "ours / exact NumPy"]  # fmt: skip
    rows = []
    for cell in cells:
        told, ours = cell["compared"], cell["engines"].get(OURS)
        peer = cell["engines"].get(told["peer"]) if told["peer"] else None
        mine = ["-"] * 4
        if ours:
            mine = [f"{ours['recall']:.3f}", f"{ours['short']:.1%}", _speed(ours["rounds"]),
                    f"{ours['p95_ms']:.2f}"]  # fmt: skip
        theirs = ["none", "-", "-"]
        if peer:
            theirs = [told["peer"], _setting(peer["setting"]), _speed(peer["rounds"])]
        lift = "-" if cell["lift"] is None else f"{cell['lift']:.2f}"
        rows.append(
            [cell["name"], f"{cell['passing']:,}", lift, *mine, *theirs, _ratio(told["to_peer"]),
             _ratio(told["to_exact"])]
        )  # fmt: skip
    return table(head, rows)


def engine_table(cells, names):
    """Write every engine's best setting: recall, queries a second, short lists."""
    rows = []
    for cell in cells:
        row = [cell["name"]]
        for name in names:
            found = cell["engines"].get(name)
            if found is None:
                row.append("-")
                continue
            short = f", {found['short']:.0%} short" if found["short"] else ""
            speed = float(np.median(found["rounds"]))
            mark = "" if found["recall"] >= ENOUGH else "*"
            row.append(f"{found['recall']:.2f}{mark} / {speed:,.0f}{short}")
        rows.append(row)
    return table(["recall@10 / queries a second", *names], rows)


def plan_table(cells):
    """Write what ours chose in each cell, and the recall that it expected beside the measured."""
    rows = []
    for cell in cells:
        ours = cell["engines"].get(OURS) or {}
        if chose := ours.get("chose"):
            ways = ", ".join(f"{name} {n}" for name, n in sorted(chose["strategies"].items()))
            rows.append([cell["name"], f"{cell['passing']:,}", ways,
                         f"{chose['expected_recall']:.3f}", f"{ours['recall']:.3f}",
                         f"{ours['prepare_ms']:.2f}"])  # fmt: skip
    head = ["cell", "rows that pass", "plans", "expected recall", "recall", "filter prepared in ms"]
    return table(head, rows)


def sweep_table(cells, name):
    """Write recall and short lists of every setting of an engine."""
    rows = []
    for cell in cells:
        sweep = cell["engines"].get(name, {}).get("sweep", [])
        rows += [
            [cell["name"], _setting(one["setting"]), f"{one['recall']:.3f}",
             f"{one['short']:.0%}", f"{one['per_second']:,.0f}", one["queries"]]
            for one in sweep
        ]  # fmt: skip
    return table(["cell", "setting", "recall@10", "short", "queries/s, one pass", "queries"], rows)


def cost_table(engines):
    """Write what it costs to build and hold each engine."""
    head = ["engine", "version", "filter", "build s", "threads", "disk MiB", "peak RSS of build",
            "opens in s", "peak RSS of search", "note"]  # fmt: skip
    rows = []
    for name, told in engines.items():
        built = told.get("build") or {}
        rows.append(
            [name, told["version"], told["filter"],
             f"{built['seconds']:.1f}" if built else "-", built.get("threads", "-"),
             f"{built['disk_mb']:.0f}" if built else "-",
             f"{built['rss_mb']:.0f}" if built else "-", f"{told['open']['seconds']:.2f}",
             f"{told['rss_mb']:.0f}", told["note"] or ""]
        )  # fmt: skip
    return table(head, rows)
