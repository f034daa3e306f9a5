"""The settings: tokens whose secret is shown once, roles, subscriptions; and who may touch them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .posting import Hand, token_for
from .serving import wrong_with

if TYPE_CHECKING:
    from .serving import Server
    from .story import Story

HERE = "/p/flights/settings"


def test_a_secret_is_shown_once(fresh: Story, serving: Server) -> None:
    """The answer to the form has it, and must not be kept; no page has it later; the token it belongs to works."""
    root = Hand(serving, token_for(fresh, "root", "admin", everywhere=True))
    answer = root.post(f"{HERE}/tokens", do="issue", name="laptop", actor="ann", role="contributor", expires="7d")
    (_, written) = answer.html.split('class="secret">')
    secret = written.partition("<")[0]
    assert (answer.status, answer.headers["cache-control"], wrong_with(answer)) == (200, "no-store", [])
    page = root.get(f"{HERE}/tokens")
    assert secret not in page.html
    assert "laptop" in page.text
    ann = Hand(serving, secret)
    assert "contributor" in ann.get(HERE).text
    token = next(one.id for one in fresh.do("find", "tokens", by="root") if one.name == "laptop")
    assert root.post(f"{HERE}/tokens", do="revoke", token=token).status == 303
    assert ann.get(HERE).status in (303, 401)


def test_roles_are_given_and_taken(fresh: Story, serving: Server) -> None:
    """A role that was given stands on the page with a button to take it away."""
    root = Hand(serving, token_for(fresh, "root", "admin", everywhere=True))
    assert root.post(f"{HERE}/people", do="grant", who="bob", role="role/approver").status == 303
    page = root.get(f"{HERE}/people")
    assert wrong_with(page) == []
    assert "role/approver" in page.text
    assert page.tree.all("input", name="who", value="person:bob")
    assert root.post(f"{HERE}/people", do="revoke", who="person:bob", role="role/approver").status == 303
    assert fresh.do("about").teams == {}


def test_a_subscription_is_made_and_ended(fresh: Story, serving: Server) -> None:
    """An address is told of events from then on, how far it is behind is told, and it can be ended."""
    root = Hand(serving, token_for(fresh, "root", "admin", everywhere=True))
    form = {
        "url": "https://chat.example.org/hook",
        "name": "chat",
        "kinds": "change.* run.finished",
        "secret": "env:HOOK",
    }
    assert root.post(f"{HERE}/subscriptions", do="subscribe", **form).status == 303
    page = root.get(f"{HERE}/subscriptions")
    assert ("change.* run.finished" in page.text, wrong_with(page)) == (True, [])
    (one,) = fresh.do("find", "subscriptions")
    assert (one.name, one.kinds, one.created_by) == ("chat", ("change.*", "run.finished"), "person:root")
    assert root.post(f"{HERE}/subscriptions", do="unsubscribe", name="chat").status == 303
    assert fresh.do("find", "subscriptions", open=True) == ()


def test_settings_are_nobody_elses(fresh: Story, serving: Server) -> None:
    """A viewer sees no form that writes, and is refused what they send; a mistake is told on the page with what was typed."""
    root = Hand(serving, token_for(fresh, "root", "admin", everywhere=True))
    vic = Hand(serving, token_for(fresh, "vic", "viewer"))
    for part, form in (
        ("people", {"do": "grant", "who": "vic", "role": "role/admin"}),
        ("subscriptions", {"do": "subscribe", "url": "https://evil.example"}),
        ("tokens", {"do": "issue", "name": "x", "actor": "root"}),
    ):
        assert vic.get(f"{HERE}/{part}").status == 200
        assert vic.post(f"{HERE}/{part}", **form).status == 403
    assert not vic.get(f"{HERE}/people").tree.all("input", name="who")
    wrong = root.post(f"{HERE}/people", do="grant", who="b<b>", role="role/king")
    assert (wrong.status, wrong.tree.all("input", id="f-who")[0]["value"]) == (400, "b<b>")
    assert root.post(f"{HERE}/people", do="dance").status == 400
    assert root.get(f"{HERE}/nothing").status == 404
