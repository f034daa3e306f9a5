"""The documents are as true as the code."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from loopline.cli.commands import commands as every_command
from loopline.verbs import VERBS
from tests.house.source import ROOT, source, verbs

DOCS = ROOT / "docs"
FATES = ("proposed", "accepted", "rejected", "replaced")
LINK = re.compile(r"(?<!!)\[[^\]]+\]\((?P<target>[^)#\s]+)(#[^)]*)?\)")
COMMAND = re.compile(r"^\s*\$?\s*loopline(?P<flags>(\s+-{1,2}[a-z-]+)*)\s+(?P<word>[a-z][a-z-]*)\b", re.MULTILINE)
SETTING = re.compile(r"\bLOOPLINE_[A-Z_]+\b")


@pytest.mark.parametrize("verb", sorted(one.name for one in every_command()))
def test_every_verb_has_a_page_and_an_example(verb: str) -> None:
    """No verb ships undocumented."""
    page = DOCS / "verbs" / f"{verb}.md"
    assert page.exists(), "python scripts/write_reference.py"
    text = page.read_text(encoding="utf-8")
    assert f"loopline {verb.replace('_', '-')}" in text.partition("```")[2]


def test_pages_say_what_signatures_say() -> None:
    """The pages of verbs and errors are those that `python scripts/write_reference.py` writes now."""
    check = [sys.executable, str(ROOT / "scripts" / "write_reference.py"), "--check"]
    done = subprocess.run(check, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_pages_name_flags_as_the_help_does() -> None:
    """Whoever goes from a page to the terminal finds each flag under the same name."""
    from loopline.cli.commands import load
    from loopline.cli.help import explain
    from loopline.cli.screen import Screen
    from loopline.verbs.usage import usage_of

    for command in every_command():
        page = (DOCS / "verbs" / f"{command.name}.md").read_text(encoding="utf-8")
        helped = "\n".join(explain(usage_of(load(command)), Screen(environ={})))
        told = set(re.findall(r"^\| `--([a-z-]+)", page, re.MULTILINE))
        assert told == set(re.findall(r"^ {2}(?: {4}|-\w, )--([a-z-]+)", helped, re.MULTILINE)), command.name


def test_every_row_of_the_table_of_verbs_is_a_verb() -> None:
    """The table that help is drawn from lists what can be done, and nothing else."""
    assert [verb.name for verb in VERBS if verb.name not in verbs()] == []


def test_every_command_in_the_documents_exists() -> None:
    """What a reader types from a code block is a command that Loopline has."""
    wrong = []
    for page in pages():
        for block in re.findall(r"```(?:sh|console|bash)?\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
            wrong += [
                f"{name(page)}: loopline {m['word']}" for m in COMMAND.finditer(block) if m["word"] not in commands()
            ]
    assert wrong == []


def test_every_link_between_documents_leads_somewhere() -> None:
    """A relative link points at a file of the repository."""
    broken = [
        f"{name(page)}: {found['target']}"
        for page in pages()
        for found in LINK.finditer(page.read_text(encoding="utf-8"))
        if "://" not in found["target"] and not (page.parent / found["target"]).exists()
    ]
    assert broken == []


def test_every_setting_is_documented() -> None:
    """Each LOOPLINE_ variable that the source reads has a line in docs/reference/settings.md."""
    read = {word for file in source() for word in SETTING.findall(file.text)}
    page = (DOCS / "reference" / "settings.md").read_text(encoding="utf-8")
    assert sorted(read - set(SETTING.findall(page))) == []


def test_every_decision_has_a_fate() -> None:
    """A record of a decision says whether it is proposed, accepted, rejected or replaced, and since when."""
    fateless = []
    for page in sorted((DOCS / "decisions").glob("[0-9]*.md")):
        numbered = re.fullmatch(r"\d{4}-[a-z0-9-]+\.md", page.name)
        status = re.search(r"^Status: (\w+) \d{4}-\d{2}-\d{2}", page.read_text(encoding="utf-8"), re.MULTILINE)
        if not numbered or not status or status[1] not in FATES:
            fateless.append(page.name)
    assert fateless == []


def test_every_fragment_of_news_is_named_by_what_it_is() -> None:
    """A file in changes/ is NUMBER.added.md, .changed.md, .fixed.md or .removed.md."""
    names = [page.name for page in (ROOT / "changes").iterdir() if page.name != "README.md"]
    assert [n for n in names if not re.fullmatch(r"\d+(\.\d+)?\.(added|changed|fixed|removed)\.md", n)] == []


def test_the_glossary_is_in_order() -> None:
    """Whoever looks a word up finds it where the alphabet has it, once, with a whole sentence."""
    page = (DOCS / "reference" / "glossary.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \*\*([a-z -]+)\*\* \| (.*) \|$", page, re.MULTILINE)
    words = [word for word, _ in rows]
    assert words == sorted(set(words))
    assert [word for word, meaning in rows if meaning[0].islower() or meaning[-1] not in ".…"] == []


def test_every_how_to_is_named_where_readers_begin() -> None:
    """The README leads to each how-to."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [page.name for page in (DOCS / "how-to").glob("*.md") if f"docs/how-to/{page.name}" not in readme] == []


def test_every_noun_is_in_the_glossary() -> None:
    """Each file of `nouns` is a word of docs/reference/glossary.md."""
    words = set(
        re.findall(
            r"^\| \*\*([a-z -]+)\*\*", (DOCS / "reference" / "glossary.md").read_text(encoding="utf-8"), re.MULTILINE
        )
    )
    nouns = {path.stem for path in (ROOT / "src/loopline/nouns").glob("*.py")} - {"__init__"}
    assert sorted(nouns - words) == []


def test_the_readme_names_what_a_newcomer_types() -> None:
    """The first page says how to see it work and how to test it."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "make demo" in readme
    assert "make test" in readme


def test_every_extra_that_an_error_recommends_exists() -> None:
    """`pip install 'loopline[x]'` in a hint names an extra of pyproject.toml."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    named = {extra for file in source() for extra in re.findall(r"loopline\[([a-z0-9-]+)\]", file.text)}
    assert sorted(named - set(extras)) == []


def commands() -> set[str]:
    """Every word that may follow `loopline`."""
    return {one.name.replace("_", "-") for one in every_command()} | {"help"}


def pages() -> list[Path]:
    """Every page that people read."""
    return [*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md")), *sorted((ROOT / "examples").rglob("*.md"))]


def name(page: Path) -> str:
    """Name a page from the project's root."""
    return page.relative_to(ROOT).as_posix()
