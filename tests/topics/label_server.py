"""A language model that names topics by their keywords, and remembers what it was asked."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY = "sk-secret-0123456789"


SUBJECTS = {
    "space": "rocket orbit launch satellite moon shuttle nasa probe lander telescope",
    "hockey": "goalie puck team game overtime playoff coach season ice rink",
    "cars": "engine brake wheel dealer mileage clutch tyre gearbox exhaust sedan",
    "crypto": "key cipher encryption secret protocol chip algorithm attack signature hash",
    "medicine": "patient doctor disease drug symptom therapy dose infection trial vaccine",
}


def keywords_of(body):
    return body["messages"][-1]["content"].split("\n")[0]


def name_of(body):
    """What an obedient model answers: the first keyword of the question, as a name."""
    questions = [m["content"] for m in body["messages"] if m["content"].startswith("Keywords: ")]
    return "About " + questions[-1].split("\n")[0].removeprefix("Keywords: ").split(",")[0]


def answer(body):
    return {
        "choices": [{"message": {"content": json.dumps({"label": name_of(body)})}}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 10},
    }


def said(text):
    return {"choices": [{"message": {"content": text}}]}


class Server:
    """A chat endpoint whose next answers a test can script."""

    def __init__(self):
        self.requests, self.paths, self.keys, self.script = [], [], [], []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                server.requests.append(body)
                server.paths.append(self.path)
                server.keys.append(self.headers["Authorization"])
                step = server.script.pop(0) if server.script else answer
                status, headers, data = step if isinstance(step, tuple) else (200, {}, step)
                data = data(body) if callable(data) else data
                data = data if isinstance(data, bytes) else json.dumps(data).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.handle_error = lambda *args: None  # clients that went away are part of it
        self.url = f"http://127.0.0.1:{self.http.server_port}/v1"
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.01,))
        self.thread.start()

    def close(self):
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()
