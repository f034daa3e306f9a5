"""`loopline up` from its first moment to its last, as real processes with real numbers."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from pathlib import Path
from statistics import median

import pytest

from loopline.errors import Refused, Unavailable
from loopline.server.listening import listen
from loopline.server.up import Wish, up
from loopline.settings import load_settings
from tests.warm import run

from .running import Up, asked, cpu, descendants, lives, project, queued, rss, until, variables

Starting = Callable[..., Up]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Starting]:
    """Start servers in a folder, and leave none behind."""
    begun: list[Up] = []
    project(tmp_path / "flights")

    def starting(*words: str, **more: object) -> Up:
        begun.append(Up(tmp_path / "flights", *words, **more))  # type: ignore[arg-type]
        return begun[-1]

    yield starting
    for one in begun:
        one.end()


def test_it_says_where_it_listens_and_who_may_ask(start: Starting) -> None:
    """The first line is the address, the second that it is open; health, a verb and a page answer there."""
    server = start("--no-worker")
    assert server.process.stdout is not None
    said = [server.process.stdout.readline() for _ in range(2)]
    assert "anybody on this machine" in said[0]
    assert "loopline worker" in said[1]
    assert server.ask("GET", "/health") == (200, "OK")
    assert server.ask("GET", "/health/ready") == (200, "OK")
    assert server.ask("GET", "/api/v1/find?what=runs")[1]["result"] == []
    assert server.ask("GET", "/p/flights")[0] == 200
    assert server.stop() == 0
    assert server.errors == ""


def _many_runs(home: Path, number: int) -> None:
    """Fill a ledger with runs, faster than verbs would: only how many there are matters here."""
    from loopline.ledger.schema import prepare
    from loopline.wiring import open_database

    home.mkdir()
    database = open_database(f"sqlite:///{home / 'ledger.db'}")
    prepare(database)
    with database.write() as rows:
        rows.do("INSERT INTO projects (name, created_at) VALUES ('flights', 0)")
        rows.do("INSERT INTO experiments (id, project, name, created_at) VALUES (1, 'flights', 'default', 0)")
        rows.many(
            "INSERT INTO runs (id, project, experiment, name, kind, state, actor, recorded_at, started_at, ended_at)"
            " VALUES (?, 'flights', 1, 'train', 'run', 'finished', 'person:ann', ?, ?, ?)",
            [(f"{i:032x}", i, i, i + 1) for i in range(number)],
        )
    database.close()


@pytest.mark.slow
def test_it_is_ready_within_a_second_and_light_with_a_hundred_thousand_runs(start: Starting, tmp_path: Path) -> None:
    """From its start to the first 200 the median of five takes at most 1 s, waits for processors apart; idle, all have 100 MB."""
    _many_runs(tmp_path / "flights" / ".loopline", 100_000)
    took, worked = [], []
    server = start(warm=False)
    for more in (True, True, True, True, False):
        wall = server.ready()
        took.append(wall - queued(server.process.pid))
        worked.append(cpu(server.process.pid))
        if more:
            assert server.stop() == 0
            server = start(warm=False)
    assert server.ask("GET", "/health/ready")[0] == 200
    time.sleep(2)  # the worker has come up
    pids = server.pids
    assert len(pids) == 2
    together = sum(rss(pid) for pid in pids)
    assert median(took) <= 1.0, (took, worked)
    assert median(worked) <= 1.0, (took, worked)
    assert together <= 100e6
    assert server.ask("GET", "/api/v1/find?what=runs")[1]["result"]


@pytest.mark.parametrize("processes", [1, 2])
def test_a_kept_connection_waits_for_no_acknowledgement(start: Starting, processes: int) -> None:
    """A request on a kept connection takes well below the 40 ms that a delayed acknowledgement would cost, in each process."""
    server = start("--workers", str(processes), "--no-worker")
    server.ready()
    with ExitStack() as kept:
        for pid, connection in _one_each(server, processes, kept).items():
            took = sorted(
                _took(connection, path, pid) for path in ("/health", "/api/v1/find?what=runs") for _ in range(40)
            )
            assert median(took) < 0.010, (pid, took)
            assert took[int(len(took) * 0.95)] < 0.030, (pid, took)


def _one_each(server: Up, processes: int, kept: ExitStack) -> dict[int, HTTPConnection]:
    """Open connections until every process has one: which of them takes one is chance, and one that still begins takes none."""
    found: dict[int, HTTPConnection] = {}

    def open_one() -> bool:
        connection = kept.enter_context(closing(server.connection()))
        assert asked(connection, "GET", "/health")[0] == 200
        found.setdefault(server.serving(connection), connection)
        return len(found) == processes

    until(open_one, 60)
    return found


def _took(connection: HTTPConnection, path: str, pid: int) -> float:
    """Ask, and give the seconds that it took, waits for processors apart."""
    began, waited = time.perf_counter(), queued(pid, threads=True) + queued(os.getpid())
    assert asked(connection, "GET", path)[0] == 200
    took = time.perf_counter() - began
    return took - (queued(pid, threads=True) + queued(os.getpid()) - waited)


def test_a_signal_lets_requests_end_and_streams_come_again(start: Starting) -> None:
    """After SIGTERM nobody new gets in, a request under way is answered, a stream is told to come again."""
    server = start("--no-worker")
    stream = server.connection()
    slow = socket.create_connection(("127.0.0.1", server.port))
    with closing(stream), closing(slow):
        _told_to_end(server, stream, slow)
    assert server.process.wait(10) == 0
    with closing(sqlite3.connect(server.folder / ".loopline" / "ledger.db")) as rows:
        assert rows.execute("SELECT name FROM runs").fetchall() == [("late",)]


def _told_to_end(server: Up, stream: HTTPConnection, slow: socket.socket) -> None:
    stream.request("GET", "/api/v1/feed/events?project=flights")
    answer = stream.getresponse()
    assert answer.status == 200
    body = json.dumps({"name": "late"}).encode()
    slow.sendall(
        b"POST /api/v1/start HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        % len(body)
    )
    slow.sendall(body[:5])
    time.sleep(0.3)
    server.process.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    with pytest.raises(OSError, match=r"refused|reset"):
        server.ask("GET", "/health")
    told = answer.read()
    assert b"retry: 1000\n: the server stops" in told
    slow.sendall(body[5:])
    assert slow.recv(100).startswith(b"HTTP/1.1 200")


def test_a_second_signal_ends_it_at_once(start: Starting) -> None:
    """With a request that never ends, the first SIGINT waits and the second one does not, and no child stays behind."""
    server = start("--workers", "2")
    server.ready()
    children = server.children(2)
    hanging = socket.create_connection(("127.0.0.1", server.port))
    hanging.sendall(b"POST /api/v1/start HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\n")
    time.sleep(0.3)
    server.process.send_signal(signal.SIGINT)
    time.sleep(1)
    began = time.monotonic()
    server.process.send_signal(signal.SIGINT)
    server.process.wait(5)
    assert time.monotonic() - began < 1.5
    hanging.close()
    until(lambda: not any(map(lives, children)))


def test_children_end_with_a_server_that_was_killed(start: Starting) -> None:
    """After SIGKILL of the server its further processes and its worker are gone within seconds."""
    server = start("--workers", "2")
    server.ready()
    children = server.children(2)
    server.process.kill()
    server.process.wait()
    until(lambda: not any(map(lives, children)))


def test_a_worker_that_died_is_started_again(start: Starting) -> None:
    """The local worker is supervised: killed, another takes its place, and the server says so."""
    server = start()
    server.ready()
    (worker,) = server.children(1)
    os.kill(worker, signal.SIGKILL)
    until(lambda: descendants(server.process.pid) not in ([], [worker]))
    (again,) = descendants(server.process.pid)
    assert again != worker


def test_a_port_that_is_taken_is_said_with_who_has_it(start: Starting, tmp_path: Path) -> None:
    """The error names the port, the process that listens there, and another port; the exit code says that it could not run."""
    taken = listen("127.0.0.1", 0)
    port = taken.getsockname()[1]
    done = run("up", "--port", str(port), "--json", cwd=tmp_path / "flights", env=variables(), timeout=30)
    taken.close()
    assert done.returncode == 3
    error = json.loads(done.stderr.splitlines()[-1])["error"]
    assert error["kind"] == "port-taken"
    assert str(port + 1) in error["hint"]
    assert str(os.getpid()) in error["facts"]["taker"]


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_other_addresses_need_an_admin_token(tmp_path: Path, host: str) -> None:
    """Without one the server does not start where others could reach it; nothing listens afterwards."""
    settings = load_settings(tmp_path, environ={"USER": "ann"})
    with pytest.raises(Refused) as caught:
        up(settings, Wish(host=host, port=0), print)
    assert caught.value.kind == "needs-admin-token"


def test_an_admin_who_is_to_sign_in_opens_other_addresses(start: Starting, tmp_path: Path) -> None:
    """With a provider and an address of an admin it says who becomes one and is open to nobody; a provider alone is refused."""
    provider = {"LOOPLINE_OIDC_ISSUER": "https://id.example.org", "LOOPLINE_OIDC_CLIENT_ID": "loopline"}
    with pytest.raises(Refused) as caught:
        up(load_settings(tmp_path, environ={"USER": "ann", **provider}), Wish(host="0.0.0.0", port=0), print)
    assert caught.value.kind == "needs-admin-token"
    server = start("--host", "0.0.0.0", "--no-worker", LOOPLINE_OIDC_ADMINS="boss@example.org", **provider)
    assert server.process.stdout is not None
    said = [server.process.stdout.readline() for _ in range(2)]
    assert "signs in with the browser" in said[0]
    assert "boss@example.org becomes an admin" in said[1]
    assert server.ask("GET", "/api/v1/whoami")[0] == 401
    assert server.ask("GET", "/api/v1/whoami", Loopline_Actor="boss@example.org")[0] == 401


def test_an_admin_token_opens_other_addresses(start: Starting, tmp_path: Path) -> None:
    """With an admin's token it listens there, and answers nobody without a token."""
    folder = tmp_path / "flights"
    words = ("issue", "laptop", "--actor", "ann", "--role", "admin", "--everywhere", "--json")
    done = run(*words, cwd=folder, env=variables(), timeout=30)
    secret = json.loads(done.stdout)["result"]["secret"]
    server = start("--host", "0.0.0.0", "--no-worker")
    server.port = int(server.line.strip().rpartition(":")[2])
    assert server.ask("GET", "/api/v1/find?what=runs")[0] == 401
    assert server.ask("GET", "/api/v1/find?what=runs", Authorization=f"Bearer {secret}")[0] == 200


def test_the_access_log_holds_no_secret(start: Starting) -> None:
    """One line of JSON a request, with who, what, how long; no query, no header."""
    server = start("--no-worker", "--access-log")
    server.ask("GET", "/api/v1/find?what=runs&secret=abc", Authorization="Bearer ll_secret_secret")
    server.ask("GET", "/api/v1/find?what=runs", Loopline_Actor="bob")
    server.stop()
    lines = [json.loads(line) for line in server.errors.splitlines()]
    assert [(one["method"], one["path"], one["status"], one["actor"]) for one in lines] == [
        ("GET", "/api/v1/find", 401, None),
        ("GET", "/api/v1/find", 200, "person:bob"),
    ]
    assert "secret" not in server.errors


def test_a_host_that_is_none_is_said(tmp_path: Path) -> None:
    """A name without an address here is an error with a next step, not a traceback."""
    from loopline.errors import Invalid

    for host in ("no.such.host.invalid", "192.0.2.1"):
        with pytest.raises((Invalid, Unavailable)) as caught:
            up(load_settings(tmp_path, environ={"USER": "ann"}), Wish(host=host, port=0), print)
        assert caught.value.kind == "bad-host"
