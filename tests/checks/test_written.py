from __future__ import annotations

import tomllib
from datetime import timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from loopline.checks.written import written
from loopline.nouns.policy import Approvals, OverrideRule, Policy, Soak
from loopline.settings import load_settings

FULL = Policy(
    "strict", ("model/*@prod", "service/*@prod"), ("eval/holdout",), ("roc_auc >= base - 0.005",),
    Approvals(2, ("team/ml-leads",), not_author=False, humans_only=False, verified=True),
    Soak("model/*@staging", timedelta(hours=36), 2),
    timedelta(days=7), forbid_pickle=True, override=OverrideRule(("team/sre",), timedelta(minutes=90)),
)  # fmt: skip


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    """The project's file with these lines proposes the same policies."""
    policies = (FULL, Policy("plain", ("data/*@main",)), Policy("one", ("data/*@main",), approvals=Approvals()))
    (tmp_path / "loopline.toml").write_text('[project]\nname = "flights"\n\n' + written(policies))
    assert load_settings(tmp_path, environ={}).policies == policies


@given(st.text(st.characters(codec="utf-8"), max_size=30))
def test_any_text_is_written_safely(text: str) -> None:
    """Quotes, line breaks and control characters cannot leave the string that they stand in."""
    assert tomllib.loads(written([Policy(text, (text,))])) == {"policies": [{"name": text, "refs": [text]}]}
