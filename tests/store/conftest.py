"""An S3-compatible server of our own, and a way to stand between it and who asks."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import threading
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.conftest import PostgresServer, postgres_binaries, postgres_server

_SERVER = """
import logging, os, sys, threading
logging.getLogger("werkzeug").setLevel(logging.ERROR)
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
os._exit(0)
"""


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """Give the address of an S3-compatible server that speaks HTTP and is gone when the session ends."""
    command = [sys.executable, "-c", _SERVER]
    server = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert server.stdout is not None
    assert server.stdin is not None
    port = next(int(line) for line in server.stdout if line.strip().isdigit())
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.stdin.close()
        server.stdout.close()
        server.wait(timeout=30)


def environment(endpoint: str) -> dict[str, str]:
    """Give the variables by which an S3 client finds the server."""
    return {
        "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "s3-very-secret",
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": "us-east-1",
    }


@pytest.fixture
def bucket(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give the address of an empty bucket that only this test uses, and set what a client needs to reach it."""
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    for name, value in environment(s3_server).items():
        monkeypatch.setenv(name, value)
    name = f"loopline-{uuid.uuid4().hex[:12]}"
    request = urllib.request.Request(f"{s3_server}/{name}", method="PUT")
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert answer.status == 200
    return f"s3://{name}/ml"


class Between:
    """Stands between a client and a server: passes requests on, and answers some itself.

    `wrong(method, path)` gives (status, body) for a request that is not to be passed on, a number of bytes after which its
    answer is cut, or None.
    """

    def __init__(self, server: str) -> None:
        self.seen: list[tuple[str, str]] = []
        self.wrong: Callable[[str, str], tuple[int, bytes] | int | None] = lambda _method, _path: None
        between = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                between.seen.append((self.command, self.path))
                fault = between.wrong(self.command, self.path)
                if isinstance(fault, tuple):
                    status, said, headers = (*fault, dict[str, str]())
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

            do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = answer  # noqa: N815 - the library's names

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
