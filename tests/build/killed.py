"""Run something in a process of its own that kills itself at a certain call."""

import os
import subprocess
import sys

DRIVER = """
import os, signal, sys
from importlib import import_module
place, when, call, code = sys.argv[1:5]
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
exec(code, {"argv": sys.argv[5:]})
"""


def killed_in(code, place, when, call, *argv):
    """Run code (with `argv`) that dies "before" or "after" the n-th call of a function.

    `place` is where the function is looked up when it is called. Gives return code and stderr.
    """
    command = [sys.executable, "-c", DRIVER, place, when, str(call), code, *map(str, argv)]
    done = subprocess.run(
        command, env=dict(os.environ), capture_output=True, check=False, timeout=900
    )
    return done.returncode, done.stderr.decode()
