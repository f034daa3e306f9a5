"""A host, and what it does for what is deployed: real processes and sockets, with a front that holds no model."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from loopline.datasets.tree import build
from loopline.environments.capture import capture
from loopline.environments.lock import Distribution, Lock, encode
from loopline.loop import Loop
from loopline.nouns.artifact import MODEL
from loopline.nouns.declaration import Declaration
from loopline.nouns.deployment import Deployment
from loopline.nouns.entry import Entry
from loopline.nouns.name import AssetName, Numbered, Pointer, RefName
from loopline.server import children, fronts, host
from loopline.server.host import Host
from loopline.serving.folders import log_of
from loopline.settings import Settings, load_settings
from loopline.store.system import SystemClock
from loopline.verbs import load
from loopline.wiring import open_loop
from tests.server.running import lives, until

START = f"import sys; sys.path.insert(0, {str(Path(__file__).parents[2])!r}); from {{}} import main; sys.exit(main())"
MODEL_NAME = AssetName("flights", "model", "delay")
PROD = RefName(AssetName("flights", "service", "delay"), "prod")
LASTING = 1_500_000
BEGINS_S = 50
"""How long a host and its front, two processes that import nearly all of Loopline, may take to begin."""


class Machine:
    """A ledger in a folder, and hosts that look at it."""

    def __init__(self, folder: Path) -> None:
        self.settings: Settings = load_settings(
            folder, environ={}, home=folder / "home", project="flights", actor="ann"
        )
        self.loop: Loop = open_loop(self.settings)
        self.hosts: list[tuple[Host, threading.Thread]] = []

    def do(self, verb: str, *args: Any, **asked: Any) -> Any:
        """Call a verb."""
        return load(verb)(self.loop, *args, **asked)

    def deploy(self, body: bytes, *, spoil: bool = False, grpc: bool = False, lock: Lock | None = None) -> None:
        """Publish a model and deploy it; `spoil`: after a disk has changed its bytes."""
        blobs = self.loop.blobs
        files = {"model.json": json.dumps({"pickle": False}).encode(), "model.skops": body}
        root = build(blobs, [Entry(name, blobs.put(data), len(data)) for name, data in files.items()])
        run = self.do("start", "train", environment=blobs.put(encode(lock))).id if lock else None
        version = self.do("put", MODEL_NAME, digest=root, media_type=MODEL, run=run)
        path = blobs.path(blobs.put(body))
        if spoil and path is not None:
            path.chmod(0o600)
            path.write_bytes(body.swapcase())
        declared = Declaration(str(PROD.asset), grpc=grpc)
        self.do("deploy", PROD, model=Pointer(MODEL_NAME, Numbered(version.number)), declared=declared)

    def start(self) -> Host:
        """Start a host."""
        return self.run(Host(self.loop, self.settings, front="tests.server.standing", lasting=LASTING))

    def run(self, one: Host) -> Host:
        """Have a host look, in a thread."""
        thread = threading.Thread(target=one.run)
        thread.start()
        self.hosts.append((one, thread))
        return one

    def stop(self) -> None:
        """End every host in order."""
        for one, _ in self.hosts:
            one.stop()
        for _, thread in self.hosts:
            thread.join(30)
            assert not thread.is_alive()
        self.hosts.clear()

    def until(self, good: Callable[[Deployment], bool], seconds: float = 20) -> Deployment:
        """Wait until the deployment is as a test wants it."""
        end = time.monotonic() + seconds
        found = None
        while time.monotonic() < end:
            with self.loop.ledger.read() as tx:
                found = tx.deployments.find("flights", str(PROD))
            if found is not None and good(found):
                return found
            time.sleep(0.03)
        raise AssertionError(found)

    def ready(self, number: int, seconds: float = 20) -> Deployment:
        """Wait until a version answers."""
        return self.until(lambda one: (one.state, one.serving) == ("ready", number), seconds)


def answer(one: Deployment) -> str:
    """Ask a service."""
    with urlopen(one.url, timeout=10) as found:
        return str(found.read().decode())


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    """A machine whose fronts hold no model and whose pauses are short."""
    monkeypatch.setattr(children, "START", START)
    monkeypatch.setattr(children, "SHORTEST_S", 0.1)
    monkeypatch.setattr(fronts, "SHORTEST_S", 0.1)
    monkeypatch.setattr(host, "POLL_S", 0.05)
    monkeypatch.setattr(host, "RENEW_S", 0.3)
    made = Machine(tmp_path)
    yield made
    made.stop()
    made.loop.ledger.close()


def test_what_is_deployed_is_served_moved_and_ended(machine: Machine) -> None:
    """A ref that comes, moves and goes is followed by its front over one connection; the log tells what it was given."""
    machine.start()
    machine.deploy(b"1")
    first = machine.ready(1)
    assert answer(first) == "1"
    machine.deploy(b"2")
    second = machine.ready(2)
    assert (second.pids, second.url, answer(second)) == (first.pids, first.url, "2")
    machine.do("undeploy", PROD)
    machine.until(lambda one: one.state == "stopped")
    with pytest.raises(OSError):  # noqa: PT011 - refused, by whatever name
        answer(second)
    log = log_of(machine.loop.work, "flights", str(PROD)).read_text()
    assert "serving 1 of" in log
    assert machine.do("tail", str(PROD)).text == log


def test_a_front_that_is_killed_is_started_again(machine: Machine) -> None:
    """It answers with the newest version, that it was away is counted, and while it was away that was said."""
    machine.start()
    machine.deploy(b"1")
    first = machine.ready(1)
    os.kill(first.pids[0], signal.SIGKILL)
    away = machine.until(lambda one: one.state == "failing")
    assert "SIGKILL" in away.message
    again = machine.until(lambda one: one.state == "ready" and one.pids != first.pids)
    assert (again.restarts, again.url, answer(again), again.message) == (1, first.url, "1", "")


def test_the_port_outlives_the_host(machine: Machine) -> None:
    """Whatever restarts, people find a service where it was."""
    machine.deploy(b"1")
    machine.start()
    first = machine.ready(1)
    machine.stop()
    assert machine.until(lambda one: one.state == "stopped").message == "its host was ended"
    machine.start()
    assert machine.ready(1).url == first.url


def test_one_of_two_hosts_has_a_deployment(machine: Machine) -> None:
    """The other one takes it once the first has gone, and not before."""
    machine.deploy(b"1")
    one = machine.start()
    first = machine.ready(1)
    two = machine.start()
    time.sleep(LASTING / 1e6 * 1.5)
    assert (first.host, len(two._held)) == (one.name, 0)
    one.stop()
    assert machine.until(lambda found: found.state == "ready" and found.host == two.name).url == first.url


def test_a_host_that_was_overtaken_ends_what_it_has(machine: Machine) -> None:
    """Who comes back from a long pause finds another host's lease, and serves no more."""
    machine.deploy(b"1")
    one = machine.start()
    machine.ready(1)
    held = one._held["flights", str(PROD)]
    with machine.loop.ledger.telemetry() as tx:
        tx.leases.give_back(held.lease)
        tx.leases.take("deployment flights:service/delay@prod", "other", lasting=60_000_000)
    end = time.monotonic() + 10
    while held.deployed.seen().state != "stopped" and time.monotonic() < end:
        time.sleep(0.05)
    assert (held.deployed.seen().state, one._held) == ("stopped", {})


def test_a_clock_that_jumps_ends_nothing(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """An hour forward and two back: the host keeps what it has, its front goes on, and what is deployed then is served."""
    hours = [0]
    now = SystemClock.now
    monkeypatch.setattr(SystemClock, "now", lambda clock: now(clock) + hours[0] * 3_600_000_000)
    machine.start()
    machine.deploy(b"1")
    first = machine.ready(1)
    for number, jump in ((2, 1), (3, -2)):
        hours[0] += jump
        machine.deploy(str(number).encode())
        found = machine.ready(number)
        assert (found.pids, found.url, found.restarts, answer(found)) == (first.pids, first.url, 0, str(number))


def test_a_taken_port_is_said_and_waited_for(machine: Machine) -> None:
    """No other port is taken silently; once it is free the service is there."""
    with closing(socket.create_server(("127.0.0.1", 0))) as taker:
        port = taker.getsockname()[1]
        with machine.loop.ledger.telemetry() as tx:
            tx.deployments.keep_port("flights", str(PROD), port)
        machine.start()
        machine.deploy(b"1")
        said = machine.until(lambda one: one.state == "failing").message
        assert f"port {port}" in said
        assert "LOOPLINE_SERVICE_PORTS" in said
    assert machine.ready(1).url.endswith(f":{port}")


def test_a_port_comes_from_the_range_that_is_set(machine: Machine) -> None:
    """A deployment that keeps a port outside of the range gets another one, for good."""
    with closing(socket.create_server(("127.0.0.1", 0))) as found:
        port = found.getsockname()[1]
    machine.settings = replace(machine.settings, server=replace(machine.settings.server, service_ports=(port, port)))
    with machine.loop.ledger.telemetry() as tx:
        tx.deployments.keep_port("flights", str(PROD), 1)
    machine.start()
    machine.deploy(b"1")
    assert machine.ready(1).url.endswith(f":{port}")


def test_grpc_has_a_port_that_a_deployment_keeps(machine: Machine) -> None:
    """A service that asks for it is told an address, tells it, and keeps it; where no port is free it answers over HTTP alone."""
    machine.deploy(b"1", grpc=True)
    machine.start()
    first = machine.ready(1)
    assert first.grpc.startswith("127.0.0.1:")
    assert not first.url.endswith(first.grpc)
    machine.deploy(b"2")
    assert machine.ready(2).grpc == ""
    machine.deploy(b"3", grpc=True)
    assert machine.ready(3).grpc == first.grpc
    machine.stop()
    port = int(first.url.rpartition(":")[2])
    machine.settings = replace(machine.settings, server=replace(machine.settings.server, service_ports=(port, port)))
    machine.start()
    said = machine.until(lambda one: one.state == "ready" and "gRPC" in one.message)
    assert (said.url, said.grpc, answer(said)) == (first.url, "", "3")


def test_a_damaged_model_is_named_and_the_former_version_answers_on(machine: Machine) -> None:
    """What cannot be put in place takes nothing away from what answers."""
    machine.start()
    machine.deploy(b"1")
    machine.ready(1)
    machine.deploy(b"bad", spoil=True)
    said = machine.until(lambda one: one.state == "degraded")
    assert "model/delay@2" in said.message
    assert (said.serving, answer(said)) == (1, "1")


def test_an_environment_that_cannot_be_restored_is_said(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model whose packages no index has is not served with others: what lacks is named, and the former version answers on."""
    index = machine.settings.home.parent / "index"
    index.mkdir()
    for name, value in (("UV_INDEX_URL", index.as_uri()), ("UV_CACHE_DIR", str(index.parent / "uv"))):
        monkeypatch.setenv(name, value)
    machine.start()
    machine.deploy(b"1")
    machine.ready(1)
    here = capture()
    machine.deploy(b"2", lock=replace(here, distributions=(*here.distributions, Distribution("zzz-nowhere", "1.0"))))
    said = machine.until(lambda one: one.state == "degraded", 60)
    assert "version 2 cannot be served: this worker has not the packages of environment" in said.message
    assert "is not on the package index" in said.message
    assert (said.serving, answer(said)) == (1, "1")


def test_a_long_log_begins_anew(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few pieces are kept, and the front goes on writing into the present one."""
    monkeypatch.setattr(fronts, "LOG_BYTES", 10)
    machine.start()
    machine.deploy(b"1")
    machine.ready(1)
    log = log_of(machine.loop.work, "flights", str(PROD))
    end = time.monotonic() + 10
    while not log.with_name("log.1").exists() and time.monotonic() < end:
        time.sleep(0.02)
    assert "serving 1" in log.with_name("log.1").read_text()
    machine.deploy(b"2")
    machine.ready(2)
    machine.deploy(b"3")
    machine.ready(3)
    kept = "".join(one.read_text() for one in sorted(log.parent.glob("log*")))
    assert "serving 3" in kept


def test_what_is_told_on_a_command_line_is_served_after_a_kill(tmp_path: Path) -> None:
    """A host that is killed takes its front along, and the next one serves at the same port."""
    made = Machine(tmp_path)
    try:
        made.deploy(b"1")
        asked = json.dumps({"home": str(made.settings.home), "project": "flights", "actor": "ann"})
        program = (
            "import sys; sys.path.insert(0, sys.argv[2]); from loopline.server import children, host;"
            f"children.START = {START!r}; host.LASTING = 1_500_000;"
            "host.Host.__init__.__kwdefaults__.update(front='tests.server.standing', lasting=1_500_000); host.main()"
        )
        words = [sys.executable, "-c", program, asked, str(Path(__file__).parents[2])]
        with _process(words, tmp_path) as first:
            before = made.ready(1, BEGINS_S)
            first.kill()
        until(lambda: not any(map(lives, before.pids)))
        with _reserved(int(before.url.rpartition(":")[2])), _process(words, tmp_path) as second:
            after = made.until(lambda one: one.state == "ready" and one.host != before.host, BEGINS_S)
            assert (after.url, answer(after)) == (before.url, "1")
            second.terminate()
            assert second.wait(BEGINS_S) == 0
        assert not any(map(lives, after.pids))
    finally:
        made.loop.ledger.close()


@contextmanager
def _reserved(port: int) -> Iterator[None]:
    """Keep a port from whoever asks for any that is free. Who asks for this one can listen there: nobody does, yet."""
    with closing(socket.socket()) as kept:
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        kept.bind(("127.0.0.1", port))
        yield


@contextmanager
def _process(words: list[str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program, which is gone after the block, however that ends."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LOOPLINE_")}
    with subprocess.Popen(words, cwd=folder, env=environment) as process:
        try:
            yield process
        finally:
            process.kill()
