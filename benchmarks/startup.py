"""startup: what it costs to begin."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from benchmarks.measure import OURS, Case, command
from benchmarks.peers import environment, peer

TITLE = "Importing, and a command that reads"
ROUNDS = 7
ABOUT = """
`import` is a whole Python process that imports the library and ends; the first line is the interpreter alone. A read
command lists what is recorded: `loopline ls` with ten data assets, `mlflow runs list` with ten runs in SQLite, `dvc
status` with ten tracked files, `prefect config view` (Prefect's recorded things need a server: `flow-run ls` starts
one for itself). `Tab` completes a name from the ledger, as a shell asks for it.
"""


def cases(place: Path) -> list[Case]:
    """Python alone, then each library, then each command."""
    mlflow, dvc, prefect = peer("mlflow"), peer("dvc"), peer("prefect")
    env = environment(place / "home") | {"MLFLOW_TRACKING_URI": f"sqlite:///{place / 'mlflow.db'}"}
    ours, theirs = _loopline_project(place / "ours", env), _dvc_project(place / "theirs", env)
    command(mlflow.python, "-c", _MLFLOW_RUNS, cwd=place, env=env)
    here = partial(command, cwd=place, env=env)
    return [
        Case("import", "python", lambda: here(OURS, "-c", "pass"), "nothing imported"),
        Case("import", "loopline", lambda: here(OURS, "-c", "import loopline")),
        Case("import", "dvc", lambda: here(dvc.python, "-c", "import dvc.api"), "`dvc.api`"),
        Case("import", "prefect", lambda: here(prefect.python, "-c", "import prefect; prefect.flow")),
        Case("import", "mlflow", lambda: here(mlflow.python, "-c", "import mlflow")),
        Case("read command", "loopline", lambda: command(OURS.parent / "loopline", "ls", cwd=ours, env=env)),
        Case(
            "Tab",
            "loopline",
            lambda: command(OURS.parent / "loopline", "--complete", "1", "show", "", cwd=ours, env=env),
        ),
        Case("read command", "dvc", lambda: command(dvc.command, "status", cwd=theirs, env=env)),
        Case("read command", "prefect", lambda: here(prefect.command, "config", "view"), "`config view`"),
        Case("read command", "prefect", lambda: here(prefect.command, "flow-run", "ls"), "`flow-run ls`", rounds=5),
        Case("read command", "mlflow", lambda: here(mlflow.command, "runs", "list", "--experiment-id", "0")),
    ]


_MLFLOW_RUNS = """
import mlflow
for number in range(10):
    with mlflow.start_run(run_name=f"run {number}"):
        mlflow.log_metric("loss", number)
"""


def _loopline_project(folder: Path, env: dict[str, str]) -> Path:
    folder.mkdir()
    (folder / "loopline.toml").write_text('[project]\nname = "bench"\n')
    for number in range(10):
        data = folder / "data" / f"d{number}"
        data.mkdir(parents=True)
        (data / "rows.csv").write_text(f"a,b\n{number},2\n")
        command(OURS.parent / "loopline", "add", f"data/d{number}", cwd=folder, env=env)
    return folder


def _dvc_project(folder: Path, env: dict[str, str]) -> Path:
    dvc = peer("dvc")
    folder.mkdir()
    command("git", "init", "-q", ".", cwd=folder, env=env)
    command(dvc.command, "init", "-q", cwd=folder, env=env)
    for number in range(10):
        (folder / f"d{number}.csv").write_text(f"a,b\n{number},2\n")
    command(dvc.command, "add", "-q", *(f"d{n}.csv" for n in range(10)), cwd=folder, env=env)
    return folder
