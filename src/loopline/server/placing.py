"""placing: what a service version needs on this machine: models in folders, interpreters, a port."""

from __future__ import annotations

import threading
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

from loopline.errors import LooplineError, Unavailable
from loopline.loop import silent
from loopline.nouns.artifact import MODEL, Artifact
from loopline.nouns.digest import short
from loopline.nouns.name import parse_ref
from loopline.server.fitting import fits, interpreter, lendable
from loopline.server.listening import address_of, listen, taker_of
from loopline.serving.desired import Desired, Place
from loopline.serving.mixing import mixed
from loopline.signals.folder import folder_of
from loopline.verbs.deploying import service_of
from loopline.verbs.preparing import values_of

if TYPE_CHECKING:
    import socket

    from loopline.loop import Loop
    from loopline.nouns.digest import Digest
    from loopline.nouns.service import Arm
    from loopline.server.fronts import Wanted
    from loopline.settings import ServerSettings, Settings


class Placing:
    """Puts service versions in place. Threads may share it: one version is put in place at a time."""

    def __init__(self, loop: Loop, settings: Settings) -> None:
        self._loop = loop
        self._home = settings.home.absolute()
        self._server = settings.server
        self._interpreters: dict[Digest, tuple[str, str]] = {}
        self._guard = threading.Lock()

    def prepare(self, project: str, ref: str, wanted: Wanted) -> tuple[Desired, str]:
        """Give what a front is to be told, with a remark where something is not as it was asked. Raise LooplineError."""
        loop = replace(self._loop, project=project)
        name = parse_ref(ref, project=project)
        with loop.ledger.read() as tx:
            version = tx.versions.get(name.asset, wanted.number)
            new = tx.versions.get(name.asset, wanted.coming.number) if wanted.coming else None
        service, coming = service_of(loop, version), wanted.coming
        if coming and new:
            service = mixed(service, service_of(loop, new), coming.number, coming.share, shadow=coming.shadow)
        known = {arm.name for arm in service_of(loop, version).arms}
        trouble = ""
        with self._guard:
            try:
                placed = [self._placed(loop, arm) for arm in service.arms]
            except LooplineError as error:
                if coming is None:
                    raise
                service, coming = service_of(loop, version), None  # who is served already does not suffer for it
                trouble = f"version {new.number if new else ''} cannot be served beside it: {error.message}"
                placed = [self._placed(loop, arm) for arm in service.arms]
        if coming:
            placed = [
                (place if arm.name in known else replace(place, number=coming.number, change=coming.change), remark)
                for arm, (place, remark) in zip(service.arms, placed, strict=True)
            ]
        signals = str(folder_of(self._home / "signals", project, name.asset.name, name.ref))
        remarks = [trouble, *(remark for _, remark in placed)]
        grpc = ""
        if service.grpc:
            try:
                grpc = grpc_for(loop, self._server, project, ref)
            except LooplineError as error:  # it is no reason not to answer over HTTP
                remarks.append(f"gRPC is not spoken: {error.message} → {error.hint}")
        desired = Desired(
            project, ref, wanted.number, wanted.change, service, tuple(place for place, _ in placed), signals, grpc,
            coming.only if coming else None,
        )  # fmt: skip
        return desired, "; ".join(dict.fromkeys(remark for remark in remarks if remark))

    def _placed(self, loop: Loop, arm: Arm) -> tuple[Place, str]:
        try:
            folder = values_of(loop).folder(Artifact(arm.digest, MODEL))
        except (LooplineError, OSError) as error:
            hint = error.hint if isinstance(error, LooplineError) else ""
            raise Unavailable(
                f"{arm.version} ({short(arm.digest)}) cannot be put in place: {error}", kind="model-unreadable",
                hint=hint or "loopline verify", version=arm.version, digest=arm.digest,
            ) from error  # fmt: skip
        python, remark = self._interpreter(loop, arm)
        return Place(str(folder), python, tuple(lendable()) if python else ()), remark

    def _interpreter(self, loop: Loop, arm: Arm) -> tuple[str, str]:
        """Give the Python of an arm's environment; empty with a remark where this machine has nothing to restore it with."""
        if arm.environment is None:
            return "", ""
        known = self._interpreters.get(arm.environment)
        if known is None:
            differs = fits(loop, arm.environment)
            known = self._interpreters[arm.environment] = self._restored(loop, arm, differs) if differs else ("", "")
        return known

    def _restored(self, loop: Loop, arm: Arm, differs: list[str]) -> tuple[str, str]:
        if not _can_restore():
            return "", (
                f"{arm.version} runs with other packages than it was made with: {'; '.join(differs[:3])}"
                " → pip install 'loopline[reproduce]' where the host runs"
            )
        assert arm.environment is not None  # noqa: S101 - it was looked at by whoever asks
        return str(interpreter(loop, arm.environment, report=silent)), ""


def _can_restore() -> bool:
    from importlib.util import find_spec
    from shutil import which

    return find_spec("uv") is not None or which("uv") is not None


def listen_for(loop: Loop, server: ServerSettings, project: str, ref: str) -> socket.socket:
    """Listen on the port that a deployment keeps, or give it one that it keeps from now on.

    Raise Unavailable kind="port-taken" where somebody else listens there: another port would be one that nobody knows.
    """
    first, last = server.service_ports
    with loop.ledger.read() as tx:
        port, taken = tx.deployments.port(project, ref), tx.deployments.ports()
    if port and (not first or first <= port <= last):
        return _on(server.service_host, port, ref)
    made = _free(
        server.service_host, [one for one in range(first, last + 1) if one not in taken] if first else [0], ref
    )
    with loop.ledger.telemetry() as tx:
        tx.deployments.keep_port(project, ref, address_of(made)[1])
    return made


def grpc_for(loop: Loop, server: ServerSettings, project: str, ref: str) -> str:
    """Give the address at which a deployment speaks gRPC, and keeps to do so. Its front listens there itself, and waits for it.

    Raise Unavailable kind="no-free-port".
    """
    first, last = server.service_ports
    with loop.ledger.read() as tx:
        port, taken = tx.deployments.port(project, ref, "grpc"), tx.deployments.ports()
    if not port or (first and not first <= port <= last):
        ports = [one for one in range(first, last + 1) if one not in taken] if first else [0]
        with closing(_free(server.service_host, ports, ref)) as found:
            port = address_of(found)[1]
        with loop.ledger.telemetry() as tx:
            tx.deployments.keep_port(project, ref, port, "grpc")
    host = server.service_host
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _on(host: str, port: int, ref: str) -> socket.socket:
    try:
        return listen(host, port)
    except Unavailable as error:
        who = taker_of(port)
        raise Unavailable(
            f"port {port}, which {ref} keeps, is taken" + (f" by {who}" if who else ""), kind=error.kind,
            hint="stop what listens there, or set LOOPLINE_SERVICE_PORTS to a range without it", port=port, taker=who, ref=ref,
        ) from error  # fmt: skip


def _free(host: str, ports: list[int], ref: str) -> socket.socket:
    for port in ports:
        try:
            return listen(host, port)
        except Unavailable:
            continue
    raise Unavailable(
        f"no port is free for {ref}", kind="no-free-port", hint="set LOOPLINE_SERVICE_PORTS to a greater range", ref=ref
    )
