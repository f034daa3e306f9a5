"""What assistants are told about tools is so."""

from __future__ import annotations

import re

import jsonschema
import pytest

from loopline.faces.mcp.fitting import size
from loopline.faces.mcp.offer import TOOLS, schemed
from loopline.faces.mcp.speaking import described
from loopline.faces.mcp.tool import Tool
from loopline.faces.native.wire import usage_for
from loopline.verbs import BY_NAME

MOVERS = {
    "propose",
    "apply",
    "promote",
    "rollback",
    "deploy",
    "undeploy",
    "pause",
    "resume",
    "abort",
    "branch",
    "add",
    "delete",
}
"""Verbs after which a ref, or traffic, may be another."""
each = pytest.mark.parametrize("tool", TOOLS, ids=lambda one: one.name)


def test_there_are_few_tools_with_names_of_one_form() -> None:
    """An assistant is offered 8 to 15 pieces of work, each named by a verb and a noun."""
    assert 8 <= len(TOOLS) <= 15
    assert len({one.name for one in TOOLS}) == len(TOOLS)
    assert [one.name for one in TOOLS if not re.fullmatch(r"loopline_[a-z]+_[a-z]+", one.name)] == []


@each
def test_annotations_follow_from_the_table_of_verbs(tool: Tool) -> None:
    """What a tool promises is what the verbs that it asks are."""
    verbs = [BY_NAME[name] for name in tool.verbs]
    hints = next(one for one in described() if one.name == tool.name).annotations
    assert hints is not None
    reads = all(one.cls == "read" for one in verbs)
    assert hints.read_only_hint == reads
    assert hints.destructive_hint == bool(MOVERS & {one.name for one in verbs})
    assert hints.open_world_hint == any(one.runs_code for one in verbs)
    assert hints.idempotent_hint == hints.read_only_hint


@each
def test_no_tool_answers_a_change_or_hands_out_rights(tool: Tool) -> None:
    """There is no tool that approves, overrides, lifts a quarantine, or touches tokens, roles and policies."""
    assert not {"approve", "policy", "issue", "revoke", "grant", "delete", "promote", "deploy"} & set(tool.verbs)
    assert not {"override", "lift", "reject", "delete", "edit"} & set(schemed(tool.name).takes["properties"])


@each
def test_schemas_are_schemas_and_every_word_is_one_of_the_verbs(tool: Tool) -> None:
    """Both schemas are valid, closed, and refer to nothing outside; what a tool takes is described."""
    takes, gives = schemed(tool.name)
    for one in (takes, gives):
        jsonschema.Draft202012Validator.check_schema(one)
        assert set(re.findall(r"#/\$defs/(\w+)", str(one))) <= set(one.get("$defs", {}))
        assert "#/components" not in str(one)
    assert takes["additionalProperties"] is False
    assert [name for name, one in takes["properties"].items() if not one.get("description") and "enum" not in one] == []
    own = {"details", "words", "things", "log", "rows", "rehearse", "action", "service", "what", "limit"}
    theirs = {param.name for name in tool.verbs for param in usage_for(name).params}
    assert set(takes["properties"]) <= own | theirs


def test_the_list_of_tools_is_short_enough_to_be_read_in_each_session() -> None:
    """Names, texts and what tools take are below 16,000 characters, all of it with output schemas below 70,000."""
    told = [one.model_dump(mode="json", by_alias=True, exclude_none=True) for one in described()]
    assert size(told) < 70_000
    assert size([{name: part for name, part in one.items() if name != "outputSchema"} for one in told]) < 16_000
