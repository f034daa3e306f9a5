"""The lineage face over HTTP, in front of a loop in memory."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
from httpx import ASGITransport, AsyncClient
from starlette.applications import Starlette

from loopline.faces.desk import Desk
from loopline.faces.openlineage.routes import routes
from loopline.nouns.actor import Actor
from loopline.nouns.caller import Caller
from loopline.nouns.event import Event
from loopline.nouns.run import Run
from loopline.testing.loop import loop
from loopline.verbs import load

if TYPE_CHECKING:
    from httpx import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

    from loopline.loop import Loop

AIRFLOW = Actor("token", "airflow", verified=True)
RUN = "01941f29-7c00-7aaa-8000-000000000001"
OTHER = "d9f1b3c2-8e1c-4a8e-9b1a-000000000002"
OPEN = Caller(AIRFLOW, open=True)


class _Known:
    """Stands where the server makes sure of who asks."""

    def __init__(self, app: ASGIApp, world: World) -> None:
        self._app, self._world = app, world

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its caller."""
        scope["loopline.caller"] = self._world.caller
        await self._app(scope, receive, send)


@dataclass
class World:
    """A server, and the loop behind it."""

    loop: Loop
    caller: Caller | None = OPEN
    app: Any = None

    def post(self, value: Any, path: str = "/api/v1/lineage", **fields: str) -> Response:
        """Send an event, or bytes as they are, perhaps with other header fields."""
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        headers = {"Content-Type": "application/json"} | {name.replace("_", "-"): one for name, one in fields.items()}
        return asyncio.run(self._post(path, body, headers))

    async def _post(self, path: str, body: bytes, headers: dict[str, str]) -> Response:
        transport = ASGITransport(self.app)
        async with AsyncClient(transport=transport, base_url="http://loop.example") as client:
            return await client.post(path, content=body, headers=headers)

    def tell(self, *events: Any) -> None:
        """Send events one after the other; each must be taken."""
        for event in events:
            answer = self.post(event)
            assert answer.status_code == 200, answer.text

    def run(self, number: str = RUN, project: str = "flights") -> Run:
        """Read the run of that foreign id."""
        with self.loop.ledger.read() as tx:
            found = tx.runs.foreign(project, number)
        assert found is not None
        return found

    def events(self, project: str = "flights") -> list[Event]:
        """Read the feed."""
        with self.loop.ledger.read() as tx:
            return list(tx.feed.iter(project))

    def do(self, verb: str, *args: Any, project: str = "flights", **asked: Any) -> Any:
        """Call a verb."""
        return load(verb)(replace(self.loop, project=project), *args, **asked)


@pytest.fixture
def world() -> Iterator[World]:
    """Give a server in front of an empty loop."""
    world = World(loop())
    desk = Desk(world.loop)
    app = Starlette(routes=routes())
    app.state.desk = desk
    world.app = _Known(app, world)
    yield world
    desk.threads.shutdown()


def event(said: str | None = "START", run: str = RUN, **more: Any) -> dict[str, Any]:
    """A run event as integrations send it."""
    job = {"namespace": "airflow-prod", "name": "shop.load_orders"}
    return {
        "eventType": said, "eventTime": more.pop("at", "2026-07-01T10:00:00.000Z"),
        "producer": "https://github.com/apache/airflow/tree/providers-openlineage/2.0.0",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": run, "facets": more.pop("run_facets", {})},
        "job": {**job, "facets": more.pop("job_facets", {}), **more.pop("job", {})},
        "inputs": [], "outputs": [], **more,
    }  # fmt: skip


def dataset(name: str, *, namespace: str = "postgres://db:5432", **facets: Any) -> dict[str, Any]:
    """A dataset, with facets."""
    return {"namespace": namespace, "name": name, "facets": {key: facet(**one) for key, one in facets.items()}}


def facet(**fields: Any) -> dict[str, Any]:
    """A facet."""
    return {
        "_producer": "https://example.org",
        "_schemaURL": "https://openlineage.io/spec/facets/1-0-0/X.json",
        **fields,
    }
