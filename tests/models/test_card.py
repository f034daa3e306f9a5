from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from loopline.models.card import Facts, Prose, card
from loopline.models.flavors import About
from loopline.nouns.artifact import MODEL, Artifact
from loopline.nouns.change import Approval, Change, ChangeState, Move, Override
from loopline.nouns.digest import digest_of
from loopline.nouns.evaluation import Estimate, Evaluation
from loopline.nouns.name import AssetName, parse_ref
from loopline.nouns.profile import ColumnProfile, Profile
from loopline.nouns.run import Run, RunState
from loopline.nouns.signature import Column, Signature
from loopline.nouns.version import Version

D = digest_of(b"x")
NOON = 1_767_268_800_000_000
HEADINGS = [
    "Model details", "Intended use", "Inputs and outputs", "Factors", "Metrics", "Evaluation data", "Training data",
    "Quantitative analyses", "Ethical considerations", "Caveats and recommendations", "Provenance", "Approvals and movements",
]  # fmt: skip
BARE = Facts(
    Version(AssetName("flights", "model", "delay"), 2, Artifact(D, MODEL, 9), recorded_at=NOON, author="person:ann")
)
ABOUT = About(
    flavour="sklearn-skops", file="model.skops", kind="sklearn.pipeline.Pipeline", pickle=False, digest=D, size=12_345,
    types=(), methods=("predict",), versions={"python": "3.11"},
    signature=Signature((Column("hour", "INT64", low=5, high=22), Column("carrier", "BYTES", values=("AA", "B|6"))), ()),
)  # fmt: skip
EVALUATION = Evaluation(
    (
        Estimate("roc_auc", 0.71, 0.70, 0.72, 9000, base=0.69, delta=0.02, delta_low=0.01, delta_high=0.03),
        Estimate("log_loss", 0.5, 0.49, 0.51, 9000, base=0.49, delta=0.01, delta_low=0.005, delta_high=0.015),
        *(
            Estimate("roc_auc", value, None, None, 40, "carrier", name)
            for name, value in (("AA", 0.7), ("OO", 0.4), ("UA", 0.6))
        ),
        *(Estimate("log_loss", value, None, None, 40, "carrier", name) for name, value in (("AA", 0.9), ("OO", 0.2))),
    ),
    {"period": "June 2013"},
)
RUN = Run(
    "4f" * 16, "flights", "train", state=RunState.FINISHED, started_at=0, ended_at=3_500_000, code=D, commit="9f3c+dirty",
    params={"depth": "3"},
)  # fmt: skip


def change(**changes: Any) -> Change:
    """Give a change that moved the champion here."""
    move = Move(parse_ref("model/delay@champion", project="flights"), 1, 2)
    made = Change("c", "flights", "person:ann", "better in June", "planned", ChangeState.APPLIED, (move,), NOON)
    return replace(made, **changes)


def section(text: str, heading: str) -> str:
    """Cut one section out."""
    return text.split(f"## {heading}\n\n")[1].split("\n\n## ", maxsplit=1)[0]


def test_a_card_of_nothing_says_that_nothing_is_known() -> None:
    """All headings are there, and what is missing is called missing, not left out."""
    text = card(BARE)
    assert [line[3:] for line in text.splitlines() if line.startswith("## ")] == HEADINGS
    for heading in ("Intended use", "Training data", "Inputs and outputs", "Ethical considerations"):
        assert section(text, heading).strip() == "*Not recorded.*"
    assert "Nothing was measured" in section(text, "Metrics")
    assert "do not rely" in section(text, "Caveats and recommendations")
    assert "No ref has moved" in section(text, "Approvals and movements")


def test_metrics_carry_intervals_and_the_verdict_against_the_base() -> None:
    """A rise of the AUC is better, a rise of the loss is worse, and overlapping zero is not told apart."""
    text = section(card(replace(BARE, evaluation=EVALUATION)), "Metrics")
    lines = {line.split(" ")[1]: line for line in text.splitlines() if line.startswith("| ")}
    assert "0.7000 to 0.7200" in lines["roc_auc"]
    assert lines["roc_auc"].endswith("better |")
    assert lines["log_loss"].endswith("worse |")
    unsure = replace(EVALUATION.estimates[0], delta_low=-0.01)
    assert "not told apart" in card(replace(BARE, evaluation=Evaluation((unsure,))))


def test_the_worst_slices_come_first() -> None:
    """Worst means low for AUC and high for a loss."""
    text = section(card(replace(BARE, evaluation=EVALUATION)), "Quantitative analyses")
    slices = [line.split(" ")[3] for line in text.splitlines() if line.startswith("| carrier")]
    assert slices == ["OO", "UA", "AA", "AA", "OO"]
    assert "worst 3 of 3 slices (all rows: 0.7100)" in text


def test_warnings_stand_at_the_top() -> None:
    """A pickle and a quarantine are said before anything else."""
    text = card(replace(BARE, about=replace(ABOUT, pickle=True), version=replace(BARE.version, quarantined=True)))
    top = text.split("## ")[0]
    assert "Stored as a pickle" in top
    assert "Quarantined" in top


def test_provenance_names_run_code_and_edits() -> None:
    """Run, tree, commit; uncommitted edits are a caveat."""
    text = card(replace(BARE, run=RUN, data=["data/flights@2 (sha256:9a12…)"], environment="Python 3.11.7"))
    assert RUN.id in section(text, "Provenance")
    assert "3.5 s" in section(text, "Provenance")
    assert "data/flights@2" in section(text, "Training data")
    assert "uncommitted" in section(text, "Caveats and recommendations")


def test_approvals_say_how_much_they_are_worth() -> None:
    """Unverified and stale answers are called so; an override and the lack of any approval too."""
    approval = Approval("person:bob", "approve", D, D, verified=False, at=NOON, comment="fine", stale=True)
    text = section(card(replace(BARE, changes=[change(approvals=(approval,))])), "Approvals and movements")
    assert "approved by person:bob (unverified, no longer counts): fine" in text
    assert "nobody approved" in section(card(replace(BARE, changes=[change()])), "Approvals and movements")
    overridden = change(override=Override("person:eve", "incident", NOON, NOON, D))
    assert "**policy overridden** by person:eve: incident" in card(replace(BARE, changes=[overridden]))


@pytest.mark.parametrize("evil", ["a | b", "line\n## Metrics\n\nall good", "<script>alert(1)</script>"])
def test_free_text_cannot_forge_the_card(evil: str) -> None:
    """Messages, reasons and names stay text: no headings, cells or tags of theirs."""
    version = replace(BARE.version, message=evil, author=evil)
    signature = Signature((Column(evil, "BYTES", values=(evil,)),), ())
    text = card(
        replace(
            BARE, version=version, about=replace(ABOUT, signature=signature), changes=[change(reason=evil)], run=RUN
        )
    )
    assert [line[3:] for line in text.splitlines() if line.startswith("## ")] == HEADINGS
    assert "<script" not in text
    assert all(line.replace("\\|", "").count("|") in (3, 5) for line in text.splitlines() if line.startswith("|"))


def test_the_display_zone_is_the_projects() -> None:
    """Times are shown in the zone that was asked for."""
    assert "2026-01-01 12:00 UTC" in card(BARE)
    assert "2026-01-01 07:00 EST" in card(replace(BARE, timezone="America/New_York"))


def test_what_people_said_is_shown() -> None:
    """Prose replaces the words for what is not known."""
    text = card(replace(BARE, about=ABOUT, refs=["model/delay@champion"], prose=Prose(intended_use="Planning staff.")))
    assert section(text, "Intended use") == "Planning staff."
    assert "5 to 22" in section(text, "Inputs and outputs")
    assert "model/delay@champion" in section(text, "Model details")


def test_the_card_says_what_drift_is_measured_against() -> None:
    """Rows and columns of the reference are told; without one the card says that it is not recorded."""
    profile = Profile(163_000, (ColumnProfile("hour", "INT64", 163_000),), (ColumnProfile("predict", "INT64", 20_000),))
    text = section(card(replace(BARE, profile=profile)), "Model details")
    assert "| Reference for drift | 163,000 training rows, 1 columns, 1 of answers |" in text
    assert "| Reference for drift | *Not recorded.* |" in section(card(BARE), "Model details")
