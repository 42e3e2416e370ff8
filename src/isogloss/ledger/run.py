"""Runs systems and keeps what came of them."""

import os
import platform
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from isogloss._core.errors import ParameterError
from isogloss._core.events import Event, OnEvent, ignore
from isogloss._core.files import storage_errors
from isogloss.ledger import record
from isogloss.ledger.catalogue import CATALOGUE
from isogloss.ledger.data import digests, find_data, need_sets
from isogloss.ledger.registry import built, load, title
from isogloss.ledger.system import Context, System

STATES = {
    "holds": "reproduced: holds",
    "holds in part": "reproduced: holds in part",
    "does not hold": "reproduced: does not hold",
}


def results_folder(named: str | Path | None = None) -> Path:
    """Give the folder in which results are kept.

    Parameters
    ----------
    named : path, optional
        The folder itself; else ``ledger`` in ``ISOGLOSS_CACHE`` or ``~/.cache/isogloss``.

    Examples
    --------
    >>> results_folder("mine").name
    'mine'
    """
    if named is not None:
        return Path(named).expanduser()
    if stated := os.environ.get("ISOGLOSS_CACHE"):
        return Path(stated).expanduser() / "ledger"
    base = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    return base / "isogloss" / "ledger"


def listing(*, results: str | Path | None = None) -> list[dict[str, Any]]:
    """List every system of the ledger, built or not.

    Parameters
    ----------
    results : path, optional
        Folder of one's own results, see `results_folder`; where it has none of a system, the
        result that comes with the package counts.

    Returns
    -------
    list of dict
        ``system``, ``paper`` (title of the work), ``claim``, ``data``, ``budget_seconds``,
        ``sheet``, ``built``, ``state`` and ``measured_by`` (``"you"``, ``"the project"`` or None).
        A system that is not built yet has no claim, data and budget.

    Examples
    --------
    >>> [entry["state"] for entry in listing() if entry["system"] == "kalm-v2"]
    ['not built']
    """
    ready = built()
    entries = []
    for name in [*CATALOGUE, *(one for one in ready if one not in CATALOGUE)]:
        work, sheet = title(name)
        entry: dict[str, Any] = {
            "system": name,
            "paper": work,
            "claim": None,
            "data": [],
            "budget_seconds": None,
            "sheet": sheet,
            "built": name in ready,
            "state": "not built",
            "measured_by": None,
        }
        if name in ready:
            system = load(name)
            entry["claim"] = system.claim
            entry["data"] = list(system.data)
            entry["budget_seconds"] = system.budget_seconds
            entry["state"] = "not yet run"
            own = record.read(results_folder(results), name)
            if own is not None and own["inputs"].get("limit") is not None:
                own = None  # a trial run decides nothing
            found = own or record.read(record.SHIPPED, name)
            if found:
                entry["state"] = STATES[found["verdict"]]
                entry["measured_by"] = "you" if own else "the project"
        entries.append(entry)
    return entries


def reproduce(
    names: Iterable[str] = (),
    *,
    data: str | Path | None = None,
    results: str | Path | None = None,
    fresh: bool = False,
    limit: int | None = None,
    on_event: OnEvent = ignore,
) -> list[dict[str, Any]]:
    """Run systems on real data, and give claim, paper's figures and ours.

    Each result is written as soon as it is there; a system that has a result of the same inputs
    (versions, data, encoders, seeds) is not run again. Names, data and limit are checked before
    anything runs.

    Parameters
    ----------
    names : iterable of str
        Ids; none means every system that is built.
    data : path, optional
        Folder of the data sets, see `isogloss.ledger.data.find_data`.
    results : path, optional
        Where results are kept, see `results_folder`.
    fresh : bool, default False
        Run again, whatever is there.
    limit : int, optional
        Most texts of a set, for a trial. Marked in the result, which decides nothing then.
    on_event : callable
        Takes progress.

    Returns
    -------
    list of dict
        One a system in the order of the names, as `isogloss.ledger.record` describes.

    Raises
    ------
    ParameterError
        For an unknown system, or one that is not built yet.
    MissingData
        When a data set is not there.

    Examples
    --------
    >>> reproduce(["kalm-v2"])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    isogloss._core.errors.ParameterError: the system 'kalm-v2' is not built yet; built: ...
    """
    if isinstance(names, str):
        raise ParameterError(f"names takes a list of ids, not one: give [{names!r}]")
    if limit is not None and limit < 1:
        raise ParameterError(f"limit is {limit}; it must be at least 1")
    systems = [load(name) for name in dict.fromkeys(names)] or [load(name) for name in built()]
    folder = find_data(data) if any(system.data for system in systems) else Path()
    for system in systems:
        need_sets(folder, system.data, system=system.id)
    kept = results_folder(results)
    _make_folder(kept)
    return [
        _result(system, folder, kept, fresh=fresh, limit=limit, on_event=on_event)
        for system in systems
    ]


def _make_folder(folder: Path) -> None:
    """Make the folder of results before minutes are spent on what could not be kept."""
    try:
        with storage_errors(f"results into {folder}"):
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ParameterError(
            f"cannot keep results in {folder}: {error.strerror}; give a folder with --results"
        ) from error


def _result(
    system: System, data: Path, kept: Path, *, fresh: bool, limit: int | None, on_event: OnEvent
) -> dict[str, Any]:
    inputs = _inputs(system, data, limit)
    before = None if fresh else record.read(kept, system.id)
    if before is not None and before["inputs"] == inputs:
        message = f"{system.id}: measured before on the same inputs; --fresh measures again"
        on_event(Event(system.id, message=message, level="info"))
        return before
    minutes = max(1, round(system.budget_seconds / 60))
    message = f"{system.id}: measuring, within {minutes} min"
    on_event(Event(system.id, message=message, level="info"))
    context = Context(
        data, kept / "cache", seeds=system.seeds, limit=limit, on_event=_named(system.id, on_event)
    )
    wall, cpu = time.perf_counter(), time.process_time()
    outcome = system.run(context)
    run = _machine(time.perf_counter() - wall, time.process_time() - cpu)
    result = record.make(system, outcome, inputs, run)
    record.write(kept, result)
    if limit is None and run["seconds"] > system.budget_seconds:
        message = (
            f"{system.id} took {run['seconds']:.0f} s, more than the {system.budget_seconds} s "
            "it should: the result is kept"
        )
        on_event(Event(system.id, message=message, level="warning"))
    return result


def _inputs(system: System, data: Path, limit: int | None) -> dict[str, Any]:
    from isogloss import __version__
    from isogloss.encoders.spec import load_encoder

    return {
        "isogloss": __version__,
        "version": system.version,
        "seeds": list(system.seeds),
        "limit": limit,
        "encoders": {spec: load_encoder(spec).fingerprint for spec in system.encoders},
        "data": digests(data, system.data),
    }


def _named(system: str, on_event: OnEvent) -> OnEvent:
    def forward(event: Event) -> None:
        on_event(
            Event(
                f"{system}, {event.stage}",
                event.done,
                event.total,
                event.unit,
                event.message,
                event.level,
            )
        )

    return forward


def _machine(seconds: float, cpu_seconds: float) -> dict[str, Any]:
    from isogloss._core.threads import thread_count
    from isogloss.build.report import peak_rss_mb

    return {
        "seconds": round(seconds, 3),
        "cpu_seconds": round(cpu_seconds, 3),
        "peak_rss_mb": peak_rss_mb(),
        "threads": thread_count(),
        "cores": os.cpu_count(),
        "machine": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "date": datetime.now(UTC).date().isoformat(),
    }
