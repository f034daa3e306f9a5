"""served: what stands around every page of a deployment: how it does, which change is in force, what else there is of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from loopline.errors import LooplineError, NotFound
from loopline.faces.web.ask import ask, try_to, why_not
from loopline.faces.web.page import address, project_of, render
from loopline.nouns.deployment import Deployment
from loopline.nouns.look import AHEAD

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from loopline.faces.web.asked import Asked
    from loopline.nouns.alert import Alert
    from loopline.nouns.change import Moved

TIERS: Final = ("prod", "production", "staging", "canary")
"""Refs in the order that people care about; others come behind, by name."""
PARTS: Final = (("Traffic", ""), ("Quality", "quality"), ("Drift", "drift"), ("Predictions", "predictions"))


@dataclass(frozen=True, slots=True)
class Served:
    """A deployment with what it hangs together with."""

    here: Deployment
    """With its specification, where that can be read."""
    others: tuple[Deployment, ...]
    """Of the same service, this one among them."""
    alerts: tuple[Alert, ...]
    """Those that are open."""
    moves: tuple[Moved, ...]
    """The last moves of its ref, newest first."""

    @property
    def asset(self) -> str:
        """Name the service: `service/delay`."""
        return asset_of(self.here)

    @property
    def tag(self) -> str:
        """Name the ref alone: `prod`."""
        return self.here.ref.rpartition("@")[2]


def asset_of(one: Deployment) -> str:
    """Name the service of a deployment."""
    return one.ref.rpartition("@")[0]


def rank(one: Deployment) -> tuple[str, int, str]:
    """Order deployments: by service, and there as people care about them."""
    ref = one.ref.rpartition("@")[2]
    return asset_of(one), TIERS.index(ref) if ref in TIERS else len(TIERS), ref


def meant(request: Request) -> str:
    """Give what the address names. Whoever types one leaves the kind out: `services/delay@prod`."""
    what: str = request.path_params["what"]
    return what if "/" in what else f"service/{what}"


async def served(request: Request) -> Served:
    """Find the deployment that the address names; of a service without a ref, the one that people care about most."""
    what = meant(request)
    every: Sequence[Deployment] = await ask(request, "services", limit=1000)
    asset = what.rpartition("@")[0] or what
    others = tuple(sorted((one for one in every if asset_of(one) == asset), key=rank))
    if not others:
        raise NotFound(
            f"{asset} is not deployed",
            kind="no-service",
            hint=f"loopline deploy {asset}@prod --model model/NAME@REF",
            service=asset,
        )
    named = next((one for one in others if one.ref == what), others[0] if "@" not in what else None)
    here = named
    try:
        here = await ask(request, "show", what=named.ref if named else what)
    except LooplineError as error:
        if named is None or error.kind != "no-ref":  # what still ends has no ref any more
            raise
    if not isinstance(here, Deployment):
        raise NotFound(f"{what} is no deployment", kind="no-service", hint=f"look at {others[0].ref}", service=what)
    alerts, _ = await try_to(request, "alerts", service=here.ref, open=True, limit=20)
    moves, _ = await try_to(request, "history", what=here.ref, limit=8)
    return Served(here, others, alerts or (), moves or ())


async def newest(request: Request, ref: str) -> tuple[int | None, LooplineError | None]:
    """Tell the time of the newest event that was predicted; None where there is none, or where nobody here knows."""
    now = request.app.state.desk.loop.clock.now()
    found, problem = await try_to(request, "predictions", ref=ref, until=now + AHEAD, limit=1)
    return (found[0].event_time if found else None), problem


async def show(request: Request, found: Served, part: str, *, asked: Asked, **values: Any) -> Response:
    """Write one part of a deployment's page."""
    project, here = project_of(request), found.here
    refs = [
        (f"@{one.ref.rpartition('@')[2]}", address(project, "services", one.ref, part), one.ref == here.ref, 0)
        for one in found.others
    ]
    tabs = [
        (title, address(project, "services", here.ref, name), name == part, len(found.alerts) if not name else 0)
        for title, name in PARTS
    ]
    log = None
    if here.state in ("failing", "degraded") and not part:
        log, _ = await try_to(request, "tail", run=here.ref, offset=-3000, limit=3000)
    title = next(title for title, name in PARTS if name == part)
    return await render(
        request, f"service-{part or 'traffic'}.html", title=f"{here.ref} – {title.lower()}" if part else here.ref,
        section="services", asked=asked, crumbs=[("Services", address(project, "services"))], found=found, here=here,
        refs=refs if len(refs) > 1 else (), tabs=tabs, log=log.text if log else "",
        polled=not part, incidents=(await try_to(request, "find", what="incidents", open=True, limit=100))[0] or (),
        why_not={
            verb: why_not(request, verb, assets=[found.asset]) for verb in ("acknowledge", "silence", "rollback", "incident")
        }, **values,
    )  # fmt: skip


def choices(values: Mapping[str, str], chosen: str) -> list[tuple[str, str, bool]]:
    """Give what a field offers: (value, words, whether it is chosen); what was typed by hand is offered too."""
    offered = {**values, **({} if chosen in values else {chosen: chosen})}
    return [(value, words, value == chosen) for value, words in offered.items()]
