"""What stands before an assistant's tools at a terminal."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from loopline.cli.assistant import Here
from loopline.faces.mcp import speaking
from loopline.faces.mcp.translate import answered
from loopline.settings import load_settings
from loopline.verbs.asking import ask

from .test_login import Site

if TYPE_CHECKING:
    from tests.cli.conftest import Said

Run = Callable[..., "Said"]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Serve a ledger of another folder."""
    (tmp_path / "there").mkdir()
    made = Site(tmp_path / "there")
    yield made
    made.close()


@pytest.fixture
def here(run: Run) -> Iterator[Here]:
    """The loop of the folder, as ann's assistant."""
    made = Here(replace(load_settings(), actor="assistant:ann"), patience=0.2)
    yield made
    made.close()


def test_without_the_extra_it_says_what_to_install(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the SDK is missing the command fails at once, with the command that brings it."""
    monkeypatch.setattr(speaking, "find_spec", lambda _: None)
    said = run("mcp", "--json")
    assert (said.fault["kind"], said.fault["hint"]) == ("extra-missing", "pip install 'loopline[mcp]'")


def test_it_cannot_be_rehearsed(run: Run) -> None:
    """A dry run of a whole assistant makes no sense, and says so."""
    assert run("mcp", "--dry-run", "--json").fault["kind"] == "no-dry-run"


def test_its_help_names_nothing_that_is_not_there(run: Run) -> None:
    """`loopline mcp --help` is read without the SDK."""
    said = run("mcp", "--help")
    assert said.code == 0
    assert "Model Context Protocol" in said.out


def test_at_a_server_a_persons_token_is_no_assistants(run: Run, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever gives an assistant their own token is told to make one for it, before anything is spoken."""
    token = site.served.token("person:ann", "admin", everywhere=True).secret
    monkeypatch.setenv("LOOPLINE_URL", site.url)
    monkeypatch.setenv("LOOPLINE_TOKEN", token)
    fault = run("mcp", "--json").fault
    assert fault["kind"] == "not-an-assistant"
    assert "loopline issue" in fault["hint"]


def test_at_a_server_it_asks_by_its_token(run: Run, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reads, writes and rehearsals go to the server, and are recorded there as the assistant's; so is it without any token."""
    site.served.token("root", "admin", everywhere=True)
    token = site.served.token("assistant:helper", "contributor").secret
    monkeypatch.setenv("LOOPLINE_URL", site.url)
    monkeypatch.setenv("LOOPLINE_TOKEN", token)
    made = Here(replace(load_settings(), actor="assistant:ann"))
    try:
        assert made.client.do("whoami").actor == "assistant:helper"
        assert answered(made, "loopline_show_overview", {}).content["result"]["project"] == "flights"
        digest = site.served.loop.blobs.put(b"one")
        with site.served.loop.ledger.write("flights", site.served.loop.actor) as tx:
            tx.projects.ensure("flights")
            tx.say("test", "x")
        assert answered(made, "loopline_show_record", {"what": str(digest)}).failed
        assert answered(made, "loopline_apply_change", {"change": "ffff"}).content["error"]["kind"] == "no-change"
        task = ask(site.served.loop, "run", {"pipeline": "train"})
        shown = answered(made, "loopline_show_record", {"what": task.id}).content["result"]
        assert (shown["kind"], shown["record"]["id"], shown["record"]["state"]) == ("task", task.id, "queued")
        assert answered(made, "loopline_show_record", {"what": "0" * 32}).failed
    finally:
        made.close()


def test_work_that_takes_long_goes_on(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call waits for so long; then it says that the work is still running, and the work ends by itself."""
    done: list[str] = []

    def slow(*_: Any) -> tuple[dict[str, Any], Any]:
        time.sleep(0.5)
        done.append("yes")
        return {}, None

    monkeypatch.setattr(here, "_ask", slow)
    outcome = answered(here, "loopline_check_change", {"change": "abcd"})
    assert (outcome.failed, outcome.content["result"]["state"]) == (False, "running")
    assert "still running" in outcome.text
    monkeypatch.setattr(here, "source", dict)
    ran = answered(here, "loopline_run_pipeline", {"pipeline": "train"})  # nobody knows its id yet
    assert "loopline_find_records" in ran.text
    here._threads.shutdown(wait=True)
    assert done == ["yes"] * 2


def test_a_task_that_waits_in_the_ledger_is_shown(here: Here) -> None:
    """What a server on the same ledger has queued can be looked at without one; of another project's nothing is told."""
    task = ask(here.client.loop, "run", {"pipeline": "train"})  # type: ignore[attr-defined]
    assert answered(here, "loopline_show_record", {"what": task.id}).content["result"]["record"]["id"] == task.id
    other = replace(here.client.loop, project="zebra")  # type: ignore[attr-defined]
    hidden = answered(here, "loopline_show_record", {"what": ask(other, "run", {"pipeline": "train"}).id})
    assert hidden.content["error"]["kind"] == "no-such-thing"


def test_what_work_raises_is_an_answer(here: Here) -> None:
    """A check of a change that there is not is an error of the tool, with its kind."""
    outcome = answered(here, "loopline_check_change", {"change": "ffff"})
    assert (outcome.failed, outcome.content["error"]["kind"]) == (True, "no-change")


def test_code_that_leaves_does_not_take_the_assistants_process_along(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a project's code raises to end a process is an answer like any other."""

    def leaves(*_: Any) -> Any:
        raise SystemExit(3)

    monkeypatch.setattr(here, "_ask", leaves)
    assert answered(here, "loopline_check_change", {"change": "abcd"}).content["error"]["kind"] == "defect"


def test_a_folder_without_pipelines_has_no_code(here: Here) -> None:
    """Where the project names no modules, a pipeline runs with the code of its last good run, or not at all."""
    assert here.source() is None
    assert answered(here, "loopline_run_pipeline", {"pipeline": "train"}).content["error"]["kind"] == "no-code"


def test_rehearsals_are_forgotten(here: Here) -> None:
    """A rehearsal reaches the ledger's rules and leaves nothing behind, before or after something is really written."""
    digest = here.client.blobs.put(b"one")
    here.client.do("put", "model/delay", digest=digest)
    words = {"ref": "model/delay@champion", "to": "1", "why": "first"}
    dry = answered(here, "loopline_propose_change", {**words, "rehearse": True})
    assert (dry.failed, dry.content["result"]["state"]) == (False, "applied")
    assert "nothing was written" in dry.text
    assert here.client.do("find", "changes") == ()
    assert answered(here, "loopline_propose_change", words).content["result"]["author"] == "assistant:ann"
    assert answered(here, "loopline_plan_rollback", {"ref": "model/delay@champion"}).text.startswith(
        "Nothing has moved."
    )
    assert [one.kind for one in here.client.do("find", "changes")] == ["planned"]
