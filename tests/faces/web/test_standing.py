"""Where a change stands on its page: what helps and who can, what is under way, and what is told of one that is over."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from loopline.checks.document import Document, dump_document
from loopline.faces.web.standing import Help, helped
from loopline.nouns.check import Check
from loopline.nouns.name import Numbered
from loopline.nouns.policy import Approvals, OverrideRule, Policy
from loopline.nouns.token import Scope
from loopline.nouns.verdict import Requirement, Result, Verdict
from loopline.verbs.asking import ask

from .posting import Hand, token_for
from .serving import wrong_with
from .story import CHAMPION

if TYPE_CHECKING:
    from loopline.nouns.change import Change

    from .serving import Read, Server
    from .story import Story

CHECKS = (Check("eval/holdout", ("model/*@champion",), "holdout"),)
STRICT = Policy(
    "champion", ("model/*@champion",), checks=("eval/holdout",), metrics=("roc_auc >= 0.7", "log_loss <= 0.5"),
    approvals=Approvals(count=1, source=("team/leads",)), override=OverrideRule(by=("person:sam",)),
)  # fmt: skip


@pytest.fixture
def change(fresh: Story) -> Change:
    """Give a change by ann that lacks its check, two metrics and an approval of the leads ann, bob and cy."""
    fresh.month("04", 30, "April")
    for depth in (4, 5):
        fresh.model(fresh.pipeline(depth=depth, rate=0.1, data=1))
    fresh.do("propose", CHAMPION, to=Numbered(1), why="first", by="ann")
    for name in ("ann", "bob", "cy"):
        fresh.do("grant", name, "team/leads", by="root")
    fresh.do("policy", document=dump_document(Document((STRICT,), CHECKS)).decode(), why="judged", by="root")
    waiting: Change = fresh.do("propose", CHAMPION, to=Numbered(2), why="deeper trees", by="ann")
    return waiting


def at(change: Change) -> str:
    """Give the address of its page."""
    return f"/p/flights/changes/{change.id}"


def digest(story: Story) -> str:
    """Ask what a rollback would do, as its page has."""
    return str(story.do("retrace", CHAMPION).digest)


def part(page: Read, name: str) -> str:
    """Give the source of one panel."""
    return page.html.partition(f'id="{name}" ')[2].partition("</section>")[0]


@pytest.mark.parametrize(
    ("remedy", "told"),
    [
        ("somebody else than the author: loopline approve 01", Help("somebody else than the author:", "loopline approve 01")),
        ("loopline check 01", Help("", "loopline check 01")),
        ("train a better candidate, or ask for an override", Help("train a better candidate, or ask for an override")),
        ("", Help("")),
    ],
)  # fmt: skip
def test_a_command_is_told_from_the_words_before_it(remedy: str, told: Help) -> None:
    """What can be typed is to be copied without the words around it."""
    assert helped(Requirement("p", "x", Result.FAIL, remedy=remedy)) == told


def test_what_is_not_measured_is_said_once(fresh: Story, serving: Server, change: Change) -> None:
    """The command that helps several rows stands above them with its button, and each other remedy at its own row."""
    page = Hand(serving).get(at(change))
    policy = part(page, "policy")
    assert policy.count(f">loopline check {change.id[:16]}</code>") == 1
    assert f">loopline approve {change.id[:16]}</code>" in policy
    assert policy.count('value="check"') == 1
    assert wrong_with(page) == []


def test_who_can_approve_is_named(fresh: Story, serving: Server, change: Change) -> None:
    """Members of the team that is named stand there, but for the author; who may not ask for teams sees no names."""
    token_for(fresh, "root", "admin", everywhere=True)
    page = Hand(serving, token_for(fresh, "vic", "viewer")).get(at(change))
    assert [name for name in ("ann", "bob", "cy") if f'dir="auto">{name}</span>' in part(page, "policy")] == [
        "bob",
        "cy",
    ]
    eve = token_for(fresh, "eve", "viewer", scopes=(Scope(("review", "feed")),))
    narrow = Hand(serving, eve).get(at(change))
    assert narrow.status == 200
    assert "Who can" not in part(narrow, "policy")


def test_without_a_team_whoever_has_the_role_is_named(fresh: Story, serving: Server, change: Change) -> None:
    """Approvers and those above them can give what asks for nobody by name, in this project or in all."""
    free = replace(STRICT, approvals=Approvals(count=1))
    fresh.do("withdraw", change.id)
    document = dump_document(Document((free,), CHECKS)).decode()
    fresh.do("policy", document=document, why="anybody", by="root")
    again = fresh.do("propose", CHAMPION, to=Numbered(2), why="again", by="ann")
    for who, role in (("dan", "approver"), ("eli", "contributor"), ("ann", "maintainer")):
        token_for(fresh, who, role)
    policy = part(Hand(serving, token_for(fresh, "root", "admin", everywhere=True)).get(at(again)), "policy")
    assert [name for name in ("ann", "dan", "eli", "root") if f'dir="auto">{name}</span>' in policy] == ["dan", "root"]


def test_an_author_is_told_before_they_answer(fresh: Story, serving: Server, change: Change) -> None:
    """Where the policy does not count the author's yes, the page says so at the button, which is not the first one there."""
    token_for(fresh, "root", "admin", everywhere=True)
    own = Hand(serving, token_for(fresh, "ann", "approver")).get(at(change))
    assert "You proposed it: your yes does not count here." in own.text
    assert own.tree.all("button", value="approve")[0]["class"].split() == ["button"]
    other = Hand(serving, token_for(fresh, "bob", "approver")).get(at(change))
    assert "You proposed it" not in other.text
    assert other.tree.all("button", value="approve")[0]["class"].split() == ["button", "first"]


def test_a_stale_yes_is_not_green(fresh: Story, serving: Server, change: Change) -> None:
    """After new evidence an answer says that it no longer counts, in the colour of what does not."""
    fresh.do("approve", change.id, by="bob")
    assert 'class="badge good"' in part(serving.get(at(change)), "answers")
    fresh.judged(change, 0.8, 0.7)
    answers = part(serving.get(at(change)), "answers")
    assert "No longer counts" in answers
    assert 'class="badge off"' in answers
    assert 'class="badge good"' not in answers


def test_while_checks_run_nothing_is_red_or_new(fresh: Story, serving: Server, change: Change) -> None:
    """What a check will answer is pending, the button waits, and a check that has only begun is no evidence of now."""
    ask(fresh.loop, "check", {"change": change.id})
    page = serving.get(at(change))
    policy = part(page, "policy")
    assert (policy.count(">fail<"), policy.count('class="badge bad"'), policy.count("pending</span>")) == (0, 0, 4)
    assert all("disabled" in one for one in page.tree.all("button", value="check"))
    assert "The checks are under way." in page.text
    with fresh.loop.ledger.write("flights", fresh.loop.actor) as tx:
        tx.verdicts.add("flights", Verdict("eval/holdout", change.head, Result.PENDING, None, tx.now))
        tx.say("checks.started", change.id, checks=["eval/holdout"])
    fresh.do("cancel", fresh.do("find", "tasks")[0].id)
    page = serving.get(at(change))
    assert "The newest evidence came" not in page.text
    assert not any("disabled" in one for one in page.tree.all("button", value="check"))


def test_what_was_overridden_says_so_first(fresh: Story, serving: Server, change: Change) -> None:
    """Of a change that was let through, bar, policy and timeline say by whom and why, as past, and nobody is sent to mend it."""
    fresh.do("apply", change.id, override="the old one is on fire", by="sam")
    page = serving.get(at(change))
    policy = part(page, "policy")
    assert "overridden by sam" in page.html.partition('id="stand"')[2].partition("</div>")[0]
    assert policy.index("the old one is on fire") < policy.index("eval/holdout")
    assert ("let it through" in policy, "lets it through" in policy, "loopline " in policy) == (True, False, False)
    assert "0 of 4 held when it was applied" in page.text
    assert "the old one is on fire" in part(page, "timeline")


def test_a_rollback_is_no_broken_gate(fresh: Story, serving: Server, change: Change) -> None:
    """A rollback says why nothing had to hold; what the policy said of it is folded away, without remedies."""
    fresh.do("apply", change.id, override="now", by="sam")
    back = fresh.do("rollback", CHAMPION, why="worse", by="bob")
    page = serving.get(at(back))
    policy = part(page, "policy")
    assert "A rollback needs no new evidence and no approval" in policy
    assert policy.index("<details") < policy.index("eval/holdout")
    assert "loopline " not in policy
    assert "of 4 hold" not in page.html.partition('id="stand"')[2].partition("</div>")[0]
    assert wrong_with(page) == []


def test_only_whom_the_policy_names_is_offered_an_override(fresh: Story, serving: Server, change: Change) -> None:
    """Its name or a team of its own: to anybody else it is not offered, and refused."""
    token_for(fresh, "root", "admin", everywhere=True)
    fresh.do("withdraw", change.id)
    rule = replace(STRICT, override=OverrideRule(by=("team/on-call",)))
    fresh.do("policy", document=dump_document(Document((rule,), CHECKS)).decode(), why="a team", by="root")
    fresh.do("grant", "sam", "team/on-call", by="root")
    change = fresh.do("propose", CHAMPION, to=Numbered(2), why="again", by="ann")
    sam, bob = (Hand(serving, token_for(fresh, who, "contributor")) for who in ("sam", "bob"))
    assert not bob.get(at(change)).tree.all("button", value="override")
    assert bob.post(at(change), do="override", text="now").status == 403
    assert sam.get(at(change)).tree.all("button", value="override")
    assert sam.post(at(change), do="override", text=" ").status == 403
    assert sam.post(at(change), do="override", text="the old one is on fire").status == 303
    assert "overridden by sam" in sam.get(at(change)).text


def test_what_was_taken_back_says_what_it_marked(fresh: Story, serving: Server, change: Change) -> None:
    """The page of a rollback names the versions that went into quarantine, and that of its change offers it no more."""
    token_for(fresh, "root", "admin", everywhere=True)
    fresh.do("apply", change.id, override="now", by="sam")
    bob = Hand(serving, token_for(fresh, "bob", "contributor"))
    assert "/rollback?" in bob.get(at(change)).html
    done = bob.post("/p/flights/rollback", ref=str(CHAMPION), change=change.id, why="worse", expect=digest(fresh))
    assert done.status == 303
    assert "model/delay@2 is in quarantine" in bob.get(done.headers["location"]).text
    assert "/rollback?" not in bob.get(at(change)).html
