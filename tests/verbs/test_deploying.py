from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loopline.errors import Invalid
from loopline.nouns.artifact import SERVICE
from loopline.nouns.name import AssetName
from loopline.verbs.deploying import behind, service_of

from .conftest import PROJECT
from .test_deploy import DECLARED, PROD, champion, served, train

if TYPE_CHECKING:
    from .conftest import World


def test_a_specification_belongs_to_its_service(world: World) -> None:
    """The bytes of one service under the name of another are no version that could be served."""
    train(world)
    champion(world, 1)
    world.do("deploy", PROD, declared=DECLARED)
    assert served(world, 1).name == "service/delay"
    with world.loop.ledger.read() as tx:
        digest = tx.versions.get(PROD.asset, 1).artifact.digest
    other = world.do("put", AssetName(PROJECT, "service", "other"), digest=digest, media_type=SERVICE)
    with pytest.raises(Invalid) as caught:
        service_of(world.loop, other)
    assert caught.value.kind == "bad-service"


def test_what_is_no_specification_is_behind_nothing(world: World) -> None:
    """Other bytes at a ref of a service do not break the overview."""
    version = world.do("put", PROD.asset, digest=world.loop.blobs.put(b"no service"))
    with world.loop.ledger.read() as tx:
        assert behind(tx, world.loop, version) == ()
