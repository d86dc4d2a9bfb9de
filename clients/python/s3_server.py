"""A local S3 API for tests: moto behind a lock, because moto looks for an object and writes it in two steps.

`python s3_server.py` prints `listening on http://127.0.0.1:PORT` and serves until its standard input ends. Buckets:
`kindred` keeps the promises of S3; `overwrites` ignores conditions; `two-steps` checks them and writes a moment later.
The latter two must be refused by a probe. Bodies are read before the lock is taken: a stopped client stops nobody else.
"""

from __future__ import annotations

import io
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

BUCKETS = ["kindred", "overwrites", "two-steps"]
PAUSE_S = 0.02

Environ = dict[str, Any]


class QuietHandler(WSGIRequestHandler):
    """Keeps connections open and logs nothing."""

    protocol_version = "HTTP/1.1"

    def log(self, *_: object) -> None:
        """Say nothing."""


class OneAtATime:
    """Gives requests to moto one by one, so that a conditional PUT is one step."""

    def __init__(self) -> None:
        self.app = DomainDispatcherApplication(create_backend_app)
        self.lock = threading.Lock()

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request."""
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        bucket = environ["PATH_INFO"].lstrip("/").split("/")[0]
        if bucket == "overwrites":
            environ.pop("HTTP_IF_NONE_MATCH", None)
        elif bucket == "two-steps" and environ.pop("HTTP_IF_NONE_MATCH", None):
            if self.exists(environ):
                start_response("412 Precondition Failed", [("Content-Length", "0")])
                return []
            time.sleep(PAUSE_S)
        return self.ask(environ, body, start_response)

    def ask(self, environ: Environ, body: bytes, start_response: Callable[..., Any]) -> list[bytes]:
        """Let moto answer, alone."""
        environ["wsgi.input"] = io.BytesIO(body)
        with self.lock:
            return list(self.app(environ, start_response))

    def exists(self, environ: Environ) -> bool:
        """Whether the object is there."""
        head = {**environ, "REQUEST_METHOD": "HEAD", "CONTENT_LENGTH": "0"}
        status: list[str] = []
        self.ask(head, b"", lambda text, *_: status.append(text))
        return status[0].startswith("200")


def main() -> None:
    """Serve until standard input ends, which it does when whoever started this is gone."""
    app = OneAtATime()
    for bucket in BUCKETS:
        make_bucket(app, bucket)
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=QuietHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
    sys.stdin.buffer.read()
    os._exit(0)


def make_bucket(app: OneAtATime, bucket: str) -> None:
    """Create a bucket, as a request of its own."""
    environ = {
        "REQUEST_METHOD": "PUT",
        "PATH_INFO": f"/{bucket}",
        "QUERY_STRING": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "HTTP_HOST": "127.0.0.1",
        "wsgi.url_scheme": "http",
        "wsgi.errors": sys.stderr,
        "CONTENT_LENGTH": "0",
    }
    status: list[str] = []
    app.ask(environ, b"", lambda text, *_: status.append(text))
    if not status[0].startswith("200"):
        raise RuntimeError(f"cannot make the bucket {bucket}: {status[0]}")


if __name__ == "__main__":
    main()
