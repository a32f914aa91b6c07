"""As much of S3 as reading takes: a loopback server that answers HEAD and ranged GET for objects in memory."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Storage(ThreadingHTTPServer):
    """Objects by `/bucket/key`. `asked` are the requests so far."""

    daemon_threads = True

    def __init__(self, objects: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.objects, self.asked = objects, list[tuple[str, str]]()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Storage
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, body: bool) -> None:
        span = self.headers.get("Range", "")
        self.server.asked.append((self.command, span))
        whole = self.server.objects.get(self.path.partition("?")[0])
        if whole is None or "Credential=reader/" not in self.headers.get("Authorization", ""):
            self._send(404 if whole is None else 403, b"")
            return
        part = whole
        if span:
            first, last = (int(n) for n in span.removeprefix("bytes=").split("-"))
            part = whole[first : last + 1]
        self._send(206 if span else 200, part, body)

    def _send(self, status: int, content: bytes, body: bool = True) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", '"one"')
        self.send_header("Last-Modified", "Mon, 07 Oct 2013 00:00:00 GMT")
        self.end_headers()
        if body:
            self.wfile.write(content)

    def log_message(self, *words: object) -> None:
        """Keep silent."""


@contextmanager
def serving(objects: dict[str, bytes]) -> Iterator[Storage]:
    """Run it in a thread."""
    with Storage(objects) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
