"""What every test may ask for: a PostgreSQL of its own, and an environment that nobody's shell has touched."""

from __future__ import annotations

import compileall
import gc
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import hypothesis
import pytest
from _pytest.assertion import rewrite
from hypothesis.internal.conjecture import providers

if TYPE_CHECKING:
    import psycopg

ROOT = Path(__file__).resolve().parents[1]
MEMORY = Path("/dev/shm")

hypothesis.settings.register_profile("loopline", deadline=None, print_blob=True)
hypothesis.settings.register_profile("ci", parent=hypothesis.settings.get_profile("loopline"), derandomize=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "loopline")

# What a test tries comes of the test alone. Hypothesis would mix in the words of every module that happens to be imported: what
# was found among all files could not be found again in one. And to read them takes three seconds of each process in a new clone.
providers._get_local_constants = lambda: providers._local_constants


def pytest_configure(config: pytest.Config) -> None:
    """Compile the source once, as an installed package is: else every command that a test starts would do it again.

    Folders of tests are in memory, where there is room: to wait for a disk proves nothing while the power stays on.
    """
    if worker := getattr(config, "workerinput", None):
        _rewrite(config, int(worker["workerid"].removeprefix("gw")), worker["workercount"])
    else:
        compileall.compile_dir(ROOT / "src", quiet=2)
        if _roomy(MEMORY):
            os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


def _rewrite(config: pytest.Config, own: int, processes: int) -> None:
    """Write down what pytest makes of the modules of tests, each process from another on: in a new clone all would make all."""
    if sys.dont_write_bytecode:
        return
    files = sorted((ROOT / "tests").rglob("test_*.py"))
    begin = own * len(files) // processes
    for file in files[begin:] + files[:begin]:
        folder = rewrite.get_cache_dir(file)
        kept = folder / (file.stem + rewrite.PYC_TAIL)
        if not kept.exists() and rewrite.try_makedirs(folder):
            status, code = rewrite._rewrite_test(file, config)
            rewrite._write_pyc(config.stash[rewrite.assertstate_key], code, status, kept)


def _roomy(folder: Path) -> bool:
    """Say whether a folder takes files of tests, programs among them."""
    try:
        system = os.statvfs(folder)
    except OSError:
        return False
    room = system.f_bavail * system.f_frsize >= 6 << 30
    return room and not system.f_flag & os.ST_NOEXEC and os.access(folder, os.W_OK)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no garbage while thousands of tests are collected, and later no more among what stays to the end."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    """Let Python take apart all that there is."""
    gc.unfreeze()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Spread the modules that hold slow tests, in whatever order chance gave, over the first four fifths of the others.

    They wait a lot, for servers and browsers: while one does, other workers compute. And none of them is left for the end. Those
    that may take ten minutes begin first.
    """
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    modules = list(dict.fromkeys(item.path for item in items))
    quick = [one for one in modules if one not in slow]
    apart = 0.8 * len(quick) / max(1, len(slow))
    place: dict[Path, float] = {one: number for number, one in enumerate(quick)}
    place |= {one: number * apart - 0.5 for number, one in enumerate(one for one in modules if one in slow)}
    place |= dict.fromkeys((item.path for item in items if _longest(item)), -1.0)
    items.sort(key=lambda item: place[item.path])


def _longest(item: pytest.Item) -> bool:
    """Tell whether a test has ten minutes."""
    limit = item.get_closest_marker("timeout")
    return limit is not None and bool(limit.args) and limit.args[0] >= 600


def cannot(reason: str) -> NoReturn:
    """End a test for which this machine lacks something: it is skipped, and in CI, where nothing may be lacking, it fails."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the settings of whoever runs the tests, and give git an identity of its own."""
    for name in list(os.environ):
        if name.startswith(("LOOPLINE_", "GIT_")) or name in {"NO_COLOR", "FORCE_COLOR", "COLUMNS"}:
            monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Tess Ting")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "tess@example.com")


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """Give the address of a private PostgreSQL server that is empty at first and gone when the session ends."""
    binaries = postgres_binaries()
    if binaries is None:
        cannot("PostgreSQL's server programs are not installed (Debian: apt-get install postgresql)")
    with postgres_server(binaries) as server:
        yield server.url


@pytest.fixture
def postgres_database(postgres_url: str) -> Iterator[str]:
    """Give the address of an empty database that only this test uses."""
    with empty_postgres(postgres_url) as url:
        yield url


@contextmanager
def empty_postgres(server: str) -> Iterator[str]:
    """Make an empty database for a while, and give its address."""
    import psycopg
    from psycopg import sql

    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
    yield server.rpartition("/")[0] + "/" + name
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


_CLEAN = """
DO $$ DECLARE empty text; BEGIN
    SELECT string_agg(format('IF EXISTS (SELECT FROM %1$s) THEN DELETE FROM %1$s; END IF;', oid::regclass), ' ') INTO empty
        FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'alembic_version';
    EXECUTE format('CREATE FUNCTION clean() RETURNS void LANGUAGE plpgsql SET session_replication_role = replica AS %L',
        'BEGIN ' || empty || $_$ PERFORM setval(oid, 1, false) FROM pg_class WHERE relkind = 'S'; END $_$);
END $$;
"""
_KEEP = """
CREATE FUNCTION keep() RETURNS event_trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE 'who changes tables asks for postgres_database'; END $$;
CREATE EVENT TRIGGER keep ON ddl_command_start EXECUTE FUNCTION keep();
"""


@pytest.fixture(scope="session")
def postgres_tables(postgres_url: str) -> Iterator[tuple[str, psycopg.Connection]]:
    """Give a database with the tables of the ledger, which can no longer be changed: its address, and a connection to clean it.

    The connection stays: a new one would read all that PostgreSQL knows of fifty tables, eight times what is to be done.
    """
    import psycopg

    from loopline.ledger.schema import prepare
    from loopline.wiring import open_database

    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE tables TEMPLATE template0")
    url = postgres_url.rpartition("/")[0] + "/tables"
    database = open_database(url)
    prepare(database)
    database.close()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_CLEAN)
        connection.execute(_KEEP)
        yield url, connection


@pytest.fixture
def postgres_ledger(postgres_tables: tuple[str, psycopg.Connection]) -> str:
    """Give the address of a database whose tables are there and empty, and which only this test uses.

    A database of its own (`postgres_database`) and its tables cost half a second of work; to empty them again is nothing.
    """
    url, connection = postgres_tables
    connection.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    connection.execute("SELECT clean()")
    return url


_OBJECTS = """
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
    command = [sys.executable, "-c", _OBJECTS]
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


@pytest.fixture(scope="session")
def oci_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give host and port of a registry of OCI images that anybody may write."""
    from tests.registries import registry

    with registry(tmp_path_factory.mktemp("registry")) as host:
        yield host


def s3_environment(endpoint: str) -> dict[str, str]:
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
    return empty_bucket(s3_server, monkeypatch)


def empty_bucket(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Make a bucket, set what a client needs to reach it, and give its address."""
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    for name, value in s3_environment(s3_server).items():
        monkeypatch.setenv(name, value)
    name = f"loopline-{uuid.uuid4().hex[:12]}"
    request = urllib.request.Request(f"{s3_server}/{name}", method="PUT")
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert answer.status == 200
    return f"s3://{name}/ml"


def postgres_binaries() -> Path | None:
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
    return installed[-1].parent if installed else None


class PostgresServer:
    """A server that keeps nothing safe, which a test may stop and start again."""

    def __init__(self, command: list[str], folder: Path) -> None:
        self._command, self._folder = command, folder
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""
        for _ in range(5):
            self._port = _free_port()
            if self.start():
                return
        pytest.fail("PostgreSQL does not start:\n" + (folder / "log").read_text(errors="replace"))

    def start(self) -> bool:
        """Start it and wait until it answers; False where somebody else has its port."""
        quick = ["fsync=off", "full_page_writes=off", "synchronous_commit=off", "max_connections=200"]
        options = [*quick, "listen_addresses=127.0.0.1", f"port={self._port}", "unix_socket_directories="]
        with (self._folder / "log").open("ab") as log:
            settings = [word for option in options for word in ("-c", option)]
            self._process = subprocess.Popen([*self._command, *settings], cwd=self._folder, stdout=log, stderr=log)
        self.url = f"postgresql://loopline@127.0.0.1:{self._port}/postgres"
        return _answers(self._process, self.url)

    def stop(self) -> None:
        """Stop it at once: every connection is cut."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(timeout=30)


@contextmanager
def postgres_server(binaries: Path) -> Iterator[PostgresServer]:
    """Run a server of its own, as somebody who is not root: PostgreSQL refuses root."""
    folder = Path(tempfile.mkdtemp(prefix="loopline-pg-"))
    as_user: list[str] = []
    if os.geteuid() == 0:
        names = {user.pw_name for user in pwd.getpwall()}
        user = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
        os.chown(folder, user.pw_uid, user.pw_gid)
        as_user = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    run = ["setpriv", *as_user, "--pdeathsig", "KILL"]  # it never outlives the tests, however they end
    try:
        fresh = ["-U", "loopline", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions"]
        subprocess.run(
            [*run, str(binaries / "initdb"), "-D", str(folder / "data"), *fresh],
            check=True, cwd=folder, env={"PATH": os.environ["PATH"], "LC_ALL": "C"}, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        server = PostgresServer([*run, str(binaries / "postgres"), "-D", str(folder / "data")], folder)
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(server: subprocess.Popen[bytes], url: str) -> bool:
    """Wait until the server takes a query; False where somebody else took the port first."""
    import psycopg

    until = time.monotonic() + 30
    while time.monotonic() < until and server.poll() is None:
        try:
            psycopg.connect(url, connect_timeout=5).close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return True
    return False
