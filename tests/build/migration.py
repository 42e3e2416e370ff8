"""What the tests of migrations share: a small atlas, and a migration that kills itself."""

import os
import subprocess
import sys

# Where a migration is killed: a name of `POINTS`, and at which call.
POINTS = {
    "first shard": ("isogloss.store.workspace.Workspace.put_arrays", "after", 1),
    "third shard": ("isogloss.store.workspace.Workspace.put_arrays", "before", 3),
    "table": ("isogloss.store.table.create_table", "before", 1),
    "text index": ("isogloss.search.text_index.create_text_index", "before", 1),
    "state": ("isogloss.store.state.publish_state", "before", 1),
    "manifest": ("isogloss.build.reembed.write_manifest", "before", 1),
    "cleaning": ("isogloss.build.reembed.write_manifest", "after", 1),
    "map": ("isogloss.build.migrate.write_manifest", "before", 1),
}

DRIVER = """
import os, signal, sys
from importlib import import_module
place, when, call, atlas, *more = sys.argv[1:]
import isogloss.build.migrate as migrate
owner, name = place.rsplit(".", 1)
try:
    target = import_module(owner)
except ModuleNotFoundError:
    module, kind = owner.rsplit(".", 1)
    target = getattr(import_module(module), kind)
real, calls = getattr(target, name), [0]
def patched(*args, **named):
    calls[0] += 1
    if when == "before" and calls[0] == int(call):
        os.kill(os.getpid(), signal.SIGKILL)
    made = real(*args, **named)
    if when == "after" and calls[0] == int(call):
        os.kill(os.getpid(), signal.SIGKILL)
    return made
setattr(target, name, patched)
migrate.migrate_atlas(atlas, "lexical", re_embed="re-embed" in more, sample=200)
"""


def killed_at(point, atlas, *more):
    """Run a migration to lexical that dies at a point; give its return code."""
    place, when, call = POINTS[point]
    command = [sys.executable, "-c", DRIVER, place, when, str(call), str(atlas), *more]
    done = subprocess.run(
        command, env=dict(os.environ), capture_output=True, check=False, timeout=900
    )
    return done.returncode, done.stderr.decode()
