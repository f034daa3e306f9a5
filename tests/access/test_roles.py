"""Who may do what, by role."""

from __future__ import annotations

import re
from pathlib import Path

from loopline.access.roles import BY_VERB, RANKS, at_least, greatest, needed, no_more_than, role_in
from loopline.verbs import VERBS


def test_each_verb_needs_a_role_that_there_is() -> None:
    """No verb is without an answer; what changes something is never for viewers, but for what one does to oneself."""
    for verb in VERBS:
        role = needed(verb)
        if role is None:
            assert verb.name == "whoami"
        elif verb.cls == "read" or verb.name in {"issue", "revoke"}:
            assert role == "viewer", verb.name
        else:
            assert at_least(role, "contributor"), verb.name


def test_verbs_with_a_role_of_their_own_exist() -> None:
    """The table speaks of no verb that is gone."""
    assert set(BY_VERB) <= {verb.name for verb in VERBS}


def test_each_role_may_what_the_one_before_it_may() -> None:
    """Roles are a ladder."""
    for place, role in enumerate(RANKS):
        assert [at_least(role, least) for least in RANKS] == [place >= at for at in range(len(RANKS))]
    assert not at_least(None, "viewer")


def test_the_greater_of_two_roles_counts() -> None:
    """What holds everywhere holds in a project, too, and does not lessen what is given there."""
    assert role_in({"*": "viewer", "flights": "approver"}, "flights") == "approver"
    assert role_in({"*": "admin", "flights": "viewer"}, "flights") == "admin"
    assert role_in({"other": "admin"}, "flights") is None
    assert greatest([]) is None


def test_nobody_gives_more_than_they_have() -> None:
    """A role in one project is not one everywhere."""
    assert no_more_than({"flights": "viewer"}, {"*": "maintainer"})
    assert not no_more_than({"*": "viewer"}, {"flights": "admin"})
    assert not no_more_than({"flights": "admin"}, {"flights": "maintainer"})
    assert no_more_than({}, {})


def test_the_reference_says_what_each_verb_needs() -> None:
    """The table of docs/reference/access.md holds every verb, with the role that the code asks for."""
    page = (Path(__file__).parents[2] / "docs" / "reference" / "access.md").read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| (\w[\w ]*) \| (.*) \|$", page.partition("| Role | Verbs |")[2].partition("## Scopes")[0], re.MULTILINE
    )
    said = {verb: role for role, verbs in rows for verb in re.findall(r"`(\w+)`", verbs)}
    assert said == {verb.name: needed(verb) or "anybody who is known" for verb in VERBS}
