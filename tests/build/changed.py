"""Documents that tests add, change and delete, and the plain model that says what must be there."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
from crash import SUBJECTS

ROOT = Path(__file__).resolve().parents[2]


def load_benchmark():
    path = ROOT / "benchmarks" / "upkeep.py"
    sys.path.append(str(path.parent))  # it imports a neighbour
    spec = importlib.util.spec_from_file_location("upkeep_benchmark", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


bench = load_benchmark()


def documents(count, *, start=0):
    rng = np.random.default_rng(3)
    names = sorted(SUBJECTS)
    rows = []
    for n in range(start + count):
        label = names[int(rng.integers(len(names)))]
        text = " ".join(rng.choice(SUBJECTS[label].split(), 8).tolist()) + f" word{n}"
        rows.append({"id": f"d{n}", "text": text, "label": label, "n": n})
    return rows[start:]


def rows_of(atlas):
    found = {}
    for batch in atlas.passages(["passage", "id", "text"]):
        for row in batch.to_pylist():
            found[row["id"]] = (row["passage"], row["text"])
    return found


def everything(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(Path(folder).rglob("*"))
        if path.is_file()
    }
