"""Ways to stand between a client and an S3-compatible server, and a PostgreSQL that may be stopped."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.conftest import PostgresServer, postgres_binaries, postgres_server

Fault = tuple[int, bytes] | tuple[int, bytes, dict[str, str]] | int | None


class Between:
    """Stands between a client and a server: passes requests on, and answers some itself.

    `wrong(method, path)` gives (status, body), perhaps with headers, for a request that is not to be passed on, a number of
    bytes after which its answer is cut, or None.
    """

    def __init__(self, server: str) -> None:
        self.seen: list[tuple[str, str]] = []
        self.heads: list[dict[str, str]] = []
        self.wrong: Callable[[str, str], Fault] = lambda _method, _path: None
        between = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                between.seen.append((self.command, self.path))
                between.heads.append({name.lower(): value for name, value in self.headers.items()})
                fault = between.wrong(self.command, self.path)
                if isinstance(fault, tuple):
                    status, said = fault[:2]
                    headers = fault[2] if len(fault) == 3 else {}
                else:
                    status, said, headers = _passed_on(server, self, body)
                self.send_response(status)
                for name, value in headers.items():
                    if name.lower() not in {"content-length", "connection", "transfer-encoding", "server", "date"}:
                        self.send_header(name, value)
                length = headers.get("Content-Length", str(len(said))) if self.command == "HEAD" else str(len(said))
                self.send_header("Content-Length", length)
                self.end_headers()
                if isinstance(fault, int):
                    self.wfile.write(said[:fault])
                    self.wfile.flush()
                    self.connection.shutdown(socket.SHUT_RDWR)
                    self.close_connection = True
                elif self.command != "HEAD":
                    self.wfile.write(said)

            do_GET = do_PUT = do_POST = do_PATCH = do_HEAD = do_DELETE = answer  # noqa: N815 - the library's names

            def log_message(self, *_args: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _passed_on(server: str, handler: BaseHTTPRequestHandler, body: bytes) -> tuple[int, bytes, dict[str, str]]:
    connection = http.client.HTTPConnection(server.removeprefix("http://"), timeout=20)
    try:
        connection.putrequest(handler.command, handler.path, skip_host=True, skip_accept_encoding=True)
        for name, value in handler.headers.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        return answer.status, answer.read(), dict(answer.headers)
    finally:
        connection.close()


@pytest.fixture(scope="module")
def own_postgres(postgres_url: str) -> Iterator[PostgresServer]:
    """Give a PostgreSQL server that the tests of one module may stop."""
    binaries = postgres_binaries()
    assert binaries is not None, postgres_url
    with postgres_server(binaries) as server:
        yield server


@pytest.fixture
def between(s3_server: str, bucket: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Between]:
    """Stand between the test's client and the S3 server."""
    stand = Between(s3_server)
    monkeypatch.setenv("AWS_ENDPOINT_URL", stand.address)
    yield stand
    stand.close()
