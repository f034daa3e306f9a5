from __future__ import annotations

from typing import TYPE_CHECKING

from loopline.checks.document import Document, dump_document
from loopline.insights.calendar import Window
from loopline.ledger.delivery import Delivery
from loopline.ledger.effort import Effort
from loopline.nouns.artifact import SERVICE as SPECIFICATION
from loopline.nouns.name import AssetName, Numbered, RefName
from loopline.nouns.policy import Approvals, Policy
from loopline.nouns.service import Arm, Monitor, Recording, Service
from loopline.nouns.trigger import Do, OnTime, Trigger
from loopline.serving.specification import dump_service
from loopline.verbs.measuring import History
from loopline.verbs.practising import seen

from .conftest import CHAMPION, PROJECT

if TYPE_CHECKING:
    from loopline.insights.maturity import Seen

    from .conftest import World

FAR = 1 << 52


def look(world: World) -> Seen:
    """Look at all times."""
    with world.loop.ledger.read() as tx:
        window = Window(0, FAR, FAR)
        return seen(tx, world.loop, History(Delivery(tx.rows, PROJECT), window), Effort(tx.rows, PROJECT), window)


def test_an_empty_project_shows_nothing(world: World) -> None:
    """No model, no service, no policy: nothing is claimed."""
    found = look(world)
    assert (found.models, found.services, found.deployed, found.subscribed) == (0, 0, 0, 0)
    assert not found.guarded
    assert not found.retrains


def test_policies_triggers_and_services_are_looked_at(world: World) -> None:
    """Kinds by their globs, monitors of what is in production, a trigger that proposes what a pipeline makes."""
    version = world.train(b"one")
    world.do("propose", CHAMPION, to=Numbered(1), why="w", tier="production")
    arm = Arm("main", str(version), version.artifact.digest)
    body = dump_service(
        Service(
            "service/delay",
            (arm,),
            monitors=(Monitor("d", "drift"), Monitor("q", "quality")),
            recording=Recording(redact=("x",)),
        )
    )
    service = AssetName(PROJECT, "service", "delay")
    world.do("put", service, digest=world.loop.blobs.put(body), media_type=SPECIFICATION)
    world.do("propose", RefName(service, "prod"), to=Numbered(1), why="w", tier="production")
    policies = (
        Policy("models", ("model/*@champion",), approvals=Approvals(count=1)),
        Policy("all", ("*/*@prod", "data/*@main"), checks=("data/schema",)),
    )
    trigger = Trigger("nightly", OnTime("0 3 * * *", "UTC"), Do(pipeline="train", propose="model/delay@champion"))
    world.do("policy", document=dump_document(Document(policies, (), (trigger,))).decode(), why="w")
    world.do("subscribe", "https://example.org/hook", secret="env:CHAT")
    found = look(world)
    assert (found.models, found.by_pipeline, found.deployed) == (1, 0, 2)
    assert found.reviewed == {"model"}
    assert {"data", "model", "code"} <= found.guarded
    assert (found.services, found.recorded, found.redacted) == (1, True, True)
    assert found.monitors == {"drift", "quality"}
    assert found.retrains
    assert found.subscribed == 1


def test_lost_bytes_of_a_service_say_nothing(world: World) -> None:
    """What cannot be read is no reason to fail, and is not counted."""
    service = AssetName(PROJECT, "service", "delay")
    world.do("put", service, digest=world.loop.blobs.put(b"no service"), media_type=SPECIFICATION)
    world.do("propose", RefName(service, "prod"), to=Numbered(1), why="w", tier="production")
    assert look(world).services == 0
