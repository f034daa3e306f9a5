"""The image: its recipe, and what of this folder gets to the builder."""

from __future__ import annotations

import re
from typing import Any

from tests.conftest import ROOT

TEXT = (ROOT / "install" / "Dockerfile").read_text()


def test_the_linter_finds_nothing_wrong(found: dict[str, Any]) -> None:
    """Hadolint says nothing."""
    assert found["wrong"]["dockerfile"] == []


def test_the_base_has_a_version_and_the_process_is_not_root() -> None:
    """The base is named exactly, and what runs is a user with a number, which Kubernetes can tell from root."""
    assert re.search(r"^ARG BASE=python:3\.11\.\d+-slim-\w+$", TEXT, re.MULTILINE)
    assert re.findall(r"^USER (.*)$", TEXT, re.MULTILINE) == ["10001:10001"]
    assert "HEALTHCHECK" in TEXT


def test_the_builder_gets_what_it_copies_and_nothing_else() -> None:
    """Each path that the recipe copies exists and is let through by .dockerignore, which names nothing else."""
    copied = {
        word.rstrip("/")
        for line in re.findall(r"^COPY (?!--from)(.*)$", TEXT, re.MULTILINE)
        for word in line.split()[:-1]
    }
    assert all((ROOT / path).exists() for path in copied)
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    let_in = {line[1:] for line in lines if line.startswith("!")}
    assert {path.partition("/")[0] for path in copied} == let_in
    assert "*" in lines


def test_every_extra_of_the_image_exists() -> None:
    """The extras that are installed are extras of the project."""
    extras = re.search(r"^ARG EXTRAS=(.*)$", TEXT, re.MULTILINE)
    assert extras
    known = (ROOT / "pyproject.toml").read_text()
    assert all(f"\n{name} = [" in known for name in extras[1].split(","))
