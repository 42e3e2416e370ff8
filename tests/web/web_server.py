"""`isogloss explore` as a process."""

import contextlib
import http.client
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time


class Server:
    """A server of an atlas on a free port, ended with the block."""

    def __init__(self, folder, *arguments, **environment):
        self.log = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed with the server
        self.process = subprocess.Popen(
            [sys.executable, "-m", "isogloss", "explore", str(folder), "--no-browser",
             "--port", "0", *arguments],
            stderr=self.log, env={**os.environ, **environment},
        )  # fmt: skip
        end = time.monotonic() + 300
        while not (found := re.search(r"http://[^/]*:(\d+)/", self.told())):
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(self.told())
            time.sleep(0.02)
        self.port = int(found[1])

    def told(self):
        self.log.seek(0)
        return self.log.read()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(120)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()

    def ask(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
        try:
            sent = {"content-type": "application/json"} if body is not None else {}
            content = None if body is None else json.dumps(body)
            connection.request(method, path, content, sent | (headers or {}))
            reply = connection.getresponse()
            return reply.status, reply.read()
        finally:
            connection.close()

    def get(self, path):
        status, content = self.ask("GET", path)
        assert status == 200, content
        return json.loads(content)

    def post(self, path, body):
        status, content = self.ask("POST", path, body)
        assert status == 200, content
        return json.loads(content)

    def try_post(self, path, body):
        with contextlib.suppress(OSError, http.client.HTTPException):  # it is killed meanwhile
            self.ask("POST", path, body)

    def raw(self, data, *, wait=120.0):
        """Send bytes as they are; give what comes back until the server closes, as it must."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=wait) as connection:
            connection.sendall(data)
            parts = []
            while part := connection.recv(65536):
                parts.append(part)
            return b"".join(parts)
