"""host: keeps the deployments of a ledger alive on this machine.

It reads the refs of services, takes each under a lease, so that of several hosts one has it, and says what it sees. What is done
for a deployment is in fronts.py. It may be killed at any moment: fronts end with it, and the next host finds the refs as they
are, and each deployment's port.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import sys
import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from loopline.errors import Conflict, LooplineError
from loopline.nouns.actor import Actor
from loopline.nouns.deployment import Deployment
from loopline.nouns.loopback import is_loopback
from loopline.server.child import heeding, opened, settings_of, write_log
from loopline.server.fronts import Coming, Deployed, Doing, Seen, Wanted, wait_all
from loopline.server.listening import address_of, url_of
from loopline.server.placing import Placing, listen_for
from loopline.serving.desired import Only
from loopline.serving.folders import log_of

if TYPE_CHECKING:
    from loopline.ledger.leases import Lease
    from loopline.loop import Loop
    from loopline.nouns.rollout import Rollout
    from loopline.settings import Settings

HOST: Final = Actor("trigger", "host", verified=True)
LASTING: Final = 6_000_000
"""Microseconds for which a host that falls silent keeps its deployments."""
RENEW_S: Final = 2.0
POLL_S: Final = 0.25
SAY_S: Final = 10.0
"""How often a host says how a deployment does, if nothing changes."""
_log = logging.getLogger("loopline.server")
Key = tuple[str, str]
"""A project and a ref."""


@dataclass
class _Held:
    """A deployment that this host has."""

    lease: Lease
    deployed: Deployed
    url: list[str] = field(default_factory=list)
    said: Seen | None = None
    said_at: float = 0.0
    leaving: threading.Thread | None = None


class Host:
    """One host. `run` blocks until it is told to stop."""

    def __init__(self, loop: Loop, settings: Settings, *, front: str = "server.front", lasting: int = LASTING) -> None:
        self._loop = replace(loop, actor=HOST)
        self._settings = settings
        self._front = front
        self._lasting = lasting
        self.name = f"{socket.gethostname()}:{os.getpid()}:{loop.ids.new()[-8:]}"
        self._placing = Placing(self._loop, settings)
        self._held: dict[Key, _Held] = {}
        self._denied: dict[Key, float] = {}
        self._renewed = 0.0
        self._stop = threading.Event()

    def stop(self) -> None:
        """Let every front answer what it was asked, and end."""
        self._stop.set()

    def run(self) -> None:
        """Keep what is deployed alive."""
        try:
            while not self._stop.wait(POLL_S):
                try:
                    self.turn()
                except LooplineError as error:
                    _log.warning("the host waits: %s", error.message)
                    self._stop.wait(1)
        finally:
            self._end()

    def turn(self) -> None:
        """Look at the refs once, and see to what has changed."""
        wanted = self._wanted()
        self._renew()
        for key, one in wanted.items():
            held = self._held.get(key) or self._take(key)
            if held is not None and held.leaving is None:
                held.deployed.want(one)
        for key, held in list(self._held.items()):
            held.deployed.turn_log()
            if key not in wanted and held.leaving is None:
                held.leaving = threading.Thread(target=held.deployed.end, daemon=True)
                held.leaving.start()
        self._say()

    def _wanted(self) -> dict[Key, Wanted]:
        with self._loop.ledger.read() as tx:
            here, refs = frozenset(tx.projects.list()), tx.refs.of_kind("service")
            rolling = {(one.project, one.ref): _coming(one) for one in tx.rollouts.open()}
        keyed = {(one.name.asset.project, str(one.name)): one for one in refs}
        return {
            key: Wanted(one.target, one.change or "", rolling.get(key)) for key, one in keyed.items() if key[0] in here
        }

    def _take(self, key: Key) -> _Held | None:
        """Take a deployment that no other host has."""
        now = time.monotonic()
        if self._denied.get(key, 0.0) > now:
            return None
        try:
            with self._loop.ledger.telemetry() as tx:
                lease = tx.leases.take(_lease(key), self.name, lasting=self._lasting)
        except Conflict:
            self._denied[key] = now + self._lasting / 4e6
            return None
        project, ref = key
        url: list[str] = []
        doing = Doing(
            prepare=lambda wanted: self._placing.prepare(project, ref, wanted),
            listen=lambda: self._listen(key, url),
            log=log_of(self._loop.work, project, ref),
            module=self._front,
            asked={"hosts": [*self._settings.server.hosts]},
        )
        held = self._held[key] = _Held(lease, Deployed(project, ref, doing), url)
        return held

    def _listen(self, key: Key, url: list[str]) -> socket.socket:
        made = listen_for(self._loop, self._settings.server, *key)
        url[:] = [url_of(made)]
        if not is_loopback(address_of(made)[0]):
            _log.warning("%s listens on %s: whoever reaches that may ask it", key[1], url[0])
        return made

    def _renew(self) -> None:
        """Hold on to what this host has; what another host has meanwhile is ended here."""
        now = time.monotonic()
        if now - self._renewed < RENEW_S or not self._held:
            return
        lost = []
        with self._loop.ledger.telemetry() as tx:
            for key, held in self._held.items():
                try:
                    held.lease = tx.leases.take(_lease(key), self.name, lasting=self._lasting)
                except Conflict:
                    lost.append(key)
        self._renewed = now
        for key in lost:
            _log.warning("another host has %s by now: it is ended here", key[1])
            threading.Thread(target=self._held.pop(key).deployed.end, daemon=True).start()

    def _say(self) -> None:
        """Write down how deployments do, where that has changed or was last said a while ago."""
        now = time.monotonic()
        news = []
        for key, held in self._held.items():
            seen = held.deployed.seen()
            if seen != held.said or now - held.said_at > SAY_S:
                news.append((key, held, seen))
        if not news:
            return
        with self._loop.ledger.telemetry() as tx:
            for key, held, seen in news:
                tx.leases.check(held.lease)
                tx.deployments.say(key[0], self._told(key, held, seen))
                if seen.state == "stopped":
                    tx.leases.give_back(held.lease)
        for key, held, seen in news:
            held.said, held.said_at = seen, now
            if seen.state == "stopped":
                del self._held[key]

    def _told(self, key: Key, held: _Held, seen: Seen) -> Deployment:
        return Deployment(
            ref=key[1], number=None, state=seen.state, serving=seen.serving, url=held.url[0] if held.url else "", host=self.name,
            pids=seen.pids, restarts=seen.restarts, message=seen.message,
            grpc=seen.grpc, rolls=seen.rolls,
        )  # fmt: skip

    def _end(self) -> None:
        wait_all([held.deployed for held in self._held.values()])
        try:
            with self._loop.ledger.telemetry() as tx:
                for key, held in self._held.items():
                    tx.leases.give_back(held.lease)
                    tx.deployments.say(key[0], self._told(key, held, Seen("stopped", message="its host was ended")))
        except LooplineError as error:
            _log.warning("the host leaves without a word: %s", error.message)
        self._held.clear()


def hold(settings: Settings) -> None:
    """Be a host until SIGTERM, SIGINT, or the end of the process that started it."""
    write_log()
    with opened(settings) as loop:
        host = Host(loop, settings)
        with heeding(host.stop):
            host.run()


def main() -> int:
    """Be the host that the first word (JSON) asks for: what `loopline up` starts."""
    hold(settings_of(json.loads(sys.argv[1])))
    return 0


def _coming(rolling: Rollout) -> Coming:
    plan, here = rolling.plan, rolling.progress
    only = Only(plan.column, plan.steps[max(here.step, 0)].members) if plan.column else None
    return Coming(rolling.new, rolling.change, here.weight, rolling.shadow, only)


def _lease(key: Key) -> str:
    return f"deployment {key[0]}:{key[1]}"
