"""Change an atlas over many rounds, and kill the process that does it.

    python benchmarks/upkeep.py rounds --data DIR --rounds 200
    python benchmarks/upkeep.py kills --data DIR --kills 50

`rounds`: posts of 20 Newsgroups, `lexical` vectors. Each round adds, deletes and updates some
hundred documents at random. After it, searches by vector and by words, with and without filters,
are compared with a plain model of what should be there: passage numbers, ids, scores (vectors: one
product of matrices; words: an index of the same rows built anew). Prints the files and bytes of
the atlas against a fresh build of the same rows, and the 95th percentile of the search times.

`kills`: a child changes a small atlas without pause, noting each change before it begins and after
it was acknowledged; it is killed (SIGKILL) at a random moment. The atlas must open, equal the
state before or after the change under way, hold all that was acknowledged, and take more changes.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from upkeep_model import QUERIES, Model, Vectors, check_content, check_searches, make_step

SHOWN = (1, 50, 100, 150, 200)


def newsgroups(data, count=None, *, seed=0):
    """Give posts as rows, in random order."""
    import pyarrow.parquet as pq

    table = pq.read_table(Path(data) / "newsgroups20" / "data.parquet")
    rows = [
        {"id": row["id"], "text": row["text"], "label": row["label"], "n": place}
        for place, row in enumerate(table.select(["id", "text", "label"]).to_pylist())
        if row["text"].strip()
    ]
    random.Random(seed).shuffle(rows)
    return rows[:count]


def begin(pool, folder, *, documents, encoder="lexical"):
    """Build the atlas of the first documents, and the model of it."""
    from isogloss.atlas import Atlas

    atlas = Atlas.build(pool[:documents], folder, text="text", id="id", encoder=encoder)
    model = Model()
    model.add(pool[:documents])
    return atlas, model


def size_of(folder):
    """Count files and bytes below a folder; a file with several names once."""
    stats = [p.stat() for p in Path(folder).rglob("*") if p.is_file()]
    return len(stats), sum({s.st_ino: s.st_size for s in stats}.values())


def run_rounds(pool, scratch, *, documents, rounds, most, every=1, longest=None, say=print):
    """Change and compare; give the figures of the rounds that are shown.

    Goes on where an earlier run in the same folder ended; stops after `longest` seconds.
    """
    began = time.monotonic()
    from isogloss.atlas import Atlas

    noted = scratch / "rounds.json"
    if noted.exists():
        atlas, held = Atlas.open(scratch / "a.atlas"), json.loads(noted.read_text())
        model = Model({one: tuple(row) for one, row in held["rows"].items()}, held["next_passage"])
        first, figures, copied, peak = (held[k] for k in ("turn", "figures", "copied", "peak"))
    else:
        atlas, model = begin(pool, scratch / "a.atlas", documents=documents)
        first, figures, copied, peak = 1, [], 0, (0, 0)
    vectors, seconds, reader = Vectors(atlas.encoder), [], None
    for turn in range(first, rounds + 1):
        if longest is not None and time.monotonic() - began > longest:
            say(f"stopped before round {turn}")
            break
        for part in range(3):
            step = make_step(3 * turn + part, model, pool, most=most)
            before = atlas.manifest.table
            step.run(atlas)
            step.apply(model)
            copied += atlas.manifest.table != before
            peak = tuple(np.maximum(peak, size_of(scratch / "a.atlas")).tolist())
        if turn % every == 0 or turn == rounds:
            check_content(atlas, model)
            asked = (QUERIES * 2)[turn % len(QUERIES) :][:2]
            check_searches(atlas, model, vectors, scratch, seconds=seconds, queries=asked)
        if turn == rounds // 3:  # somebody opens the atlas, and keeps it open for ten rounds
            reader = Atlas.open(scratch / "a.atlas")
            reader_model = Model(dict(model.rows), model.next_passage)
        if reader is not None and turn == rounds // 3 + min(10, rounds // 3):
            check_content(reader, reader_model)
            check_searches(reader, reader_model, vectors, scratch)
            reader = None
        if turn in SHOWN or turn == rounds:
            rows = [dict(zip(("id", "text", "label", "n"), r[1:], strict=True))
                    for r in model.ordered()]  # fmt: skip
            with tempfile.TemporaryDirectory(dir=scratch) as fresh:
                Atlas.build(rows, Path(fresh) / "b.atlas", text="text", id="id", encoder="lexical")
                anew = size_of(Path(fresh) / "b.atlas")
            now = size_of(scratch / "a.atlas")
            late = sorted(seconds[-400:])
            figures.append({
                "round": turn, "passages": len(model.rows), "files": now[0], "mb": now[1] / 1e6,
                "fresh_files": anew[0], "fresh_mb": anew[1] / 1e6,
                "peak_files": peak[0], "peak_mb": peak[1] / 1e6, "copies": copied,
                "p95_ms": 1000 * late[int(0.95 * (len(late) - 1))] if late else float("nan"),
            })  # fmt: skip
            say(json.dumps({key: round(value, 2) for key, value in figures[-1].items()}))
        noted.write_text(json.dumps({
            "turn": turn + 1, "figures": figures, "copied": copied, "peak": peak,
            "rows": model.rows, "next_passage": model.next_passage,
        }))  # fmt: skip
    return figures


def child(folder, pool_file, first, *, most):
    """Change without end, noting each change before it and after."""
    from isogloss.atlas import Atlas
    from isogloss.build import upkeep

    upkeep.MOST_DELETED, upkeep.MOST_FILES = 0.05, 60  # copies are under way often
    pool = json.loads(Path(pool_file).read_text())
    atlas = Atlas.open(folder)
    model = Model(next_passage=atlas.manifest.free_number)
    for batch in atlas.passages(["passage", "id", "text", "label", "n"]):
        for row in batch.to_pylist():
            model.rows[row["id"]] = (row["passage"], row["text"], row["label"], row["n"])
    number = first
    while True:
        step = make_step(number, model, pool, most=most)
        print(f"begin {number}", flush=True)
        step.run(atlas)
        step.apply(model)
        print(f"done {number}", flush=True)
        number += 1


def kill_once(folder, pool, pool_file, model, first, draw, *, most):
    """Start the child, let it make up to three changes, and kill it within or after the next.

    Gives the model, the next number, the changes acknowledged, whether the change under way was
    in, and the seconds that it had.
    """
    from isogloss.atlas import Atlas

    command = [sys.executable, __file__, "child", str(folder), str(pool_file), str(first),
               "--most", str(most)]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    head, took = process.stdout.readline(), 0.6
    for _ in range(draw.randint(0, 3)):
        began = time.monotonic()
        head += process.stdout.readline() + process.stdout.readline()
        took = time.monotonic() - began
    wait = draw.uniform(0, 1.1 * took)
    time.sleep(wait)
    process.send_signal(signal.SIGKILL)
    out, err = process.communicate()
    lines = (head + out).decode().split("\n")
    assert process.returncode == -signal.SIGKILL, err.decode()
    done = [int(line.split()[1]) for line in lines if line.startswith("done ")]
    acknowledged = done[-1] + 1 if done else first
    for number in range(first, acknowledged):
        make_step(number, model, pool, most=most).apply(model)
    after = Model(dict(model.rows), model.next_passage)
    make_step(acknowledged, after, pool, most=most).apply(after)
    atlas = Atlas.open(folder)
    if atlas.manifest.free_number == model.next_passage and len(atlas) == len(model.rows):
        check_content(atlas, model)
        return model, acknowledged, len(done), False, wait
    check_content(atlas, after)  # the change under way was in, though not yet acknowledged
    return after, acknowledged + 1, len(done), True, wait


def run_kills(pool, scratch, *, documents, kills, most, longest=None, seed=0, say=print):
    """Kill at random moments; give how many changes were acknowledged, and how many were in."""
    atlas, model = begin(pool, scratch / "k.atlas", documents=documents)
    vectors = Vectors(atlas.encoder)
    pool_file = scratch / "pool.json"
    pool_file.write_text(json.dumps(pool))
    draw, number, changes, committed = random.Random(seed), 0, 0, 0
    del atlas
    from isogloss.atlas import Atlas

    began = time.monotonic()
    for turn in range(kills):
        if longest is not None and time.monotonic() - began > longest:
            kills = turn
            break
        model, number, done, was_in, wait = kill_once(
            scratch / "k.atlas", pool, pool_file, model, number, draw, most=most
        )
        changes, committed = changes + done, committed + was_in
        asked = QUERIES[turn % len(QUERIES) :][:1]
        opened = Atlas.open(scratch / "k.atlas")
        check_searches(opened, model, vectors, scratch, queries=asked)
        say(f"kill {turn + 1}, {wait:.2f} s into a change: {done} acknowledged, "
            f"{'new' if was_in else 'old'} state, {len(model.rows)} passages, "
            f"{size_of(scratch / 'k.atlas')[0]} files")  # fmt: skip
    # The next change takes away what the kills left.
    atlas = Atlas.open(scratch / "k.atlas")
    step = make_step(number, model, pool, most=most)
    step.run(atlas)
    step.apply(model)
    check_content(atlas, model)
    left = sorted(path.name for path in (scratch / "k.atlas").iterdir())
    say(f"{kills} kills, {changes} changes acknowledged, {committed} in but not acknowledged; "
        f"left in the folder: {', '.join(left)}")  # fmt: skip
    return {"changes": changes, "committed": committed, "left": left}


def main():
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("rounds", "kills"):
        one = commands.add_parser(name)
        one.add_argument("--data", default=os.environ.get("ISOGLOSS_DATA", "../shared/data"))
        one.add_argument("--documents", type=int, default=600 if name == "rounds" else 300)
        one.add_argument("--longest", type=float, help="seconds after which to stop")
        one.add_argument("--most", type=int, default=60 if name == "rounds" else 30)
    commands.choices["rounds"].add_argument("--rounds", type=int, default=200)
    commands.choices["rounds"].add_argument("--every", type=int, default=1)
    commands.choices["rounds"].add_argument("--folder", help="to go on in, run after run")
    commands.choices["kills"].add_argument("--kills", type=int, default=50)
    commands.choices["kills"].add_argument("--seed", type=int, default=0)
    one = commands.add_parser("child")
    one.add_argument("folder")
    one.add_argument("pool")
    one.add_argument("first", type=int)
    one.add_argument("--most", type=int, required=True)
    args = parser.parse_args()
    if args.command == "child":
        child(args.folder, args.pool, args.first, most=args.most)
    with tempfile.TemporaryDirectory() as scratch:
        if args.command == "rounds":
            began = time.process_time()
            run_rounds(newsgroups(args.data), Path(args.folder or scratch),
                       documents=args.documents, rounds=args.rounds, most=args.most,
                       every=args.every, longest=args.longest)  # fmt: skip
            print(f"{time.process_time() - began:.0f} CPU seconds, the comparisons included")
        else:
            run_kills(newsgroups(args.data, 3 * args.documents), Path(scratch),
                      documents=args.documents, kills=args.kills, most=args.most,
                      seed=args.seed, longest=args.longest)  # fmt: skip


if __name__ == "__main__":
    main()
