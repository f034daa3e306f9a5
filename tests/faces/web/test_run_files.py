"""The files of a run on its page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from loopline.faces.web.pages import run as page
from loopline.nouns.artifact import Artifact
from loopline.nouns.logged import LoggedState
from loopline.nouns.owner import Owner
from loopline.nouns.run import Run
from loopline.verbs.filing import keep, of_run
from loopline.verbs.finish import finish
from loopline.verbs.modelling import begin, end
from loopline.verbs.start import start
from tests.server.serving import Served


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """Give a server with nothing in it."""
    made = Served(tmp_path)
    yield made
    made.loop.ledger.close()


def put(served: Served, owner: Owner, path: str, body: bytes) -> None:
    """File something."""
    keep(served.loop, owner, path, Artifact(served.loop.blobs.put(body), size=len(body)))


@pytest.fixture
def run(served: Served) -> Run:
    """Make a run with a few files and a model."""
    made = start(served.loop, "train")
    put(served, of_run(made), "plots/curve 1.png", b"\x89PNG picture")
    put(served, of_run(made), "notes.html", b"<script>alert(1)</script>")
    with served.loop.ledger.read() as tx:
        group = tx.experiments.get("flights", "default")
    model = begin(served.loop, group, "clf", run=made.id)
    put(served, model.owner, "MLmodel", b"flavors: {}")
    end(served.loop, model.id, LoggedState.READY)
    return made


def test_a_run_with_files_has_a_tab_for_them(served: Served, run: Run) -> None:
    """One without has none."""
    there = f"/p/flights/runs/{run.id}/files"
    assert there in served.ask("GET", f"/p/flights/runs/{run.id}").text
    other = start(served.loop, "train")
    assert f"/p/flights/runs/{other.id}/files" not in served.ask("GET", f"/p/flights/runs/{other.id}").text


def test_one_walks_through_folders_to_a_picture(served: Served, run: Run) -> None:
    """A folder leads on, a picture is seen, and each file can be saved: never shown as a page."""
    there = f"/p/flights/runs/{run.id}/files"
    top = served.ask("GET", there).text
    assert f"{there}?folder=plots" in top
    assert "notes.html" in top
    inside = served.ask("GET", f"{there}?folder=plots").text
    assert f'<img src="{there}?file=plots/curve%201.png"' in inside.replace("%2F", "/")
    assert "notes.html" not in inside
    picture = served.ask("GET", f"{there}?file=plots/curve%201.png")
    assert (picture.content, picture.headers["content-type"]) == (b"\x89PNG picture", "image/png")
    page = served.ask("GET", f"{there}?file=notes.html").headers
    assert page["content-type"] == "text/plain; charset=utf-8"
    assert page["content-disposition"] == 'attachment; filename="notes.html"'
    assert page["content-security-policy"] == "default-src 'none'; sandbox"
    assert page["x-content-type-options"] == "nosniff"
    assert served.ask("GET", f"{there}?file=../notes.html").status_code == 404


def test_outputs_lead_to_their_files(served: Served, run: Run) -> None:
    """A model by its name, also a second one of that name, which lineage knows by its id."""
    with served.loop.ledger.read() as tx:
        group = tx.experiments.get("flights", "default")
    second = begin(served.loop, group, "clf", run=run.id)
    put(served, second.owner, "MLmodel", b"flavors: {a: {}}")
    end(served.loop, second.id, LoggedState.READY)
    finish(served.loop, run.id)
    there, page = f"/p/flights/runs/{run.id}/files", served.ask("GET", f"/p/flights/runs/{run.id}").text
    outputs = page[page.index('id="outputs"') :]
    assert outputs.count(">clf</a>") == 2
    assert f'href="{there}?model={second.id}">clf</a>' in outputs
    assert f'href="{there}">artifacts</a>' in outputs


def test_files_of_its_models_are_there_too(served: Served, run: Run) -> None:
    """Those of the run's own models, and of no other."""
    there = f"/p/flights/runs/{run.id}/files"
    with served.loop.ledger.read() as tx:
        model = tx.logged.of_run(run.id)[0]
    assert f"{there}?model={model.id}" in served.ask("GET", there).text
    assert "MLmodel" in served.ask("GET", f"{there}?model={model.id}").text
    assert served.ask("GET", f"{there}?model={model.id}&file=MLmodel").content == b"flavors: {}"
    other = start(served.loop, "train")
    for name in (model.id, "m-none"):
        assert served.ask("GET", f"/p/flights/runs/{other.id}/files?model={name}").status_code == 404


def test_many_files_are_shown_page_by_page(served: Served, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each once."""
    monkeypatch.setattr(page, "LISTED", 2)
    for name in "abcd":
        put(served, of_run(run), f"many/{name}.txt", b"x")
    there = f"/p/flights/runs/{run.id}/files?folder=many"
    first = served.ask("GET", there).text
    assert ("a.txt" in first, "b.txt" in first, "c.txt" in first) == (True, True, False)
    second = served.ask("GET", f"{there}&after=many/b.txt").text
    assert ("b.txt" in second.split("<table")[1], "c.txt" in second, "d.txt" in second) == (False, True, True)
    assert "More" not in second
