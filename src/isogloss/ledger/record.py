"""Results on disk: one JSON file a system.

``measured``, ``verdict`` and ``inputs`` are what two runs can be compared by; what belongs to one
run on one machine (seconds, memory, cores, date) stands apart in ``run``.
"""

import json
from pathlib import Path
from typing import Any

from isogloss._core.errors import StorageError
from isogloss._core.files import storage_errors, write_json
from isogloss.ledger.registry import title
from isogloss.ledger.system import Outcome, System

FORMAT = 1
# Results that come with the package: what the project itself measured.
SHIPPED = Path(__file__).parent / "results"
_NEEDED = {"format", "system", "claim", "paper", "measured", "verdict", "holds", "seeds", "inputs",
           "seconds"}  # fmt: skip


def make(
    system: System, outcome: Outcome, inputs: dict[str, Any], run: dict[str, Any]
) -> dict[str, Any]:
    """Put a result together.

    Parameters
    ----------
    system : System
    outcome : Outcome
    inputs : dict
        What decides the figures: versions, digests of data, fingerprints of encoders, seeds.
    run : dict
        What belongs to this run only; has ``seconds``.

    Returns
    -------
    dict
        As it is written, and as ``isogloss reproduce --json`` prints it.
    """
    work, sheet = title(system.id)
    return {
        "format": FORMAT,
        "system": system.id,
        "title": work,
        "sheet": sheet,
        "claim": system.claim,
        "paper": {name: figure.to_json() for name, figure in system.paper.items()},
        "measured": {name: figure.to_json() for name, figure in outcome.measured.items()},
        "verdict": outcome.verdict,
        "holds": outcome.holds,
        "rule": system.rule,
        "reasons": list(outcome.reasons),
        "limits": list(outcome.limits),
        "seeds": list(system.seeds),
        "budget_seconds": system.budget_seconds,
        "encoders": dict(sorted(outcome.encoders.items())),
        "inputs": inputs,
        "seconds": run["seconds"],
        "run": run,
    }


def write(folder: Path, result: dict[str, Any]) -> Path:
    """Write a result, atomically, and give its path."""
    path = folder / f"{result['system']}.json"
    with storage_errors(f"the result of {result['system']}"):
        folder.mkdir(parents=True, exist_ok=True)
        write_json(path, result)
    return path


def read(folder: Path, name: str) -> dict[str, Any] | None:
    """Read the result of a system.

    Parameters
    ----------
    folder : Path
    name : str
        Id of the system.

    Returns
    -------
    dict or None
        None when there is no file.

    Raises
    ------
    StorageError
        When the file is damaged or was written by a newer version.

    Examples
    --------
    >>> read(Path("/no/such/folder"), "luxical") is None
    True
    """
    path = folder / f"{name}.json"
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise StorageError(f"{path} is damaged: remove it and run {name} again") from error
    if isinstance(result, dict) and isinstance(result.get("format"), int):
        if result["format"] > FORMAT:
            raise StorageError(
                f"{path} has format {result['format']}, this version reads up to {FORMAT}: "
                "use the isogloss that wrote it, or remove it"
            )
        if result.keys() >= _NEEDED:
            return result
    raise StorageError(f"{path} is damaged: remove it and run {name} again")


def comparable(result: dict[str, Any]) -> dict[str, Any]:
    """Give a result without what no second run gives again: times, machine, date.

    Examples
    --------
    >>> comparable({"seconds": 3, "run": {}, "measured": {"x": {"timed": True}}, "holds": True})
    {'measured': {}, 'holds': True}
    """
    kept = {key: value for key, value in result.items() if key not in ("seconds", "run", "reasons")}
    kept["measured"] = {
        name: figure for name, figure in result["measured"].items() if not figure["timed"]
    }
    return kept
