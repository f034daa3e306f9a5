from __future__ import annotations

import pytest

from loopline.cli.argv import Options, read_words
from loopline.faces.web.asked import Asked
from loopline.verbs import VERBS, load
from loopline.verbs.usage import read, usage_of


def test_a_command_is_as_short_as_people_type_it() -> None:
    """What is as it is by default is left out, repeatable flags are singular, words with blanks are quoted."""
    assert Asked("overview").command() == "loopline overview"
    words = {"what": "runs", "where": "params.depth = '8'", "order": "metrics.auc desc", "open": True}
    assert (
        Asked("find", words).command() == "loopline find runs \"params.depth = '8'\" --order 'metrics.auc desc' --open"
    )
    assert Asked("series", {"runs": ("a", "b"), "keys": ("loss",)}).command() == "loopline series a b --key loss"
    assert Asked("overview").command("other") == "loopline --project=other overview"


@pytest.mark.parametrize(
    ("verb", "words"),
    [
        ("find", {"what": "runs", "where": "name = 'it''s $HOME `x`' and params.a ~ '-1'", "steps": True, "limit": 7}),
        ("find", {"what": "runs", "where": "--open"}),
        ("series", {"runs": ("-a", "b c"), "keys": ("x y", "--z"), "points": 5}),
        ("tail", {"run": "ab", "step": "a'b", "offset": -5}),
    ],
)
def test_a_command_means_what_was_asked(verb: str, words: dict[str, object]) -> None:
    """Read back as a shell and the command line read it, it gives the same words."""
    import shlex

    usage = usage_of(load(verb))
    typed = shlex.split(Asked(verb, words).command())
    assert typed[:2] == ["loopline", verb]
    assert read(usage, read_words(typed[2:], usage, Options()), project="p") == words


def test_a_json_address_has_every_word() -> None:
    """Values are quoted as an address needs it; a verb that writes has none."""
    asked = Asked("find", {"where": "a = 'b&c'", "open": True})
    assert asked.json("p") == "/api/v1/find?project=p&where=a%20%3D%20%27b%26c%27&open=true"
    assert Asked("approve", {"change": "ab"}).json("p") == ""


def test_every_read_can_be_asked() -> None:
    """No verb's signature is too strange for a page's foot."""
    for verb in VERBS:
        if verb.cls == "read":
            required = {
                one.name: ("model/a@1",) if one.shape == "many" else "model/a@1"
                for one in usage_of(load(verb.name)).params
                if one.required
            }
            assert Asked(verb.name, required).command().startswith(f"loopline {verb.name.replace('_', '-')}")
