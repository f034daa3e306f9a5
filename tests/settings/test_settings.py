"""settings: who wins, where each value comes from, and how every mistake is told."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from loopline.errors import Invalid, Unavailable
from loopline.nouns.policy import Approvals, OverrideRule, Soak
from loopline.settings import Settings, load_settings

EXAMPLE = Path(__file__).parents[2] / "examples" / "flights"


def settings(folder: Path, text: str = "", environ: dict[str, str] | None = None, **given: Any) -> Settings:
    """Load the settings of a folder with this project file."""
    if text:
        (folder / "loopline.toml").write_text(text)
    return load_settings(folder, environ={"USER": "ann", **(environ or {})}, **given)


def refused(folder: Path, text: str) -> Invalid:
    """Give the error that a project file raises."""
    with pytest.raises(Invalid) as caught:
        settings(folder, text)
    assert caught.value.hint
    assert str(folder / "loopline.toml") in str(caught.value)
    return caught.value


def origin(found: Settings, name: str) -> str:
    """Say where a value comes from."""
    return next(one.origin for one in found.values if one.name == name)


def test_without_a_file_there_are_defaults(tmp_path: Path) -> None:
    """A folder without any configuration is a project named after the folder."""
    folder = tmp_path / "My Flights"
    folder.mkdir()
    found = settings(folder)
    assert (found.project, found.actor, found.executor, found.timezone) == ("my-flights", "ann", "local", "UTC")
    assert (found.root, found.home, found.file) == (folder, folder / ".loopline", None)
    assert {one.origin for one in found.values} == {"default"}


def test_the_first_of_flag_variable_project_user_default_wins(tmp_path: Path) -> None:
    """A flag beats a variable, which beats the project's file, which beats the user's file, which beats the default."""
    user = tmp_path / "xdg" / "loopline"
    user.mkdir(parents=True)
    (user / "config.toml").write_text(
        '[project]\nexperiment = "mine"\ntimezone = "Europe/Berlin"\n[user]\nactor = "eve"\n'
    )
    (tmp_path / "p").mkdir()
    found = settings(
        tmp_path / "p",
        '[project]\nname = "a"\nexperiment = "theirs"\n[run]\nworkers = 3\nexecutor = "inline"\n',
        {"XDG_CONFIG_HOME": str(tmp_path / "xdg"), "LOOPLINE_PROJECT": "b", "LOOPLINE_WORKERS": "4"},
        flags={"run.workers": "5"},
    )
    assert (found.workers, origin(found, "run.workers")) == (5, "flag")
    assert (found.project, origin(found, "project.name")) == ("b", "LOOPLINE_PROJECT")
    assert (found.experiment, origin(found, "project.experiment")) == (
        "theirs",
        f"{tmp_path / 'p' / 'loopline.toml'}:3",
    )
    assert (found.actor, origin(found, "user.actor")) == ("eve", f"{user / 'config.toml'}:5")
    assert (found.timezone, origin(found, "project.timezone")) == ("Europe/Berlin", f"{user / 'config.toml'}:3")
    assert (found.executor, origin(found, "store.url")) == ("inline", "default")


def test_common_flags_have_names(tmp_path: Path) -> None:
    """Home, project and actor can be given directly; a relative home starts where it was written."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "loopline.toml").write_text('[store]\nhome = "here"\n')
    assert settings(tmp_path / "sub").home == tmp_path / "here"
    assert settings(tmp_path / "sub", environ={"LOOPLINE_HOME": "x"}).home == tmp_path / "sub" / "x"
    found = settings(tmp_path / "sub", home="y", project="p", actor="token:ci")
    assert (found.home, found.project, found.actor) == (tmp_path / "sub" / "y", "p", "token:ci")


def test_the_nearest_file_up_to_the_repository_counts(tmp_path: Path) -> None:
    """The file is looked for upward, and never outside the repository."""
    (tmp_path / "loopline.toml").write_text('[project]\nname = "outside"\n')
    repository = tmp_path / "repo"
    (repository / "a" / "b").mkdir(parents=True)
    assert settings(repository / "a" / "b").project == "outside"
    (repository / ".git").mkdir()
    assert settings(repository / "a" / "b").file is None
    (repository / "pyproject.toml").write_text('[tool.other]\nx = 1\n[tool.loopline.project]\nname = "inside"\n')
    found = settings(repository / "a" / "b")
    assert (found.project, found.root) == ("inside", repository)
    assert origin(found, "project.name") == f"{repository / 'pyproject.toml'}:4"


def test_two_files_of_one_project_are_refused(tmp_path: Path) -> None:
    """A folder with loopline.toml and [tool.loopline] says two things; a pyproject.toml without it says one."""
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    assert settings(tmp_path, '[project]\nname = "y"\n').project == "y"
    (tmp_path / "pyproject.toml").write_text("[tool.loopline]\n")
    with pytest.raises(Invalid) as caught:
        settings(tmp_path)
    assert caught.value.kind == "two-project-files"


def test_a_home_without_a_file_makes_the_root(tmp_path: Path) -> None:
    """Below a folder that holds .loopline, that folder is the root."""
    (tmp_path / ".loopline").mkdir()
    (tmp_path / "a").mkdir()
    assert settings(tmp_path / "a").root == tmp_path


def test_colours(tmp_path: Path) -> None:
    """NO_COLOR and FORCE_COLOR count, a flag beats them, and an empty NO_COLOR says nothing."""
    assert settings(tmp_path).color == "auto"
    assert settings(tmp_path, environ={"NO_COLOR": "1", "FORCE_COLOR": "1"}).color == "never"
    assert settings(tmp_path, environ={"FORCE_COLOR": "1", "NO_COLOR": ""}).color == "always"
    assert settings(tmp_path, environ={"NO_COLOR": "1"}, flags={"display.color": "always"}).color == "always"


def test_misspelled_variables_are_warned_about(tmp_path: Path) -> None:
    """A LOOPLINE_ variable that sets nothing is told, with the likely one; Loopline's own are not."""
    found = settings(tmp_path, environ={"LOOPLINE_ACTR": "x", "LOOPLINE_RUN_ID": "y", "OTHER": "z"})
    assert found.warnings == ("LOOPLINE_ACTR is no setting: did you mean LOOPLINE_ACTOR?",)


def test_the_whole_language_is_read(tmp_path: Path) -> None:
    """Data, checks and policies become nouns, with their defaults."""
    found = settings(
        tmp_path,
        """
        [data."data/flights"]
        key = ["day", "flight"]
        [checks."eval/holdout"]
        refs = ["model/*@champion"]
        pipeline = "judge"
        params = {days = 14, fast = true, share = 0.5, of = "x"}
        [[policies]]
        name = "champion"
        refs = ["model/*@champion", "*@prod"]
        checks = ["eval/holdout"]
        metrics = ["roc_auc >= base - 0.005 confident"]
        approvals = {count = 2, from = ["team/ml", "person:ann"], not_author = false, humans_only = false, verified = true}
        soak = {on = "service/*@staging", for = "24h", max_alerts = 1}
        freshness = "7d"
        forbid_pickle = true
        override = {by = ["team/sre"], reason = "required", expires = "90m"}
        [[policies]]
        name = "bare"
        refs = ["data/*@main"]
        """,
    )
    assert [(one.asset, one.folder, one.key) for one in found.data] == [
        ("data/flights", "data/flights", ("day", "flight"))
    ]
    assert found.checks[0].params == (("days", "14"), ("fast", "true"), ("of", "x"), ("share", "0.5"))
    full, bare = found.policies
    assert full.approvals == Approvals(2, ("team/ml", "person:ann"), not_author=False, humans_only=False, verified=True)
    assert full.soak == Soak("service/*@staging", timedelta(hours=24), 1)
    assert (full.freshness, full.forbid_pickle) == (timedelta(days=7), True)
    assert full.override == OverrideRule(("team/sre",), timedelta(minutes=90))
    assert (bare.approvals, bare.soak, bare.freshness, bare.override.by) == (None, None, None, ())


RULE = '[[policies]]\nname = "a"\nrefs = ["model/*@c"]\n'


@pytest.mark.parametrize(
    ("text", "kind", "line", "hint"),
    [
        ("[projct]\n", "unknown-key", 1, "project"),
        ('[project]\nname = "a"\n\nexperimnt = "x"\n', "unknown-key", 4, "experiment"),
        ('project.nmae = "a"\n', "unknown-key", 1, "name"),
        ('[user]\nactor = "ann"\n', "unknown-key", 1, ""),
        (RULE + "chekcs = []\n", "unknown-key", 4, "checks"),
        (RULE + RULE.replace('"a"', '"b"') + "\n[policies.approvals]\ncoutn = 2\n", "unknown-key", 9, ""),
        (RULE + "approvals = {count = 1, form = []}\n", "unknown-key", 4, "from"),
        ('[checks."a.b"]\nrefs = ["*@c"]\npipeline = "p"\nparam = {}\n', "unknown-key", 4, "params"),
        ('[run]\nworkers = "2"\n', "wrong-type", 2, "number"),
        ("[run]\nworkers = true\n", "wrong-type", 2, "number"),
        ("[run]\nworkers = -1\n", "bad-value", 2, ""),
        ("run = 3\n", "wrong-type", 1, "table"),
        ('[project]\nmodules = ["a",\n  2]\n', "wrong-type", 3, "text"),
        ('[project]\nname = "A B"\n', "bad-project", 2, ""),
        ('[project]\ntimezone = "Europe/Berln"\n', "bad-timezone", 2, "Europe/Berlin"),
        ('[display]\ncolor = "allways"\n', "bad-value", 2, "always"),
        (RULE + 'freshness = "7 dayz"\n', "bad-duration", 4, "24h"),
        (RULE + "freshness = 7\n", "wrong-type", 4, "24h"),
        (RULE + 'metrics = [\n  "roc_auc >= 0.7", # fine\n  "roc_auk >= 1",\n]\n', "unknown-metric", 6, "roc_auc"),
        (RULE + 'metrics = ["roc_auc => 1"]\n', "bad-requirement", 4, ">="),
        (RULE + RULE, "same-name", 5, ""),
        ('[[policies]]\nrefs = ["model/*@c"]\n', "missing-key", 1, "name"),
        ("policies = [3]\n", "wrong-type", 1, "[[policies]]"),
        ('[policies]\nname = "x"\n', "wrong-type", 1, "[[policies]]"),
        ('[[policies]]\nname = "a"\nrefs = []\n', "bad-glob", 3, ""),
        ('[[policies]]\nname = "a"\nrefs = ["modle/*@c"]\n', "bad-glob", 3, "model"),
        ('[[policies]]\nname = "a"\nrefs = ["model/x"]\n', "bad-glob", 3, "model/x@*"),
        (RULE + 'approvals = {from = ["ml"]}\n', "bad-actor", 4, "team/ml"),
        (RULE + 'approvals = {from = ["robot:x"]}\n', "bad-actor", 4, ""),
        (RULE + "approvals = {count = 0}\n", "bad-value", 4, ""),
        (RULE + 'soak = {on = "model/*@s"}\n', "missing-key", 4, "for"),
        (RULE + 'override = {by = ["team/a"], reason = "optional"}\n', "bad-value", 4, "required"),
        ('[data."model/x"]\n', "bad-kind", 1, "data/x"),
        ("[data.flights]\n", "bad-asset", 1, ""),
        ('[checks.a]\nrefs = ["*@c"]\n', "missing-key", 1, "pipeline"),
        ('[checks.a]\nrefs = ["*@c"]\npipeline = "p"\nparams = {x = [1]}\n', "wrong-type", 4, ""),
        ("[project\n", "bad-toml", 1, ""),
        ('[project]\nname = "a"\nname = "b"\n', "bad-toml", 3, ""),
        ('[project]\nname = "a\n', "bad-toml", 2, ""),
    ],
)
def test_mistakes_have_a_line(tmp_path: Path, text: str, kind: str, line: int, hint: str) -> None:
    """Whatever is wrong in a project file is told with its file and line and one way out."""
    error = refused(tmp_path, text)
    assert (error.kind, error.facts["line"]) == (kind, line)
    assert hint in error.hint
    assert f"loopline.toml:{line}:" in str(error)


def test_wrong_bytes_and_locked_files(tmp_path: Path) -> None:
    """A file that is not UTF-8 is Invalid with its line; one that cannot be read is Unavailable."""
    (tmp_path / "loopline.toml").write_bytes(b'[project]\nname = "\xff"\n')
    with pytest.raises(Invalid) as caught:
        settings(tmp_path)
    assert (caught.value.kind, caught.value.facts["line"]) == ("bad-encoding", 2)
    (tmp_path / "loopline.toml").unlink()
    (tmp_path / "loopline.toml").symlink_to("/proc/self/mem")  # opens, and fails on read, also for root
    with pytest.raises(Unavailable) as failed:
        settings(tmp_path)
    assert failed.value.kind == "file-unreadable"


@pytest.mark.parametrize("workers", ["x", "-1", "²", "9999999"])
def test_a_variable_is_checked_too(tmp_path: Path, workers: str) -> None:
    """A number from the environment is refused by the name of its variable."""
    with pytest.raises(Invalid) as caught:
        settings(tmp_path, environ={"LOOPLINE_WORKERS": workers})
    assert caught.value.facts["origin"] == "LOOPLINE_WORKERS"


def test_the_example_can_be_read() -> None:
    """The flights project means what its README says."""
    found = load_settings(EXAMPLE, environ={})
    assert (found.project, found.modules) == ("flights", ("flights",))
    assert [one.name for one in found.policies] == ["flights", "champion"]
    assert len(found.policies[1].metrics) == 6


def test_reading_settings_loads_nothing_heavy() -> None:
    """Settings with policies are read without numpy, databases, zoneinfo or difflib."""
    program = (
        "import sys; from pathlib import Path; from loopline.settings import load_settings;"
        f"load_settings(Path({str(EXAMPLE)!r}), environ={{}});"
        "print([m for m in ('numpy', 'sqlalchemy', 'difflib', 'msgspec') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
