"""The server: this machine alone may ask, for a page or for an answer, and nothing that is asked changes anything.

A request that is not exactly one of the two gets an error of one line. The Host and Origin headers are compared, so
that a page from elsewhere, also one whose name was bound to this address, cannot ask; bodies are small and typed;
whoever is slow is hung up on, and there are only so many at once.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import socket
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import Failure
from .answer import Recognizer
from .digit import centred

LOOPBACK = "127.0.0.1"
LARGEST = 256  # pixels of a drawing's side
BODY = 2 * LARGEST * LARGEST  # bytes of a request, base64 and all
SECONDS = 10  # for a request to arrive
AT_ONCE = 16
PAGE = Path(__file__).with_name("page.html")
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class Refused(Exception):
    """An answer that is an error: its status and one line."""

    def __init__(self, status: HTTPStatus, line: str):
        super().__init__(line)
        self.status = status


class Server(ThreadingHTTPServer):
    """Serves one recognizer on the loopback address."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, recognizer: Recognizer, port: int):
        self.recognizer = recognizer
        self.places = threading.BoundedSemaphore(AT_ONCE)
        self.turn = threading.Lock()  # one answer at a time: each takes milliseconds
        try:
            super().__init__((LOOPBACK, port), Handler)
        except OSError as error:
            raise Failure(f"--port {port}: {error.strerror}; choose another, or 0 for any that is free") from None
        self.hosts = {f"{name}:{self.server_address[1]}" for name in (LOOPBACK, "localhost")}

    def process_request(self, request: Any, client_address: Any) -> None:
        """Hang up where too many are being served already."""
        if not self.places.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve one, and make room for the next."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever hangs up or is slow is no event."""


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: Server
    timeout = SECONDS
    server_version, sys_version = "tinygrad_np", ""
    protocol_version = "HTTP/1.1"

    def handle_one_request(self) -> None:
        """One request and its answer, before a deadline: each byte in time would be late enough."""
        late = threading.Timer(self.timeout * 2, self._hang_up)
        late.daemon = True
        late.start()
        try:
            super().handle_one_request()
        finally:
            late.cancel()

    def _hang_up(self) -> None:
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the terminal is the user's."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What http.server finds wrong by itself, said as we say it."""
        self._send(HTTPStatus(code), "text/plain; charset=utf-8", f"{message or HTTPStatus(code).phrase}\n".encode())

    def do_GET(self) -> None:
        """The page, and what it has to know of the run."""
        self._answer({"/": self._page, "/about": self._about})

    def do_POST(self) -> None:
        """An answer."""
        self._answer({"/answer": self._recognized})

    def _answer(self, known: dict[str, Any]) -> None:
        try:
            self._check_asker()
            if self.path not in known:
                other = {"/", "/about", "/answer"} - set(known)
                status = HTTPStatus.METHOD_NOT_ALLOWED if self.path in other else HTTPStatus.NOT_FOUND
                raise Refused(status, f"{self.command} {self.path[:80]}: expected GET / or POST /answer")
            kind, body = known[self.path]()
            self._send(HTTPStatus.OK, kind, body)
        except Refused as refused:
            self._send(refused.status, "text/plain; charset=utf-8", f"{refused}\n".encode())
        except TimeoutError:
            self.close_connection = True

    def _check_asker(self) -> None:
        hosts = self.server.hosts
        found = [host.lower() for host in self.headers.get_all("Host", [])]
        if len(found) != 1 or found[0] not in hosts:
            raise Refused(HTTPStatus.FORBIDDEN, f"Host: expected {' or '.join(sorted(hosts))}")
        origin = self.headers.get("Origin")
        if origin is not None and origin not in {f"http://{host}" for host in hosts}:
            raise Refused(HTTPStatus.FORBIDDEN, "Origin: a page from elsewhere may not ask")
        if "Transfer-Encoding" in self.headers:
            raise Refused(HTTPStatus.LENGTH_REQUIRED, "Transfer-Encoding: expected a Content-Length")

    def _send(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        if status != HTTPStatus.OK:
            self.close_connection = True  # what is left of the request is not read
        self.send_response(status)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def _page(self) -> tuple[str, bytes]:
        return "text/html; charset=utf-8", PAGE.read_bytes()

    def _about(self) -> tuple[str, bytes]:
        return "application/json", json.dumps({"name": self.server.recognizer.name}).encode()

    def _recognized(self) -> tuple[str, bytes]:
        drawing = self._drawing()
        recognizer = self.server.recognizer
        with self.server.turn:
            found = recognizer.answer(centred(drawing, recognizer.side))
        return "application/json", json.dumps(found).encode()

    def _drawing(self) -> np.ndarray:
        """The drawing in the body: {"side": n, "ink": base64 of n x n bytes, 255 for ink}."""
        if self.headers.get_content_type() != "application/json":
            raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Content-Type: expected application/json")
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()):
            raise Refused(HTTPStatus.LENGTH_REQUIRED, "Content-Length: expected a number of bytes")
        if int(length) > BODY:
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"Content-Length: expected at most {BODY} bytes")
        body = self.rfile.read(int(length))
        try:
            asked = json.loads(body)
            side = asked["side"]
            if type(side) is not int or not 1 <= side <= LARGEST:
                raise ValueError(f"side: expected a whole number from 1 to {LARGEST}")
            ink = base64.b64decode(asked["ink"], validate=True)
            if len(ink) != side * side:
                raise ValueError(f"ink: found {len(ink)} bytes, expected {side * side}")
        except (KeyError, TypeError, ValueError, RecursionError, binascii.Error) as error:
            said = str(error) if type(error) is ValueError else 'expected {"side": n, "ink": base64}'
            raise Refused(HTTPStatus.BAD_REQUEST, f"the drawing: {said}") from None
        return (np.frombuffer(ink, np.uint8).reshape(side, side) / 255).astype(np.float32)
