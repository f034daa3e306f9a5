"""elsewhere: addresses that other programs print, led to the pages that show the same.

MLflow's clients print `http://HOST/#/experiments/1/runs/ID`. What is behind `#` never reaches a server, so `lead.js` turns it
into one of these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.routing import Route

from loopline.errors import NotFound
from loopline.faces.desk import act
from loopline.faces.web.page import address, door, project_of, see_other, shown

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from loopline.loop import Loop

DEFAULT: Final = "default"
"""The experiment of runs that name none, which MLflow's clients know by the number 0."""


@shown
async def experiment(request: Request) -> Response:
    """Lead from an experiment's number to its runs."""
    name = await act(request, _named, door(request, "find"), request.path_params["number"])
    where = "experiment = '{}'".format(name.replace("'", "''"))
    return see_other(address(project_of(request), "runs", where=where))


def _named(loop: Loop, number: str) -> str:
    if number == "0":
        return DEFAULT
    with loop.ledger.read() as tx:
        found = (
            tx.experiments.by_id(loop.project, int(number))
            if number.isascii() and number.isdigit() and len(number) < 19
            else None
        )
    if found is None:
        raise NotFound(f"there is no experiment {number}", kind="no-experiment", hint="loopline find experiments")
    return found.name


@shown
async def model(request: Request) -> Response:
    """Lead from a logged model to the version that it became, or to the run that logged it."""
    loop = door(request, "show")
    return see_other(await act(request, _place, loop, request.path_params["model"]))


def _place(loop: Loop, name: str) -> str:
    with loop.ledger.read() as tx:
        found = tx.logged.find(loop.project, name)
        versions = tx.versions.by_digest(loop.project, found.digest) if found and found.digest else []
        if versions:
            return address(loop.project, "assets", str(versions[0]))
        if found is None or found.run is None:
            raise NotFound(f"there is no logged model {name}", kind="no-model", hint="loopline find runs")
        return address(loop.project, "runs", found.run)


ROUTES = (
    Route("/p/{project}/experiments/{number}", experiment, name="experiment"),
    Route("/p/{project}/logged/{model}", model, name="logged"),
)
