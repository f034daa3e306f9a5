"""front: the process of one deployed service. It owns the connections; models live in processes behind it.

The host tells it what is desired, a line of JSON for each version, over a socket; it answers with lines that say how it does. A
new version is started beside the old one and takes over once every arm with traffic can answer: no connection is touched.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from loopline.faces.inference.app import Inference
from loopline.faces.inference.errors import status as status_of
from loopline.faces.otlp.tracing import Traced, Tracing, open_tracing, route_of_service
from loopline.faces.prometheus.service import ArmState, ServiceMeters, State
from loopline.server.arms import LOOK_S, WEIGH_S
from loopline.server.asgi import Server
from loopline.server.child import watch_lifeline, write_log
from loopline.server.connection import raise_limit
from loopline.server.serving import Asking, Outcome, Serving, number_of
from loopline.server.speaking import Speaking
from loopline.serving.desired import Answering, Desired
from loopline.serving.mixing import alone
from loopline.store.system import SystemClock, SystemIds

if TYPE_CHECKING:
    from loopline.server.recording import Records

TELL_S: Final = 1.0
"""How often the host hears how a front does, if nothing changes."""
_LONGEST: Final = 64 << 20
"""Bytes of one line of the host: signatures may list many categories."""
_log = logging.getLogger("loopline.server")


class Front:
    """What the process holds: the version that answers, perhaps one that is about to, meters and records."""

    def __init__(self, ref: str, *, project: str = "") -> None:
        self.ref = ref
        self.name = ref.partition("@")[0].rpartition("/")[2]
        self._serving: Serving | None = None
        self._coming: Serving | None = None
        self._wanted: int | None = None
        self._later: Desired | None = None
        """What is wanted once the version that the ref names answers."""
        self._restarts = 0
        self._ids, self._clock = SystemIds(), SystemClock()
        self._meters = ServiceMeters(self._state, project=project, ref=ref)
        self._records: Records | None = None
        self.tracing: Tracing | None = None
        self._told = asyncio.Event()
        self._ends: set[asyncio.Task[None]] = set()
        self._successes: dict[str, list[int]] = {}
        self.new_id = self._ids.new
        self.speaking = Speaking(self, self._told.set)

    def served(self) -> Serving | None:
        """Give the version that answers now."""
        return self._serving

    def want(self, desired: Desired) -> None:
        """Move to a version, as soon as it can answer."""
        now = self._coming or self._serving
        if now is not None and now.desired == desired:
            return
        if self._coming is not None:
            self._coming.kill()
            self._coming = None
        self._wanted = desired.number
        self._later = None
        if self._serving is not None and self._serving.desired == desired:
            self._told.set()
            return
        if self._serving is None and (first := alone(desired)) is not None:
            desired, self._later = first, desired  # nobody waits for a version that only rolls
        self._coming = Serving(desired, changed=self._changed, keep=self._keep, beside=self._serving)
        self._coming.start()
        self._changed()

    def _changed(self) -> None:
        """Look whether the coming version can take over."""
        coming = self._coming
        if coming is not None and coming.ready:
            before, self._serving, self._coming = self._serving, coming, None
            coming.take_over()
            for arm in coming.desired.service.arms:
                if not arm.shadow:
                    self._meters.begin(arm.name, arm.version)
            if (self._records.folder if self._records else "") != coming.desired.signals:
                self._open_records(coming.desired.signals)
            self.speaking.want(coming.desired.grpc, most=coming.limits.body)
            if before is not None:
                kept = set(map(id, coming.pools.values()))
                self._restarts += sum(pool.restarts for pool in before.pools.values() if id(pool) not in kept)
                task = asyncio.ensure_future(before.end(after=coming))
                self._ends.add(task)
                task.add_done_callback(self._ends.discard)
            if self._later is not None:
                self.want(self._later)
        self._told.set()

    def _open_records(self, folder: str) -> None:
        if self._records is not None:
            self._records.close()
            self._records = None
        if folder:
            from loopline.server.recording import Records

            self._records = Records(folder, self._clock.now)

    def _keep(self, desired: Desired, asking: Asking, outcome: Outcome) -> None:
        """Count what was answered, and write it down."""
        arm = outcome.arm
        status = 200 if outcome.error is None else status_of(outcome.error)
        if not arm.shadow:
            rows, took_s = asking.question.rows, outcome.took_s
            self._meters.count(arm.name, arm.version, status, rows=rows, took_s=took_s)
            if status == 200:
                sums = self._successes.setdefault(number_of(arm), [0, 0, 0])
                sums[0] += 1
                sums[1] += rows
                sums[2] += int(took_s * 1e9)
        if self._records is not None:
            self._records.keep(desired, asking, outcome, status)
        if self.tracing is not None:
            _trace(self.tracing, asking, outcome)

    def refused(self, kind: str, status: int) -> None:
        """Count a request that did not come as far as a model."""
        if kind not in _COUNTED or self._serving is None:
            self._meters.count("", "", status, rows=0, took_s=0.0)

    def metrics(self, accept: str) -> tuple[bytes, str]:
        """Give all meters as text, and its media type."""
        return self._meters.render(accept)

    def statistics(self) -> Iterator[Mapping[str, Any]]:
        """Give what Triton's clients call model_stats."""
        for version, (requests, rows, took) in sorted(self._successes.items()):
            yield {
                "name": self.name, "version": version, "inference_count": rows, "execution_count": requests,
                "inference_stats": {"success": {"count": requests, "ns": took}, "fail": {"count": 0, "ns": 0}},
            }  # fmt: skip

    def _state(self) -> State:
        serving = self._serving
        desired = serving.desired if serving else None
        arms = [
            ArmState(name, pool.arm.version, pool.waiting, len(pool.pids), pool.restarts, pool.batches, pool.busy_s)
            for name, pool in (serving.pools.items() if serving else ())
        ]
        return State(
            desired.number if desired else None, desired.change if desired else "", bool(serving and serving.ready), arms,
            self._records.dropped if self._records else 0,
        )  # fmt: skip

    def answering(self) -> Answering:
        """Say how this front does."""
        serving, coming = self._serving, self._coming
        pools = {id(pool): pool for one in (serving, coming) if one is not None for pool in one.pools.values()}.values()
        said = [one.message for one in (coming, serving) if one is not None and one.message]
        said += [one.trouble for one in (self.speaking, self._records) if one is not None and one.trouble]
        return Answering(
            number=serving.desired.number if serving else None,
            wanted=self._wanted,
            ready=bool(serving and serving.ready),
            whole=bool(serving and serving.whole),
            pids=(os.getpid(), *(pid for pool in pools for pid in pool.pids)),
            restarts=self._restarts + sum(pool.restarts for pool in pools),
            message="; ".join(said),
            dropped=self._records.dropped if self._records else 0,
            grpc=self.speaking.address,
            rolls=serving.rolls if serving else "",
        )

    async def tell(self, writer: asyncio.StreamWriter) -> None:
        """Tell the host how it goes, at once when something changes."""
        with contextlib.suppress(ConnectionError):
            while True:
                self._told.clear()
                writer.write(msgspec.json.encode(self.answering()) + b"\n")
                await writer.drain()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._told.wait(), TELL_S)

    async def hear(self, reader: asyncio.StreamReader) -> None:
        """Take what the host wants."""
        while line := await reader.readline():
            try:
                self.want(msgspec.json.decode(line, type=Desired))
            except (msgspec.DecodeError, msgspec.ValidationError):
                _log.exception("the host said something that nobody understands")

    async def look(self) -> None:
        """See to processes that hang or grow."""
        weighed = 0.0
        while True:
            await asyncio.sleep(LOOK_S)
            now = time.monotonic()
            weigh = now - weighed >= WEIGH_S
            weighed = now if weigh else weighed
            for one in (self._serving, self._coming):
                if one is not None:
                    one.look(weigh=weigh)

    async def end(self) -> None:
        """End everything: what was asked is answered first."""
        if self._coming is not None:
            self._coming.kill()
        if self._serving is not None:
            await self._serving.end()
        await asyncio.gather(*self._ends)
        if self._records is not None:
            self._records.close()


_COUNTED: Final = frozenset(("model-raised", "model-died", "not-ready", "too-many-requests"))
"""Kinds that are counted where a model process was asked."""


def main() -> int:
    """Serve as the first word (JSON) says, until SIGTERM, or until the host is gone."""
    asked: dict[str, Any] = json.loads(sys.argv[1])
    write_log()
    watch_lifeline()
    raise_limit()
    listening = socket.socket(fileno=asked["listening"])
    control = socket.socket(fileno=asked["control"])
    asyncio.run(_run(asked, listening, control))
    return 0


async def _run(asked: Mapping[str, Any], listening: socket.socket, control: socket.socket) -> None:
    front = Front(asked["ref"], project=asked.get("project", ""))
    reader, writer = await asyncio.open_connection(sock=control, limit=_LONGEST)
    front.tracing = front.speaking.tracing = open_tracing(f"loopline {asked['ref']}")
    app: Any = Inference(front, hosts=asked.get("hosts", ()))
    if front.tracing is not None:
        app = Traced(app, front.tracing, route_of_service)
    server = Server(app, ready=_nothing, ending=_nothing)
    here = asyncio.get_running_loop()

    def stop() -> None:
        server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        here.add_signal_handler(number, stop)
    tasks = [
        asyncio.ensure_future(one)
        for one in (front.tell(writer), front.hear(reader), front.look(), front.speaking.run())
    ]
    try:
        await server.serve(sockets=[listening])
    finally:
        await front.speaking.end()
        for task in tasks:
            task.cancel()
        await front.end()
        if front.tracing is not None:
            front.tracing.end()
        writer.close()


def _trace(tracing: Tracing, asking: Asking, outcome: Outcome) -> None:
    """Tell of the time in the queue of an arm, and of the time that its model took."""
    arm, began = outcome.arm, asking.began
    end, sent = began + outcome.took_s, outcome.sent or began + outcome.took_s
    facts: dict[str, Any] = {
        "arm": arm.name,
        "version": arm.version,
        "rows": asking.question.rows,
        "shadow": arm.shadow,
    }
    error = outcome.error.kind if outcome.error else ""
    tracing.part("queue", began=began, took_s=sent - began, error="" if outcome.sent else error, **facts)
    if outcome.sent:
        tracing.part("model", began=sent, took_s=end - sent, error=error, **facts)


def _nothing() -> None:
    """Do nothing."""
