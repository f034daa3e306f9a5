"""Webhooks: made, changed and tried as clients do it, and told by the relay what happens in the registry."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from loopline.nouns.name import AssetName, Numbered, RefName
from loopline.server.hosts import LOOPBACK, Hosts
from loopline.server.relay import Pace, Relay
from loopline.settings.server import ServerSettings
from loopline.store.system import SystemClock
from loopline.verbs.find import find
from loopline.verbs.propose import propose
from loopline.verbs.put import put
from loopline.verbs.subscribe import subscribe
from tests.server.receiving import Letter, Receiver, receiving, running
from tests.server.serving import Served

from .conftest import Tracker

QUICK = Pace(threads=2, poll=0.05, timeout=0.5, tries=4, first=0.02, longest=0.1, lease=5.0, grace=0.2)
SECRET = "my-secret"
CREATED = [{"entity": "REGISTERED_MODEL", "action": "CREATED"}]


def every() -> list[dict[str, str]]:
    from loopline.faces.mlflow.emit import EVENTS

    return [{"entity": entity.upper(), "action": one.upper()} for entity, actions in EVENTS.items() for one in actions]


def verified(letter: Letter, secret: str) -> bool:
    """Tell whether a request is signed, as MLflow's documentation tells receivers to look: not by our code."""
    names = {name.lower(): value for name, value in letter.headers.items()}
    signed = f"{names['x-mlflow-delivery-id']}.{names['x-mlflow-timestamp']}.{letter.body.decode()}"
    expected = base64.b64encode(hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest()).decode()
    return hmac.compare_digest(names["x-mlflow-signature"], f"v1,{expected}")


@pytest.fixture
def hooked(tmp_path: Path) -> Iterator[Tracker]:
    """Give a server with the real clock and a key of its own."""
    made = Tracker(Served(tmp_path, clock=SystemClock(), key=lambda: b"k" * 32))
    yield made
    made.served.close()


def make(tracker: Tracker, receiver: Receiver, name: str = "hook", **more: Any) -> Any:
    body = {"name": name, "url": receiver.url, "events": every(), "secret": SECRET, **more}
    return tracker.post("webhooks", **body)["webhook"]


def told(receiver: Receiver) -> list[tuple[str, Any]]:
    said = [json.loads(one.body) for one in receiver.letters]
    return [(f"{one['entity']}.{one['action']}", one["data"]) for one in said]


def live(tracker: Tracker) -> None:
    """Do in the registry what webhooks tell of."""
    tags = [{"key": "team", "value": "ops"}]
    tracker.post("registered-models/create", name="delay", tags=tags, description="how late")
    prompt = [{"key": "mlflow.prompt.is_prompt", "value": "true"}]
    tracker.post("registered-models/create", name="hello", tags=[*prompt, *tags])
    text = [*prompt, {"key": "mlflow.prompt.text", "value": "Hello {{name}}"}, *tags]
    tracker.post("model-versions/create", name="hello", source="prompt-template", tags=text, description="first")
    tracker.post("model-versions/set-tag", name="hello", version="1", key="a", value="b")
    tracker.say("DELETE", "model-versions/delete-tag", {"name": "hello", "version": "1", "key": "a"})
    tracker.post("registered-models/set-tag", name="hello", key="c", value="d")
    tracker.say("DELETE", "registered-models/delete-tag", {"name": "hello", "key": "c"})
    tracker.post("registered-models/alias", name="hello", alias="prod", version="1")
    tracker.say("DELETE", "registered-models/alias", {"name": "hello", "alias": "prod"})


def test_a_receiver_is_told_what_happens_in_order_and_signed(hooked: Tracker) -> None:
    """Each event of the registry comes as MLflow writes it, under an id of its own, with the secret that the client gave."""
    with receiving() as receiver, running(Relay(hooked.served.loop, Hosts(LOOPBACK), pace=QUICK)):
        make(hooked, receiver)
        live(hooked)
        receiver.wait(lambda: len(receiver.letters) == 9)
        about = {"name": "hello", "version": "1"}
        assert told(receiver) == [
            ("registered_model.created", {"name": "delay", "tags": {"team": "ops"}, "description": "how late"}),
            ("prompt.created", {"name": "hello", "tags": {"team": "ops"}, "description": None}),
            ("prompt_version.created", {
                **about, "template": "Hello {{name}}", "tags": {"team": "ops"}, "description": "first",
            }),
            ("prompt_version_tag.set", {**about, "key": "a", "value": "b"}),
            ("prompt_version_tag.deleted", {**about, "key": "a"}),
            ("prompt_tag.set", {"name": "hello", "key": "c", "value": "d"}),
            ("prompt_tag.deleted", {"name": "hello", "key": "c"}),
            ("prompt_alias.created", {**about, "alias": "prod"}),
            ("prompt_alias.deleted", {"name": "hello", "alias": "prod"}),
        ]  # fmt: skip
        assert all(verified(one, SECRET) and not verified(one, "guess") for one in receiver.letters)
        assert len({one.headers["X-MLflow-Delivery-Id"] for one in receiver.letters}) == 9
        said = json.loads(receiver.letters[0].body)
        assert set(said) == {"entity", "action", "timestamp", "data", "workspace"}
        assert said["workspace"] == "flights"


def test_a_receiver_is_told_of_models_that_anybody_publishes(hooked: Tracker) -> None:
    """What comes by a verb of ours means the same: a model, its version, a ref that moves."""
    loop = hooked.served.loop
    digest = loop.blobs.put(b"weights")
    with receiving() as receiver, running(Relay(loop, Hosts(LOOPBACK), pace=QUICK)):
        make(hooked, receiver)
        put(loop, AssetName("flights", "model", "de lay@x"), digest=digest)
        ref = RefName(AssetName("flights", "model", "de lay@x"), "champion")
        propose(loop, ref, to=Numbered(1), why="first")
        receiver.wait(lambda: len(receiver.letters) == 3)
        found = told(receiver)
    assert [kind for kind, _ in found] == [
        "registered_model.created",
        "model_version.created",
        "model_version_alias.created",
    ]
    assert (found[1][1]["name"], found[1][1]["version"]) == ("de lay@x", "1")
    assert found[2][1] == {"name": "de lay@x", "alias": "champion", "version": "1"}


def test_what_did_not_arrive_comes_again_and_only_what_is_wanted_comes(hooked: Tracker) -> None:
    """After a failure the same event comes under the same id; kinds that nobody asked for never do."""
    with receiving(lambda _: 500 if len(receiver.letters) < 3 else 204) as receiver:
        make(hooked, receiver, events=[{"entity": "PROMPT_TAG", "action": "DELETED"}])
        with running(Relay(hooked.served.loop, Hosts(LOOPBACK), pace=QUICK)):
            live(hooked)
            receiver.wait(lambda: len(receiver.letters) == 3)
    assert {kind for kind, _ in told(receiver)} == {"prompt_tag.deleted"}
    assert len({one.headers["X-MLflow-Delivery-Id"] for one in receiver.letters}) == 1


def test_a_webhook_that_is_switched_off_is_never_told_what_happened_meanwhile(hooked: Tracker) -> None:
    """Switched on again, it is told what happens from then on."""
    with receiving() as receiver, running(Relay(hooked.served.loop, Hosts(LOOPBACK), pace=QUICK)):
        hook = make(hooked, receiver, status="DISABLED", events=CREATED)
        assert hook["status"] == "DISABLED"
        hooked.post("registered-models/create", name="before")
        path = f"webhooks/{hook['webhook_id']}"
        assert hooked.say("PATCH", path, {"status": "ACTIVE"})["webhook"]["status"] == "ACTIVE"
        hooked.post("registered-models/create", name="after")
        receiver.wait(lambda: len(receiver.letters) == 1)
        assert told(receiver)[0][1]["name"] == "after"


def test_a_webhook_is_changed_listed_and_ended(hooked: Tracker) -> None:
    """What is left out stays; a new secret signs from then on, and an ended one is told nothing more."""
    with receiving() as receiver, receiving() as other:
        hook = make(hooked, receiver, description="d", events=CREATED)
        assert set(hook) == {
            "webhook_id", "name", "url", "events", "status", "creation_timestamp", "last_updated_timestamp", "description",
        }  # fmt: skip
        path = f"webhooks/{hook['webhook_id']}"
        changed = hooked.say("PATCH", path, {"name": "new", "url": other.url, "secret": "another"})["webhook"]
        assert (changed["name"], changed["url"], changed["description"]) == ("new", other.url, "d")
        assert (changed["events"], changed["status"]) == (CREATED, "ACTIVE")
        assert hooked.get(path)["webhook"] == changed
        assert hooked.say("PATCH", path, {"description": ""})["webhook"].get("description") is None
        with running(Relay(hooked.served.loop, Hosts(LOOPBACK), pace=QUICK)):
            hooked.post("registered-models/create", name="a")
            other.wait(lambda: len(other.letters) == 1)
            assert verified(other.letters[0], "another")
            hooked.say("DELETE", path)
            hooked.post("registered-models/create", name="b")
        assert (len(other.letters), len(receiver.letters)) == (1, 0)
    for method, more in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/test")):
        body: dict[str, str] | None = {} if method in ("PATCH", "POST") else None
        assert hooked.refused(method, f"{path}{more}", body)[:2] == (404, "RESOURCE_DOES_NOT_EXIST")


def test_pages_of_webhooks_go_on(hooked: Tracker) -> None:
    """Newest first, with a token to the rest; subscriptions of other formats are none."""
    subscribe(hooked.served.loop, "http://127.0.0.1/x", name="own", secret="env:HOOK")
    with receiving() as receiver:
        for number in range(5):
            make(hooked, receiver, f"h{number}")
    seen, token = [], ""
    while True:
        page = hooked.get("webhooks", max_results=2, page_token=token)
        seen += [one["name"] for one in page["webhooks"]]
        token = page.get("next_page_token", "")
        if not token:
            break
    assert seen == ["h4", "h3", "h2", "h1", "h0"]
    for most in (0, -1, 1_001, 2**70):
        assert hooked.refused("GET", "webhooks", {"max_results": most})[0] == 400


def test_nobody_is_told_a_secret_again(hooked: Tracker) -> None:
    """Neither by this API nor by ours, and neither feed nor rows hold it."""
    with receiving() as receiver:
        hook = make(hooked, receiver, secret="correct horse battery staple")
    loop = hooked.served.loop
    said = json.dumps([hooked.get("webhooks"), hooked.get(f"webhooks/{hook['webhook_id']}")])
    said += repr(find(loop, "subscriptions"))
    with loop.ledger.read() as tx:
        said += repr([one.payload for one in tx.feed.iter("flights")])
        said += repr(tx.taggings.of(f"subscription/{hook['webhook_id']}"))
    assert "battery" not in said
    assert base64.b64encode(b"battery")[:-3].decode() not in said


def test_a_webhook_is_tried(hooked: Tracker) -> None:
    """With an example that is signed, and told by the receiver's status and never by its words."""
    with receiving() as receiver:
        path = f"webhooks/{make(hooked, receiver)['webhook_id']}/test"
        assert hooked.say("POST", path, {}) == {"result": {"success": True, "response_status": 204}}
        chosen = {"event": {"entity": "MODEL_VERSION", "action": "CREATED"}}
        assert hooked.say("POST", path, chosen)["result"]["success"] is True
        assert [kind for kind, _ in told(receiver)] == ["registered_model.created", "model_version.created"]
        assert all(verified(one, SECRET) for one in receiver.letters)
        receiver.answer = lambda _: 500
        result = hooked.say("POST", path, {})["result"]
    assert (result["success"], result["response_status"]) == (False, 500)
    assert hooked.say("POST", path, {})["result"]["success"] is False  # nobody listens any more


@pytest.mark.parametrize(
    "change",
    [
        {"name": ""}, {"name": "a b"}, {"name": "-a"}, {"name": "x" * 64}, {"name": 7}, {"url": ""}, {"url": "ftp://h/x"},
        {"url": "http://u:p@127.0.0.1/x"}, {"url": "http://"}, {"url": "x"}, {"url": "http://127.0.0.1:99999/"},
        {"url": "http://127.0.0.1/" + "x" * 2_000}, {"url": "file:///1"}, {"events": []}, {"events": "all"},
        {"events": [{"entity": "PLANET", "action": "CREATED"}]}, {"events": [{"entity": "PROMPT", "action": "DELETED"}]},
        {"events": [{"entity": "BUDGET_POLICY", "action": "EXCEEDED"}]}, {"events": [{"entity": 99, "action": 1}]},
        {"events": [{}]}, {"status": "PERHAPS"}, {"status": 7}, {"description": "x" * 1_001}, {"secret": "x" * 1_001},
    ],
)  # fmt: skip
def test_what_cannot_be_a_webhook_is_refused(hooked: Tracker, change: dict[str, Any]) -> None:
    """With 400, whether it is made or changed, and nothing is kept of it."""
    body = {"name": "a", "url": "http://127.0.0.1/x", "events": CREATED, **change}
    assert hooked.refused("POST", "webhooks", body)[0] == 400
    assert hooked.get("webhooks") == {"webhooks": []}


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "[fe80::1]",
        "10.0.0.1",
        "[::ffff:169.254.169.254]",
        "0.0.0.0",
        "metadata.google.internal",
        "1.1.1.1",
    ],
)
def test_a_host_that_is_not_allowed_is_refused_when_it_is_named(hooked: Tracker, host: str) -> None:
    """What is link-local, private or simply not in the settings, before anything is sent there."""
    body = {"name": "a", "url": f"http://{host}/latest/meta-data", "events": CREATED}
    status, _, message = hooked.refused("POST", "webhooks", body)
    assert status == 400
    assert "LOOPLINE_WEBHOOK_HOSTS" in message


def test_loopback_is_allowed_only_to_a_server_on_loopback(tmp_path: Path) -> None:
    """One that others reach calls nobody on its own machine, unless its settings say so."""
    tracker = Tracker(Served(tmp_path, ServerSettings(host="0.0.0.0", hosts=("127.0.0.1",))))
    secret = tracker.served.token("root", "admin", everywhere=True).secret
    body = {"name": "a", "url": "http://127.0.0.1:9/x", "events": CREATED}
    assert tracker.refused("POST", "webhooks", body, authorization=f"Bearer {secret}")[0] == 400
    tracker.served.close()


def test_a_name_that_is_taken_is_refused(hooked: Tracker) -> None:
    """By a webhook or by any subscription of the project."""
    with receiving() as receiver:
        make(hooked, receiver, "a")
        other = make(hooked, receiver, "b")
        body = {"name": "a", "url": receiver.url, "events": CREATED}
        assert hooked.refused("POST", "webhooks", body)[1] == "RESOURCE_ALREADY_EXISTS"
        assert hooked.refused("PATCH", f"webhooks/{other['webhook_id']}", {"name": "a"})[1] == "RESOURCE_ALREADY_EXISTS"
