"""leftovers: journals of processes that died, shipped by whoever comes next."""

from __future__ import annotations

import os
from pathlib import Path

from loopline.errors import LooplineError, Unavailable
from loopline.nouns.ids import brief
from loopline.nouns.run import RunState
from loopline.sdk.client import Client
from loopline.sdk.journal import SUFFIX, log, remove_when_shipped, take
from loopline.sdk.records import write_record
from loopline.sdk.shipping import Shipment

SILENT = ("server-unreachable", "not-a-loopline")
"""Kinds of errors that are no journal's fault."""
DIED = "the process died before it finished the run"


def adopt(client: Client, folder: Path, *, url: str = "") -> int:
    """Ship every journal in `folder` whose process is gone, and end its run as crashed where nobody else did.

    `url` is the server that `client` asks: journals for another one, or for the ledger here, are left to who asks that one.
    Gives how many were shipped. Any number of processes may do so at once: each journal has a lock. What cannot be shipped
    now stays for the next one. Costs one look into the folder where nothing is left over.
    """
    try:
        names = sorted(one.name for one in folder.iterdir() if one.name.endswith(SUFFIX))
    except OSError:
        return 0
    done = 0
    for name in names:
        try:
            done += _adopt(client, folder / name, url)
        except Unavailable:  # it will not answer about the others either
            break
    return done


def _adopt(client: Client, path: Path, url: str) -> bool:
    try:
        number = take(path)
    except OSError:  # somebody else has just removed it, or it is not ours to read
        return False
    if number is None:
        return False
    try:
        source = path.name.removesuffix(SUFFIX).rpartition("-")[2]
        shipment = Shipment(client, path, number, source=source, fresh=False)
        if shipment.told().get("url", url) != url:
            return False
        shipment.skip()
        before = shipment.end
        try:
            shipment.ship()
        except LooplineError:
            if shipment.end > before:  # the next one goes on there
                os.write(number, write_record("shipped", shipment.last_at, shipment.end))
            raise
        if shipment.head and shipment.ended is None and not shipment.head.get("attached"):
            shipment.crash(DIED)
        if shipment.ended is not None and shipment.ended.state is RunState.CRASHED:
            log.warning(
                "loopline found run %s (%s) of a process that died", brief(shipment.ended.id), shipment.ended.name
            )
        return remove_when_shipped(path, number, os.fstat(number).st_size)
    except LooplineError as error:
        log.warning("loopline keeps %s for later: %s", path, error.message)
        if error.kind in SILENT:
            raise
    except Exception as error:  # noqa: BLE001 (somebody else's journal is no reason to stop)
        log.warning("loopline cannot ship %s: %s: %s", path, type(error).__name__, error)
    finally:
        os.close(number)
    return False
