"""Rows in PostgreSQL on days when it goes away."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator

import psycopg
import pytest

from loopline.errors import Unavailable
from loopline.store.postgres import PostgresDatabase
from tests.conftest import PostgresServer


@pytest.fixture
def database(postgres_database: str) -> Iterator[PostgresDatabase]:
    """Give a database with one table."""
    database = PostgresDatabase(postgres_database)
    with database.write() as rows:
        rows.do("CREATE TABLE t (x bigint PRIMARY KEY)")
    yield database
    database.close()


def held(database: PostgresDatabase) -> list[int]:
    """Give what the table holds."""
    with database.read() as rows:
        return [row[0] for row in rows.all("SELECT x FROM t ORDER BY x")]


def cut(url: str) -> int:
    """End every other connection to a database and tell how many there were."""
    with psycopg.connect(url, autocommit=True) as admin:
        found = admin.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchall()
    return len(found)


def connections(url: str) -> int:
    """Count the connections of the product."""
    with psycopg.connect(url, autocommit=True) as admin:
        row = admin.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'loopline'"
        ).fetchone()
    assert row is not None
    return int(row[0])


def test_a_connection_that_was_cut_while_idle_is_replaced(database: PostgresDatabase, postgres_database: str) -> None:
    """The next read and the next write after idle connections were ended go well, unnoticed."""
    assert held(database) == []
    assert cut(postgres_database) == 1
    assert held(database) == []
    assert cut(postgres_database) == 1
    with database.write() as rows:
        assert rows.do("INSERT INTO t VALUES (?)", 1) == 1
    assert held(database) == [1]


def test_a_server_that_was_restarted_is_found_again(own_postgres: PostgresServer) -> None:
    """While the server is away each transaction says so at once, and after its restart the next one goes well."""
    database = PostgresDatabase(own_postgres.url)
    with database.write() as rows:
        rows.do("CREATE TABLE t (x bigint PRIMARY KEY)")
        rows.do("INSERT INTO t VALUES (1)")
    own_postgres.stop()
    for way in (database.read, database.write):
        began = time.monotonic()
        with pytest.raises(Unavailable) as caught, way() as rows:
            rows.one("SELECT 1")
        assert (caught.value.kind, caught.value.facts["recorded"]) == ("ledger-unreachable", "nothing")
        assert time.monotonic() - began < 5
    assert own_postgres.start()
    assert held(database) == [1]
    with database.write() as rows:
        rows.do("INSERT INTO t VALUES (2)")
    assert held(database) == [1, 2]
    database.close()


@pytest.mark.parametrize("way", ["read", "write"])
def test_a_cut_before_anything_was_seen_is_not_noticed(
    database: PostgresDatabase, postgres_database: str, way: str
) -> None:
    """The first statement of a transaction is repeated on a new connection, because nothing rests on the old one."""
    with getattr(database, way)() as rows:
        cut(postgres_database)
        assert rows.one("SELECT count(*) FROM t") == (0,)
        assert rows.one("SELECT 1") == (1,)


@pytest.mark.parametrize("way", ["read", "write"])
def test_a_cut_in_the_middle_ends_the_transaction(database: PostgresDatabase, postgres_database: str, way: str) -> None:
    """What has begun to see is not continued on another connection: it would see another moment."""
    with pytest.raises(Unavailable) as caught, getattr(database, way)() as rows:
        rows.one("SELECT 1")
        cut(postgres_database)
        rows.one("SELECT 2")
    assert (caught.value.kind, caught.value.facts["recorded"]) == ("ledger-unreachable", "nothing")
    assert held(database) == []


@pytest.mark.parametrize("way", ["many", "inner write", "inner read"])
def test_what_was_done_by_another_door_counts_as_begun(
    database: PostgresDatabase, postgres_database: str, way: str
) -> None:
    """Rows written by a batch or an inner transaction are never lost by a silent new connection."""
    with pytest.raises(Unavailable), database.write() as rows:
        if way == "many":
            rows.many("INSERT INTO t VALUES (?)", [(1,), (2,)])
        elif way == "inner write":
            with database.write() as inner:
                inner.do("INSERT INTO t VALUES (1)")
        else:
            with database.read() as inner:
                assert inner.one("SELECT count(*) FROM t") == (0,)
        cut(postgres_database)
        rows.do("INSERT INTO t VALUES (3)")
    assert held(database) == []


def test_a_cut_before_the_commit_is_asked_for_is_said(database: PostgresDatabase, postgres_database: str) -> None:
    """A write whose connection is gone when it commits is never taken for recorded."""
    with pytest.raises(Unavailable) as caught, database.write() as rows:
        rows.do("INSERT INTO t VALUES (1)")
        cut(postgres_database)
    assert (caught.value.kind, caught.value.facts["recorded"]) == ("ledger-unreachable", "unknown")
    assert held(database) == []


def test_a_lost_answer_to_a_commit_is_not_repeated(database: PostgresDatabase, postgres_database: str) -> None:
    """Where the server has committed and its answer is lost, the error says that it is not known, and one row is there."""
    host, port = "127.0.0.1", int(postgres_database.rpartition(":")[2].partition("/")[0])
    with _deaf_after(b"COMMIT", host, port) as near:
        far = PostgresDatabase(postgres_database.replace(f":{port}/", f":{near}/"))
        with pytest.raises(Unavailable) as caught, far.write() as rows:
            rows.do("INSERT INTO t VALUES (7)")
        assert (caught.value.kind, caught.value.facts["recorded"]) == ("ledger-unreachable", "unknown")
        far.close()
    assert held(database) == [7]


def test_threads_that_end_keep_no_connection(database: PostgresDatabase, postgres_database: str) -> None:
    """However many threads have asked one after the other, one connection serves them."""
    for _ in range(20):
        thread = threading.Thread(target=held, args=(database,))
        thread.start()
        thread.join()
    assert connections(postgres_database) == 1


def test_connections_are_bounded(postgres_database: str) -> None:
    """More threads than connections wait for each other, and all are served."""
    database = PostgresDatabase(postgres_database, most=3)
    most: list[int] = []

    def ask() -> None:
        with database.read() as rows:
            most.append(connections(postgres_database))
            rows.one("SELECT pg_sleep(0.02)")

    threads = [threading.Thread(target=ask) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(most) == 12
    assert max(most) <= 3
    database.close()
    until = time.monotonic() + 5  # the server lets go of each a moment after it was closed
    while connections(postgres_database) and time.monotonic() < until:
        time.sleep(0.01)
    assert connections(postgres_database) == 0


def test_who_waits_too_long_for_a_connection_is_told(postgres_database: str) -> None:
    """When all connections stay taken, the next one that asks gets Unavailable, and none is lost by that."""
    database = PostgresDatabase(postgres_database, most=1, patience=0.2)
    caught: list[Unavailable] = []

    def ask() -> None:
        try:
            with database.read():
                pass
        except Unavailable as error:
            caught.append(error)

    with database.read() as rows:
        rows.one("SELECT 1")
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()
    assert [error.kind for error in caught] == ["ledger-busy"]
    ask()
    assert len(caught) == 1
    database.close()


def test_a_statement_that_takes_too_long_is_ended(database: PostgresDatabase) -> None:
    """The server ends a statement after its time, and the connection goes on."""
    with pytest.raises(Unavailable) as caught, database.read() as rows:
        rows.one("SELECT set_config('statement_timeout', '100ms', true)")
        rows.one("SELECT pg_sleep(10)")
    assert caught.value.kind == "ledger-busy"
    assert held(database) == []


def test_each_connection_has_its_limits(database: PostgresDatabase) -> None:
    """No statement, no lock and no silent transaction lasts for ever."""
    with database.read() as rows:
        found = [
            rows.one(f"SHOW {name}")
            for name in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
        ]
    assert found == [("2min",), ("1min",), ("5min",)]


def test_a_swallowed_failure_is_not_committed(database: PostgresDatabase) -> None:
    """A transaction in which a statement failed is never acknowledged, even when the block ends well."""
    with pytest.raises(RuntimeError, match="swallowed"), database.write() as rows:
        rows.do("INSERT INTO t VALUES (1)")
        with contextlib.suppress(psycopg.Error):
            rows.do("INSERT INTO t VALUES (1)")
    assert held(database) == []


def test_a_fork_leaves_its_parents_connections_alone(database: PostgresDatabase) -> None:
    """A child of a fork opens its own connection, and the parent's goes on."""
    assert held(database) == []
    child = os.fork()
    if child == 0:
        status = 1
        try:
            with database.write() as rows:
                rows.do("INSERT INTO t VALUES (5)")
            status = 0
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert held(database) == [5]


def test_a_wrong_password_is_not_repeated(postgres_database: str) -> None:
    """What cannot be reached is told without the password of its address."""
    database = PostgresDatabase("postgresql://loopline:hunter2@127.0.0.1:1/nowhere")
    with pytest.raises(Unavailable) as caught, database.read():
        pass
    assert caught.value.kind == "ledger-unreachable"
    assert "hunter2" not in f"{caught.value} {caught.value.facts}"


@contextlib.contextmanager
def _deaf_after(word: bytes, host: str, port: int) -> Iterator[int]:
    """Stand before a server; pass on what a client says, and hear nothing more once it has said `word`: then cut."""
    door = socket.create_server(("127.0.0.1", 0))
    ends: list[socket.socket] = []

    def serve() -> None:
        with contextlib.suppress(OSError):
            client, _ = door.accept()
            server = socket.create_connection((host, port))
            ends.extend((client, server))
            deaf = threading.Event()
            threading.Thread(target=back, args=(server, client, deaf), daemon=True).start()
            while data := client.recv(65536):
                if word in data:
                    deaf.set()
                server.sendall(data)
                if deaf.is_set():
                    time.sleep(0.5)  # the server carries it out
                    client.shutdown(socket.SHUT_RDWR)
                    return

    def back(server: socket.socket, client: socket.socket, deaf: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(65536):
                if not deaf.is_set():
                    client.sendall(data)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield door.getsockname()[1]
    door.close()
    for end in ends:
        end.close()
    thread.join(5)
