"""Pushes that are killed at any moment go on, and what comes of them equals an unbroken one."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from isogloss.atlas import Atlas
from isogloss.remote.atlas import RemoteAtlas
from isogloss.remote.push import push

pytestmark = pytest.mark.slow

PUSH = """
import sys
from isogloss.atlas import Atlas
from isogloss.remote.push import push
def say(event):
    print(event.stage, event.done, flush=True)
push(Atlas.open(sys.argv[1]), sys.argv[2], batch_rows=3, on_event=say)
"""


@pytest.fixture(scope="module", params=["postgres", "qdrant"])
def place(request, tmp_path_factory):
    if request.param == "postgres":
        return f"{request.getfixturevalue('pgvector_url')}/killed"
    pytest.importorskip("qdrant_client")
    return f"qdrant+path://{tmp_path_factory.mktemp('q')}/killed"


def test_killed_pushes_go_on(place, tmp_path):
    rng = np.random.default_rng(0)
    words = "cat dog cow hen owl bee ant elk fox bat".split()
    texts = [" ".join(rng.choice(words, 7)) for _ in range(600)]
    atlas = Atlas.build(texts, tmp_path / "k.atlas", encoder="lexical")
    kills = done = 0
    while kills < 8:
        run = subprocess.Popen(
            [sys.executable, "-c", PUSH, str(atlas.path), place], stdout=subprocess.PIPE, text=True
        )
        began = False
        for line in run.stdout:
            if line.startswith("push"):
                began, done = True, int(line.split()[1])
                break
        if not began:
            assert run.wait() == 0
            break
        time.sleep(float(rng.random()) * 0.15)
        os.kill(run.pid, signal.SIGKILL)
        run.stdout.close()
        run.wait()
        kills += 1
    assert kills >= 3 and done
    push(atlas, place)
    with RemoteAtlas(place) as there:
        assert there._backend.stored() == len(there) == 600
        for mode in ("vector", "text"):
            hits = there.search("fox and owl", k=600, mode=mode).hits
            assert len({hit.passage for hit in hits}) == len(hits)
        here = atlas.search("fox and owl", k=600, mode="vector").hits
        found = there.search("fox and owl", k=600, mode="vector").hits
        assert [h.score for h in found] == pytest.approx([h.score for h in here], abs=1e-6)
    if place.startswith("postgres"):
        import psycopg

        with psycopg.connect(place.rpartition("/")[0]) as link:
            query = "SELECT count(DISTINCT passage) FROM isogloss_words_killed"
            assert link.execute(query).fetchone()[0] == 600
