"""Qdrant's REST interface over its client's local mode: real requests, real answers, no server.

It stands where no server can be had. It checks keys and counts requests; it knows the calls that
we make and answers all others with 404.
"""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from qdrant_client import QdrantClient, models

KEY = "hunter2"


class Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def reply(self, result, status=200):
        body = json.dumps({"result": result, "status": "ok", "time": 0.0}).encode()
        if status != 200:
            body = json.dumps({"status": {"error": result}, "time": 0.0}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def handle_call(self):
        size = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(size)) if size else {}
        server = self.server
        server.sizes.append(size)
        if self.headers.get("api-key") != KEY:
            return self.reply(f"Invalid API key {self.headers.get('api-key')}", 401)
        path, _, options = self.path.partition("?")
        name, rest = re.fullmatch(r"/collections/([^/]+)(/.*)?", path).groups()
        call = f"{self.command} {rest or ''}".strip()
        server.calls.append((call, body, options))
        with server.lock:
            found = getattr(self, ANSWERS.get(call, "unknown"))(server.client, name, body)
        return self.reply(*found) if isinstance(found, tuple) else self.reply(found)

    def unknown(self, client, name, body):
        return "Not found", 404

    def exists(self, client, name, body):
        return {"exists": client.collection_exists(name)}

    def make(self, client, name, body):
        dense, sparse = body["vectors"], body.get("sparse_vectors") or {}
        if "size" in dense:
            vectors = models.VectorParams(**dense)
        else:
            vectors = {key: models.VectorParams(**value) for key, value in dense.items()}
        words = {key: models.SparseVectorParams(**value) for key, value in sparse.items()}
        return client.create_collection(name, vectors, words or None)

    def remove(self, client, name, body):
        return client.delete_collection(name)

    def index(self, client, name, body):
        assert set(body) >= {"field_name", "field_schema"}
        return {"operation_id": 0, "status": "completed"}

    def put(self, client, name, body):
        client.upsert(name, [models.PointStruct(**point) for point in body["points"]])
        return {"operation_id": 0, "status": "completed"}

    def get(self, client, name, body):
        found = client.retrieve(name, body["ids"])
        return [point.model_dump(mode="json") for point in found]

    def count(self, client, name, body):
        given = body.get("filter")
        return {"count": client.count(name, given and models.Filter(**given)).count}

    def query(self, client, name, body):
        query, given = body["query"], body.get("filter")
        if isinstance(query, dict):
            nearest = query.get("nearest", query)
            query = models.SparseVector(**nearest) if isinstance(nearest, dict) else nearest
        points = client.query_points(
            name, query=query, using=body["using"], limit=body["limit"],
            query_filter=given and models.Filter(**given),
        ).points  # fmt: skip
        return {"points": [point.model_dump(mode="json") for point in points]}

    def scroll(self, client, name, body):
        given = body.get("filter")
        points, after = client.scroll(
            name, given and models.Filter(**given), limit=body["limit"], offset=body.get("offset")
        )
        listed = [point.model_dump(mode="json") for point in points]
        return {"points": listed, "next_page_offset": after}


for _method in ("GET", "PUT", "POST", "DELETE"):
    setattr(Answers, f"do_{_method}", Answers.handle_call)

ANSWERS = {
    "GET /exists": "exists",
    "PUT": "make",
    "DELETE": "remove",
    "PUT /index": "index",
    "PUT /points": "put",
    "POST /points": "get",
    "POST /points/count": "count",
    "POST /points/query": "query",
    "POST /points/scroll": "scroll",
}


def start():
    """Start it on a free port of this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.client = QdrantClient(":memory:")
    server.lock, server.calls, server.sizes = threading.Lock(), [], []
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    return server, thread
