"""A signature is the whole usage of a verb."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest

from loopline.errors import Invalid
from loopline.loop import Loop
from loopline.nouns.actor import Actor
from loopline.nouns.change import Change, ChangeState
from loopline.nouns.digest import Digest
from loopline.nouns.name import AssetName, Latest, Named, Numbered, Pointer, RefName, Revision
from loopline.nouns.progress import Report
from loopline.nouns.run import Link, Point
from loopline.verbs import VERBS, load
from loopline.verbs.usage import Usage, read, usage_of


def move(
    loop: Loop,
    ref: Annotated[RefName, "what moves"],
    others: tuple[Pointer, ...] = (),
    *,
    to: Annotated[Revision | None, "where to", "-t"],
    why: Annotated[str | None, "-m", "the reason"] = None,
    asset: AssetName | None = None,
    state: ChangeState = ChangeState.PROPOSED,
    kind: Literal["hot", "cold"] | None = None,
    points: tuple[Point, ...] = (),
    inputs: tuple[Link, ...] = (),
    params: Mapping[str, str] | None = None,
    also: Mapping[str, Any] | None = None,
    digest: Digest | None = None,
    by: Actor | None = None,
    after: timedelta | None = None,
    depth: int = 3,
    share: float = 0.5,
    folder: Path | None = None,
    quick: bool = False,
    careful: bool = True,
    even: Annotated[int, lambda text: int(text) * 2] = 0,
    report: Report | None = None,
) -> Change:
    """Move a ref somewhere.

    Nothing else happens.

    Example:
        loopline move model/delay@champion --to 3
    """
    raise NotImplementedError


@pytest.fixture
def usage() -> Usage:
    """Give the usage of `move`."""
    return usage_of(move)


def read_one(name: str, value: Any) -> Any:
    """Read one parameter beside those that must be there."""
    given = {"ref": "model/delay@champion", "to": "3", name: value}
    return read(usage_of(move), given, project="flights")[name]


def test_the_docstring_is_taken_apart(usage: Usage) -> None:
    """Summary, text and example are found where they stand."""
    assert (usage.summary, usage.text) == ("Move a ref somewhere.", "Nothing else happens.")
    assert usage.example == "loopline move model/delay@champion --to 3"


def test_words_come_before_the_star(usage: Usage) -> None:
    """Parameters before the star are positional, the loop is nobody's business."""
    assert [one.name for one in usage.params if one.positional] == ["ref", "others"]


def test_progress_is_not_asked_for(usage: Usage) -> None:
    """A Report is given by whoever draws, never by whoever asks."""
    assert usage.report == "report"
    assert usage.find("report") is None


def test_help_and_short_flags_are_told_apart(usage: Usage) -> None:
    """In Annotated, a dash and a letter is a short flag and any other text is help, in either order."""
    to, why = usage.find("to"), usage.find("why")
    assert to
    assert why
    assert (to.help, to.short, why.help, why.short) == ("where to", "-t", "the reason", "-m")


def test_required_is_what_has_no_default(usage: Usage) -> None:
    """A parameter without a default must be given, even where None would be a value."""
    assert [one.name for one in usage.params if one.required] == ["ref", "to"]


def test_what_comes_back_is_known(usage: Usage) -> None:
    """The return type is evaluated when somebody asks."""
    assert usage.returns is Change


def test_a_repeatable_parameter_loses_its_plural(usage: Usage) -> None:
    """`--param` and `--params` are the same; a single value keeps its name."""
    assert usage.find("param") is usage.find("params")
    assert usage.find("point") is usage.find("points")
    assert usage.find("state") is usage.find("state")
    assert usage.find("quic") is None


@pytest.mark.parametrize(
    ("name", "written", "value"),
    [
        ("ref", "other:model/delay@prod", RefName(AssetName("other", "model", "delay"), "prod")),
        (
            "others",
            ["data/flights", "model/delay@3"],
            (
                Pointer(AssetName("flights", "data", "flights"), Named("main")),
                Pointer(AssetName("flights", "model", "delay"), Numbered(3)),
            ),
        ),
        ("to", "latest", Latest()),
        ("to", None, None),
        ("asset", "env/lock", AssetName("flights", "env", "lock")),
        ("state", "applied", ChangeState.APPLIED),
        ("kind", "hot", "hot"),
        (
            "points",
            ["auc=0.5", "loss=-1e-3@7", "a=b=2"],
            (Point("auc", 0.5), Point("loss", -0.001, 7), Point("a=b", 2.0)),
        ),
        ("points", [{"key": "auc", "value": 1}], (Point("auc", 1.0),)),
        ("inputs", ['{"name": "x", "digest": "sha256:%s"}' % ("0" * 64)], (Link("x", Digest("sha256:" + "0" * 64)),)),
        ("params", ["a=1", "b=x=y"], {"a": "1", "b": "x=y"}),
        ("params", {"a": "1"}, {"a": "1"}),
        ("also", ['a={"deep": [1]}', "b=word", "c=3"], {"a": {"deep": [1]}, "b": "word", "c": 3}),
        ("digest", "sha256:" + "a" * 64, "sha256:" + "a" * 64),
        ("by", "ann", Actor("person", "ann")),
        ("by", {"kind": "token", "name": "ci", "verified": True}, Actor("token", "ci", verified=True)),
        ("after", "24h", timedelta(days=1)),
        ("after", "90", timedelta(seconds=90)),
        ("depth", "-4", -4),
        ("share", "1e-3", 0.001),
        ("folder", "a/b", Path("a/b")),
        ("quick", "true", True),
        ("careful", "no", False),
        ("quick", True, True),
        ("even", "4", 8),
    ],
)
def test_text_becomes_a_value_of_its_type(name: str, written: Any, value: Any) -> None:
    """Each type reads what people and JSON write for it."""
    assert read_one(name, written) == value


@pytest.mark.parametrize(
    ("name", "written", "kind"),
    [
        ("ref", "model/delay@3", "not-a-ref"),
        ("ref", "modl/delay@x", "bad-kind"),
        ("state", "aplied", "bad-value"),
        ("kind", "warm", "bad-value"),
        ("points", ["auc"], "bad-value"),
        ("points", ["auc=high"], "bad-value"),
        ("params", ["a"], "bad-value"),
        ("inputs", ["{"], "bad-value"),
        ("digest", "sha256:abc", "bad-digest"),
        ("by", "robot:x", "bad-actor"),
        ("after", "soon", "bad-value"),
        ("depth", "deep", "bad-value"),
        ("depth", 1.5, "bad-value"),
        ("quick", "perhaps", "bad-value"),
        ("why", 3, "bad-value"),
        ("depth", None, "bad-value"),
    ],
)
def test_what_cannot_be_read_names_the_parameter(name: str, written: Any, kind: str) -> None:
    """A bad value keeps the kind of the rule it broke and says whose value it was."""
    with pytest.raises(Invalid) as raised:
        read_one(name, written)
    assert raised.value.kind == kind
    assert raised.value.facts["parameter"] == name


def test_a_near_miss_is_guessed() -> None:
    """A misspelled choice and a misspelled parameter come with what was probably meant."""
    with pytest.raises(Invalid, match="aplied") as raised:
        read_one("state", "aplied")
    assert "applied" in raised.value.hint
    with pytest.raises(Invalid) as raised:
        read_one("parms", ["a=1"])
    assert raised.value.kind == "unknown-parameter"
    assert "params" in raised.value.hint


def test_what_is_missing_is_listed(usage: Usage) -> None:
    """All that is missing is told at once."""
    with pytest.raises(Invalid) as raised:
        read(usage, {}, project="flights")
    assert raised.value.kind == "missing-parameter"
    assert raised.value.facts["missing"] == ["ref", "to"]


def test_what_is_left_out_is_left_out(usage: Usage) -> None:
    """Defaults stay with the verb: only what was given is passed on."""
    assert read(usage, {"ref": "model/delay@x", "to": "3"}, project="flights") == {
        "ref": RefName(AssetName("flights", "model", "delay"), "x"),
        "to": Numbered(3),
    }


def test_a_type_that_nobody_can_write_is_refused() -> None:
    """A verb whose parameter has no written form is a mistake that its first test finds."""

    def odd(loop: Loop, what: complex) -> None:
        """Take what nobody can write."""

    with pytest.raises(TypeError):
        usage_of(odd)


def test_facts_of_a_verb_agree() -> None:
    """Who runs the checks of a change, or begins a run, runs code, and whatever runs code is work."""
    assert all(one.runs_code for one in VERBS if one.gathers or one.begins_run)
    assert {one.cls for one in VERBS if one.runs_code} == {"work"}


def test_every_verb_has_a_usage() -> None:
    """Each verb of the table can be called by people: types, help for each parameter, an example, the summary of the table."""
    for verb in VERBS:
        usage = usage_of(load(verb.name))
        assert usage.summary.rstrip(".") != "", verb.name
        assert [one.name for one in usage.params if not one.help] == [], verb.name
        assert usage.example.startswith("loopline "), verb.name
        assert usage.returns is not None, verb.name


def test_a_parameter_with_its_own_reader_takes_json_as_well() -> None:
    """A scope comes as people write it, or as plain writes it; what is neither is refused."""
    from loopline.nouns.token import Scope
    from loopline.verbs.issue import issue

    usage = usage_of(issue)
    scope = Scope(("read",), "flights")
    for written in ("read:flights", {"verbs": ["read"], "project": "flights", "assets": "*"}):
        assert read(usage, {"name": "ci", "scopes": [written]}, project="flights")["scopes"] == (scope,)
    for wrong in ({"no": 1}, 5, ["x"]):
        with pytest.raises(Invalid):
            read(usage, {"name": "ci", "scopes": [wrong]}, project="flights")


@pytest.mark.parametrize("text", ["a\x00b", "\udcff"])
def test_text_that_no_database_takes_is_refused(usage: Usage, text: str) -> None:
    """Whoever writes it is told, wherever it stands, whichever face it came by; a path may be anything that a disk holds."""
    for words in ({"why": text}, {"params": {"a": text}}, {"params": {text: "a"}}):
        with pytest.raises(Invalid) as caught:
            read(usage, {"ref": "model/delay@champion", "to": "3", **words}, project="flights")
        assert (caught.value.kind, str(caught.value.facts).isascii()) == ("bad-value", True)
    fine = read(
        usage, {"ref": "model/delay@champion", "to": "3", "why": "可\n👩‍🔬", "folder": "\udcff"}, project="flights"
    )
    assert fine["why"].startswith("可")
