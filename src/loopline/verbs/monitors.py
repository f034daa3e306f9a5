"""monitors: what is looked at again and again, and how that stands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Final

from loopline.errors import LooplineError
from loopline.loop import Loop
from loopline.nouns.monitored import Monitored, Stand
from loopline.nouns.name import RefName
from loopline.verbs.deploying import service_at, service_ref
from loopline.verbs.paging import at_most

if TYPE_CHECKING:
    from loopline.ledger.ledger import Tables
    from loopline.nouns.look import Watch
    from loopline.nouns.ref import Ref

_ORDER: Final = ("firing", "bad", "undecided", "waiting", "good")


def monitors(
    loop: Loop,
    service: Annotated[RefName | None, "service/delay@prod; every service when left out"] = None,
    *,
    limit: Annotated[int, "how many at most"] = 200,
) -> tuple[Monitored, ...]:
    """List the monitors of what is deployed: where each stands, what it saw last, its open alert, and whether it is silenced.

    Those that have an open alert come first.

    Example:
        loopline monitors service/delay@prod
    """
    at_most(limit, paged=False)
    with loop.ledger.read() as tx:
        one = tx.refs.get(service_ref(service)) if service is not None else None
        refs = [one] if one is not None else tx.refs.of_kind("service", project=loop.project)
        found = [one for ref in refs for one in _of(tx, loop, ref)]
    return tuple(sorted(found, key=lambda one: _ORDER.index(one.stand))[:limit])


def _of(tx: Tables, loop: Loop, ref: Ref) -> Iterator[Monitored]:
    """Give the monitors of one ref. A specification that cannot be read declares none: `services` tells of that."""
    from loopline.signals.monitors import read

    try:
        declared = service_at(tx, loop, ref).monitors
    except LooplineError:
        return
    project, name = ref.name.asset.project, str(ref.name)
    stood = tx.monitors.of(project, name)
    for monitor in declared:
        looked_at, state = stood.get(monitor.name, (None, ""))
        watch = read(state) if state else None
        alert = tx.alerts.standing(project, name, monitor.name)
        silence = tx.alerts.silence_of(project, name, monitor.name)
        stand = "firing" if alert else _stand(watch)
        yield Monitored(
            name, ref.target, ref.change or "", ref.moved_at, monitor, stand, watch, looked_at, alert, silence
        )


def _stand(watch: Watch | None) -> Stand:
    if watch is None or watch.last is None:
        return "waiting"
    return watch.last.seen
