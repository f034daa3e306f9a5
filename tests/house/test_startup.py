"""Starting costs next to nothing: what a command does not use, it does not import."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {
    "alembic", "anyio", "asyncio", "duckdb", "fsspec", "IPython", "joblib", "matplotlib", "mcp", "numpy", "pandas", "polars",
    "psycopg", "pyarrow", "pydantic", "rich", "scipy", "skops", "sklearn", "sqlalchemy", "starlette", "unittest",
    "urllib3", "uvicorn",
}  # fmt: skip
ASKED = "data/flights@1"
READS = [
    ["ls"],
    ["ls", "--json"],
    ["find"],
    ["history", "data/flights"],
    ["why", ASKED],
    ["impact", ASKED],
    ["show", ASKED],
]
READS += [
    ["ls", ASKED],
    ["get", ASKED],
    ["status", "data/flights"],
    ["config"],
    ["--version"],
    ["--help"],
    ["why", "--help"],
]

FLIGHTS = Path(__file__).resolve().parents[2] / "examples" / "flights"
LOOPLINE = (sys.executable, "-c", "import sys; from loopline.cli.entry import main; sys.exit(main())")
"""What the installed command does."""
IMPORT_BUDGET_MS = 60
READ_BUDGET_MS = 80
COMPLETION_BUDGET_MS = 40
"""What DESIGN §7 promises; `make bench` measures against these on a quiet machine."""
CACHED_BUDGET_MS = 500
"""What the demo promises of a run whose every step is known."""
BARE_MS = 9.5
"""CPU of an interpreter that does nothing where the budgets were set. Where it takes longer, they grow in proportion."""


def test_import_loopline_loads_nothing_heavy() -> None:
    """Importing the package loads no library that a script may not need."""
    assert heavy_after("import loopline") == set()


def test_decorating_a_step_loads_nothing_heavy() -> None:
    """A project file with steps is read without the libraries that its steps use."""
    code = "import loopline\n@loopline.step\ndef one() -> int:\n    return 1\n"
    code += "@loopline.pipeline\ndef both() -> int:\n    return one()\n"
    assert heavy_after(f"exec(compile({code!r}, 'flights.py', 'exec'))") == set()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with one version of one data asset."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "loopline.toml").write_text('[project]\nname = "flights"\n', encoding="utf-8")
    data = folder / "data" / "flights"
    data.mkdir(parents=True)
    (data / "01.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    loopline("add", "data/flights", cwd=folder)
    return folder


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The flights project, trained once on a few real flights."""
    folder = tmp_path_factory.mktemp("trained") / "flights"
    shutil.copytree(FLIGHTS, folder, ignore=shutil.ignore_patterns("__pycache__", ".loopline", "data"))
    months = [sys.executable, "months.py", "1", "--every", "50"]
    subprocess.run(months, cwd=folder, check=True, capture_output=True)
    loopline("add", "data/flights", cwd=folder)
    loopline("run", "train", cwd=folder)
    return folder


def test_reading_data_loads_nothing_heavy(project: Path) -> None:
    """A file that is opened, or fetched, brings no library of tables, and none of file systems."""
    code = "import loopline\nfiles = loopline.data('flights@main')\nassert files.open('01.csv').read(1) == b'a'\n"
    assert heavy_after(code + "assert (files / '01.csv').exists() and files.path.is_dir()", cwd=project) == set()


@pytest.mark.parametrize("words", READS, ids=" ".join)
def test_read_commands_load_nothing_heavy(project: Path, words: list[str]) -> None:
    """A command that only reads starts without a library that draws, migrates or computes."""
    code = "import contextlib\nfrom loopline.cli.main import main\nwith contextlib.suppress(SystemExit):\n"
    code += f"    code = main({words!r})"
    assert heavy_after(code + "\nassert not code, code", cwd=project) == set()


def test_a_listing_loads_no_evidence(project: Path) -> None:
    """What `ls` does not draw, it does not read: no policies, no changes with their evidence, no archives, no hashing."""
    code = "import sys\nfrom loopline.cli.main import main\nassert not main(['ls'])\nprint('LOADED', *sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], cwd=project, check=True, capture_output=True, text=True).stdout
    unread = {"loopline.nouns.policy", "loopline.nouns.check", "loopline.nouns.change", "shutil", "hashlib"}
    assert unread & set(out.rpartition("LOADED")[2].split()) == set()


def test_a_status_loads_nothing_that_writes(project: Path) -> None:
    """Where a folder is as it was, `status` loads neither trees nor what reads, stores, publishes or checks out files."""
    code = "import sys\nfrom loopline.cli.main import main\nassert not main(['status'])\nprint('LOADED', *sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], cwd=project, check=True, capture_output=True, text=True).stdout
    unread = {"datasets.tree", "datasets.hashing", "datasets.checkout", "verbs.add", "nouns.change", "sdk.source"}
    loaded = set(out.rpartition("LOADED")[2].split())
    assert ({f"loopline.{one}" for one in unread} | {"msgspec", "hashlib", "subprocess"}) & loaded == set()


def test_import_loopline_is_within_its_budget() -> None:
    """`import loopline` takes at most 60 ms CPU where the bare interpreter, which is included, takes 9.5; else in proportion."""
    spent, slower = scaled(sys.executable, "-c", "import loopline")
    assert spent <= IMPORT_BUDGET_MS * slower


def test_a_read_command_is_within_its_budget(project: Path) -> None:
    """`loopline ls` takes at most 80 ms CPU where the bare interpreter, which is included, takes 9.5; else in proportion."""
    spent, slower = scaled(*LOOPLINE, "ls", cwd=project)
    assert spent <= READ_BUDGET_MS * slower


@pytest.mark.parametrize("words", [["1", "show", ""], ["1", "run", ""], ["1", "approve", ""]], ids=" ".join)
def test_completion_is_within_its_budget(project: Path, words: list[str]) -> None:
    """A press of Tab takes at most 40 ms CPU where the bare interpreter, which is included, takes 9.5; else in proportion."""
    spent, slower = scaled(*LOOPLINE, "--complete", *words, cwd=project)
    assert spent <= COMPLETION_BUDGET_MS * slower


@pytest.mark.parametrize("words", [["1", "show", ""], ["1", "run", ""], ["1", "approve", ""]], ids=" ".join)
def test_completion_loads_little(project: Path, words: list[str]) -> None:
    """Names are found without the settings, the nouns, the verbs, or what a command needs to be run."""
    code = "import sys\nfrom loopline.cli.entry import main\n"
    code += f"sys.argv = ['loopline', '--complete', *{words!r}]\nassert main() == 0"
    out = subprocess.run(
        [sys.executable, "-c", code + "\nprint('LOADED', *sys.modules)"], cwd=project, check=True, capture_output=True,
        text=True,
    ).stdout  # fmt: skip
    loaded = set(out.rpartition("LOADED")[2].split())
    assert "loopline.ledger.names" in loaded
    assert (
        not {"loopline.cli.main", "loopline.settings", "loopline.nouns", "loopline.verbs", "dataclasses", "json"}
        & loaded
    )


@pytest.mark.long
def test_a_cached_run_loads_nothing_heavy(trained: Path) -> None:
    """A run whose every step is known loads no library of its steps, nor what `importlib.metadata` brings along."""
    code = "from loopline.cli.main import main\nassert not main(['run', 'train'])"
    loaded = loaded_after(code, cwd=trained)
    assert (HEAVY | {"email", "zipfile", "socket"}) & loaded == set()


@pytest.mark.long
def test_a_cached_run_is_within_its_budget(trained: Path, tmp_path: Path) -> None:
    """A run from the cache takes half a second CPU at most where the bare interpreter takes 9.5 ms; else in proportion."""
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    variables["PYTHONPYCACHEPREFIX"] = str(tmp_path)  # an installed package is compiled, a checkout perhaps not
    spent, slower = scaled(*LOOPLINE, "run", "train", cwd=trained, variables=variables)
    assert spent <= CACHED_BUDGET_MS * slower


def heavy_after(code: str, cwd: Path | None = None) -> set[str]:
    """Run `code` in a fresh interpreter and give what it loaded that it should not have."""
    return HEAVY & loaded_after(code, cwd)


def loaded_after(code: str, cwd: Path | None = None) -> set[str]:
    """Run `code` in a fresh interpreter and give the top-level modules that it loaded."""
    tell = "\nimport sys; print('\\nLOADED', *{name.partition('.')[0] for name in sys.modules})"
    out = subprocess.run(
        [sys.executable, "-c", code + tell], cwd=cwd, check=True, capture_output=True, text=True
    ).stdout
    return set(out.rpartition("LOADED")[2].split())


def loopline(*words: str, cwd: Path) -> None:
    """Run one command as a user would."""
    subprocess.run([*LOOPLINE, *words], cwd=cwd, check=True, capture_output=True)


def scaled(*command: str, cwd: Path | None = None, variables: dict[str, str] | None = None) -> tuple[float, float]:
    """Give the CPU time (ms, user and system) of a command, and how many times slower than the budgets' machine this one is.

    Both are the least of seven runs, after one that fills the caches, taking turns with a bare interpreter: what else the machine
    does disturbs some of them, and both alike.
    """

    def once(*words: str) -> float:
        process = subprocess.Popen(words, cwd=cwd, env=variables, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0, words
        return (usage.ru_utime + usage.ru_stime) * 1000

    once(*command)
    spent, bare = zip(*((once(*command), once(sys.executable, "-c", "pass")) for _ in range(7)), strict=True)
    return min(spent), max(1.0, min(bare) / BARE_MS)
