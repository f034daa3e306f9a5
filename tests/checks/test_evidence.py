"""evidence: approvals hold while what was seen is the same."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from loopline.checks.evidence import evidence_digest, evidence_of, freshened, newest, standing
from loopline.nouns.change import Answer, Approval, Change, ChangeState, Move
from loopline.nouns.digest import Digest, digest_of
from loopline.nouns.evaluation import Estimate
from loopline.nouns.name import parse_ref
from loopline.nouns.verdict import Result, Verdict

CHAMPION = parse_ref("model/delay@champion", project="flights")


def change(new: int = 2) -> Change:
    """Make a change of the champion."""
    return Change("c1", "flights", "person:ann", "", "planned", ChangeState.PROPOSED, (Move(CHAMPION, 1, new),), 0)


def verdict(at: int = 1, result: Result = Result.PASS, value: float = 0.7, check: str = "eval") -> Verdict:
    """Make a verdict on the head of `change()`."""
    return Verdict(check, change().head, result, f"run{at}", at, "", (Estimate("roc_auc", value),))


def test_the_digest_says_what_was_known_not_when() -> None:
    """A check run again with the same answer gives the same digest; another value or result another."""
    assert (
        evidence_digest([verdict(at=1)])
        == evidence_digest([verdict(at=2)])
        == evidence_digest([verdict(1), verdict(2)])
    )
    assert evidence_digest([verdict(value=0.7)]) != evidence_digest([verdict(value=0.70001)])
    assert evidence_digest([verdict()]) != evidence_digest([verdict(result=Result.FAIL)])
    assert evidence_digest([]) != evidence_digest([verdict()])
    assert evidence_digest([verdict(value=float("nan"))]) == evidence_digest([verdict(value=float("nan"))])


@given(st.permutations([verdict(at=k, check=f"c{k % 3}", value=k / 10) for k in range(7)]))
def test_the_digest_does_not_depend_on_order(shuffled: list[Verdict]) -> None:
    """Verdicts in any order give one digest."""
    assert evidence_digest(shuffled) == evidence_digest(sorted(shuffled, key=lambda v: v.at))


def test_only_the_newest_verdict_counts() -> None:
    """The newest verdict of a check on a head is found; another head's is not."""
    old, new = verdict(at=1, result=Result.FAIL), verdict(at=2)
    elsewhere = replace(verdict(at=3), head=digest_of(b"other"))
    assert newest([new, old, elsewhere], change().head) == {"eval": new}
    assert newest([old, new, elsewhere]) == {"eval": elsewhere}


def approval(of: Change, at: int = 1, answer: Answer = "approve", actor: str = "person:bob") -> Approval:
    """Approve a change as it stands."""
    return Approval(actor, answer, of.head, evidence_of(of), verified=False, at=at)


def test_approvals_go_stale_with_head_and_evidence() -> None:
    """An approval stands while head, base and evidence are the same, whenever the evidence was made."""
    seen = replace(change(), verdicts=(verdict(),))
    given_ = replace(seen, approvals=(approval(seen),))
    assert [one.actor for one in standing(given_)] == ["person:bob"]
    other_head = replace(given_, moves=(Move(CHAMPION, 1, 3),))
    assert [one.stale for one in freshened(other_head)] == [True]
    rerun = replace(given_, verdicts=(verdict(), verdict(at=9)))
    assert [one.stale for one in freshened(rerun)] == [False]
    worse = replace(given_, verdicts=(verdict(), verdict(at=9, result=Result.FAIL)))
    assert standing(worse) == ()
    other_base = replace(given_, moves=(Move(CHAMPION, None, 2),))
    assert [one.stale for one in freshened(other_base)] == [True]


def test_an_actor_has_one_answer() -> None:
    """Somebody who approves and then rejects has rejected; a stale second answer takes the first one away."""
    seen = change()
    both = replace(seen, approvals=(approval(seen, 2, "reject"), approval(seen, 1)))
    assert [one.answer for one in standing(both)] == ["reject"]
    stale = replace(approval(seen, 2), evidence=Digest("sha256:" + "0" * 64))
    assert standing(replace(seen, approvals=(approval(seen, 1), stale))) == ()
