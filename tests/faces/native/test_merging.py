"""Merging over the wire: who may, once, and with which bytes."""

from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING

import pytest

from loopline.datasets.tree import build
from loopline.nouns.actor import Actor
from loopline.nouns.caller import Caller
from loopline.nouns.digest import digest_of
from loopline.nouns.entry import Entry
from loopline.nouns.token import Scope
from loopline.store.memory import MemoryBlobs
from loopline.verbs.merging import DRIVERS

from .test_blobs import frame

if TYPE_CHECKING:
    from loopline.loop import Loop
    from loopline.nouns.merge import Clash
    from loopline.verbs.basing import Sides

    from .conftest import Face

MAIN = "data/flights@main"
MERGE = {"source": "data/flights@fix", "into": MAIN}


@pytest.fixture
def forked(face: Face) -> Face:
    """Give two branches that have both changed a; main has the letter b besides."""
    for branch, files in (
        ("main", {"a": b"1"}),
        ("fix", {"a": b"fix", "f": b"f"}),
        ("main", {"a": b"main", "b": b"b"}),
    ):
        here = MemoryBlobs()
        root = build(here, [Entry(name, here.put(body), len(body)) for name, body in sorted(files.items())])
        face.ask("POST", "/blobs/pack", content=frame(*files.values(), here.read(root)))
        face.result("add", {"asset": "data/flights", "tree": root, "branch": branch})
        if face.get("/history?what=data/flights").json()["result"][0]["number"] == 1:
            face.result("branch", {"asset": "data/flights", "name": "fix"})
    return face


def test_a_merge_is_chosen_and_finished_over_the_wire(forked: Face) -> None:
    """Each answer says how much is left; the word is `continue`, as in a terminal, and what came of it is the project's."""
    begun = forked.result("merge", MERGE)
    assert (begun["state"], begun["clashes"], begun["left"]) == ("clashing", 1, 1)
    (clash,) = forked.get(f"/merges?ref={MAIN}").json()["result"]
    assert (clash["path"], clash["kind"], clash["ours"]["size"]) == ("a", "edit/edit", 4)
    assert forked.result("merge", {"into": MAIN, "take": "theirs", "paths": ["*"]})["left"] == 0
    done = forked.result("merge", {"into": MAIN, "continue": True})
    assert (done["state"], done["version"]["parents"], done["change"]["state"]) == ("made", [2, 3], "applied")
    assert forked.get(f"/blobs/{done['version']['artifact']['digest']}").status_code == 200
    assert [one["path"] for one in forked.get(f"/ls?what={MAIN}").json()["result"]] == ["a", "b", "f"]


def test_the_same_request_is_one_merge(forked: Face) -> None:
    """Sent twice under one key it is done once, and answered alike."""
    forked.result("merge", MERGE)
    forked.result("merge", {"take": "ours", "paths": ["a"]})
    once, twice = (forked.post("/merge", {"continue": True}, headers={"Idempotency-Key": "k"}) for _ in range(2))
    assert once.status_code == 200
    assert once.json() == twice.json()
    assert forked.events().count("change.applied") == 5


def test_others_write_while_a_merge_is_weighed(forked: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    """A driver may take its time: it is asked once, and no transaction waits for it."""
    written: list[bool] = []

    def slow(loop: Loop, sides: Sides, clash: Clash) -> bytes:
        del sides, clash
        other = Thread(target=_write, args=(loop,))
        other.start()
        other.join(1)
        written.append(not other.is_alive())
        return b"both"

    monkeypatch.setitem(DRIVERS, "slow", slow)
    answer = forked.post("/merge", MERGE, headers={"Idempotency-Key": "k"}).json()["result"]
    assert (answer["state"], written) == ("made", [True])
    assert forked.get(f"/blobs/{digest_of(b'both')}").content == b"both"


def _write(loop: Loop) -> None:
    with loop.ledger.write(loop.project, loop.actor) as tx:
        tx.say("asset.described", "data/flights")


def test_who_may_only_look_may_not_merge(forked: Face) -> None:
    """They see what clashes; a token for other assets sees nothing, and somebody of another project neither."""
    forked.result("merge", MERGE)
    forked.result("tag", {"name": "v1", "version": "data/flights@1"})
    eve = Actor("person", "eve", verified=True)
    forked.caller = Caller(eve, {"flights": "viewer"})
    assert forked.get(f"/merges?ref={MAIN}").status_code == 200
    asked = [
        ("merge", MERGE),
        ("merge", {"into": MAIN, "take": "ours", "paths": ["*"]}),
        ("merge", {"continue": True}),
        ("merge", {"into": MAIN, "abandon": True}),
        ("revert", {"version": "data/flights@3"}),
        ("cherry_pick", {"version": "data/flights@2", "into": MAIN}),
        ("tag", {"name": "v2", "version": "data/flights@1"}),
        ("tag", {"name": "v1", "version": "data/flights", "delete": True}),
    ]
    for caller in (
        forked.caller,
        Caller(eve, {"flights": "contributor"}, (Scope(assets="data/other"),)),
        Caller(eve, {"trains": "admin"}),
    ):
        forked.caller = caller
        assert {forked.post(f"/{verb}", body).status_code for verb, body in asked} == {403}
    for where in (f"/merges?ref={MAIN}", "/merges"):
        assert forked.get(where).status_code == 403


def test_a_file_is_taken_only_from_what_the_project_holds(forked: Face) -> None:
    """To know a digest is not to have it; who may do nothing but merge may bring the file."""
    forked.result("merge", MERGE)
    forked.loop.blobs.put(b"of somebody else")
    body = {"take": "file", "paths": ["a"], "digest": digest_of(b"of somebody else")}
    answer = forked.post("/merge", body)
    assert (answer.status_code, answer.json()["kind"]) == (404, "blob-missing")
    forked.caller = Caller(Actor("person", "ann", verified=True), {"flights": "contributor"}, (Scope(("merge",)),))
    forked.ask("POST", "/blobs/pack", content=frame(b"both"))
    assert forked.result("merge", {**body, "digest": digest_of(b"both")})["left"] == 0
