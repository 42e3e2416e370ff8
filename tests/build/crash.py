"""What the crash tests share: a corpus, a build in a process of its own, and what must be equal."""

import json
import os
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

SUBJECTS = {
    "space": "rocket orbit launch satellite moon shuttle nasa probe lander telescope",
    "hockey": "goalie puck team game overtime playoff coach season ice rink",
    "cars": "engine brake wheel dealer mileage clutch tyre gearbox exhaust sedan",
    "crypto": "key cipher encryption secret protocol chip algorithm attack signature hash",
    "medicine": "patient doctor disease drug symptom therapy dose infection trial vaccine",
}


def write_corpus(path, documents, *, start=0):
    """Write documents of five subjects, several shards of them."""
    rng = np.random.default_rng(7)
    names = sorted(SUBJECTS)
    common = "the a of and to in is it that this with for on was as".split()
    rows = []
    for number in range(start + documents):
        label = names[int(rng.integers(len(names)))]
        words = rng.choice(SUBJECTS[label].split(), 8).tolist() + rng.choice(common, 10).tolist()
        rows.append((f"doc{number}", " ".join(rng.permutation(words).tolist()), label, number))
    rows = rows[start:]
    columns = [list(column) for column in zip(*rows, strict=True)]
    pq.write_table(pa.table(dict(zip(["id", "text", "label", "n"], columns, strict=True))), path)


def start_build(source, atlas, *more, threads=None):
    """Start a build in a process of its own."""
    env = dict(os.environ)
    if threads is not None:
        env["ISOGLOSS_THREADS"] = env["OMP_NUM_THREADS"] = str(threads)
    command = [
        sys.executable,
        "-m",
        "isogloss",
        "build",
        "--encoder",
        "lsa",  # the one that learns from the source: it has the most to resume
        str(source),
        "-o",
        str(atlas),
        "-q",
        *more,
    ]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env)


def finish(process):
    out, err = process.communicate(timeout=900)
    assert process.returncode == 0, err.decode()
    return out


def outcome(atlas, folder):
    """Everything that must be equal: assignments as bytes, topics, vectors."""
    from isogloss.atlas import Atlas

    opened = Atlas.open(atlas)
    target = folder / f"{atlas.name}.parquet"
    opened.write_assignments(target)
    assignments = pq.read_table(target)
    vectors = [batch.column("vector").flatten().to_numpy() for batch in opened.passages(["vector"])]
    buffer = pa.BufferOutputStream()
    with pa.ipc.new_stream(buffer, assignments.schema) as stream:
        stream.write_table(assignments.combine_chunks())
    return {
        "assignments": buffer.getvalue().to_pybytes(),
        "topics": json.dumps(opened.topics.to_json(), sort_keys=True),
        "input": opened.manifest.input_digest,
        "vectors": np.concatenate(vectors).tobytes(),
    }
