from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from loopline.errors import Conflict, Invalid

if TYPE_CHECKING:
    from .conftest import World

URL = "https://chat.example.org/hook"


def test_only_what_happens_from_now_on_is_sent(world: World) -> None:
    """A new subscription stands behind the event of its own making, or where somebody says."""
    world.do("start", "train")
    one = world.do("subscribe", URL, secret="env:CHAT")
    assert (one.name, one.position) == ("chat.example.org", len(world.events()))
    assert world.do("subscribe", URL, name="all", secret="env:CHAT", since=1).position == 0
    assert world.events()[-1].kind == "subscription.created"
    for since in (0, -1, 100):
        with pytest.raises(Invalid):
            world.do("subscribe", URL, name="x", secret="env:CHAT", since=since)


def test_the_feed_never_holds_a_secret(world: World) -> None:
    """What is recorded names where the secret is, and not even that is in the feed."""
    world.do("subscribe", URL, secret="env:CHAT")
    assert "CHAT" not in str([event.payload for event in world.events()])
    (one,) = world.do("find", "subscriptions")
    assert one.secret == "env:CHAT"
    with pytest.raises(Invalid) as caught:
        world.do("subscribe", URL, name="x", secret="whsec_c2VjcmV0")
    assert "c2VjcmV0" not in f"{caught.value}{caught.value.facts}"


@pytest.mark.parametrize(
    ("asked", "kind"),
    [
        ({"url": "ftp://x/"}, "bad-url"),
        ({"url": "https://"}, "bad-url"),
        ({"url": "https://ann:pw@x/"}, "bad-url"),
        ({"url": "https://x/\r\nHost: y"}, "bad-url"),
        ({"url": "https://x:99999/"}, "bad-url"),
        ({"url": "https://x/#part"}, "bad-url"),
        ({"url": "https://[::1"}, "bad-url"),
        ({"url": "https://x/ä"}, "bad-url"),
        ({"url": "gopher://x/"}, "bad-url"),
        ({"url": "mailto:"}, "bad-url"),
        ({"url": "mailto:ops"}, "bad-url"),
        ({"url": "mailto:a@b..c"}, "bad-url"),
        ({"url": "mailto:a..b@example.org"}, "bad-url"),
        ({"url": "mailto:.a@example.org"}, "bad-url"),
        ({"url": "mailto:a@example.-org"}, "bad-url"),
        ({"url": "mailto:ops@example.org?cc=eve@example.org"}, "bad-url"),
        ({"url": "mailto:ops@example.org,eve@example.org"}, "bad-url"),
        ({"url": "mailto:ops@example.org\r\nBcc: eve@example.org"}, "bad-url"),
        ({"url": "mailto:ops%0aBcc@example.org"}, "bad-url"),
        ({"url": "mailto:<ops@example.org>"}, "bad-url"),
        ({"url": "mailto:ops@example.org"}, "not-for-these"),
        ({"format": "mail"}, "bad-url"),
        ({"url": "https://x/" + "a" * 3000}, "bad-url"),
        ({"kinds": ()}, "bad-kinds"),
        ({"kinds": ("change *",)}, "bad-kinds"),
        ({"secret": ""}, "no-secret"),
        ({"secret": "env:"}, "secret-in-place"),
        ({"secret": "env:LOOPLINE_TOKEN"}, "secret-in-place"),
        ({"secret": "file:relative"}, "secret-in-place"),
        ({"name": "a b"}, "bad-subscription-name"),
    ],
)
def test_what_cannot_be_sent_to_is_refused(world: World, asked: dict[str, Any], kind: str) -> None:
    """An address, glob, name or secret that makes no sense is refused before anything is written."""
    with pytest.raises(Invalid) as caught:
        world.do("subscribe", **({"url": URL, "secret": "env:CHAT"} | asked))
    assert caught.value.kind == kind
    assert world.do("find", "subscriptions") == ()


def test_a_name_is_given_once(world: World) -> None:
    """Two subscriptions of a project have two names; another project has its own."""
    world.do("subscribe", URL, secret="env:CHAT")
    with pytest.raises(Conflict):
        world.do("subscribe", URL, secret="env:CHAT")
    assert world.abroad().do("subscribe", URL, secret="env:CHAT").name == "chat.example.org"


def test_lineage_needs_no_secret(world: World) -> None:
    """Receivers of OpenLineage know no signatures, so none is asked for."""
    assert world.do("subscribe", URL, format="openlineage").secret == ""


def test_a_mailbox_is_a_subscriber(world: World) -> None:
    """Its form is that of letters, whatever was asked for; it is called by its address, and signs nothing."""
    one = world.do("subscribe", "mailto:ops+ml@example.org", kinds=("alert.*",))
    assert (one.format, one.name, one.secret) == ("mail", "ops-ml-at-example.org", "")
