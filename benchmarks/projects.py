"""projects: the small projects that contestants run."""

from __future__ import annotations

from pathlib import Path

from benchmarks.measure import OURS, command
from benchmarks.peers import peer

FLOWS = '''
"""Steps that do nothing."""

from __future__ import annotations

from loopline import pipeline, step


@step
def noop(number: int) -> int:
    return number


@pipeline
def many(count: int = 1000, salt: int = 0) -> int:
    results = [noop(salt + number) for number in range(count)]
    return results[-1]
'''


def loopline_project(folder: Path, env: dict[str, str]) -> Path:
    """Make a git repository with one pipeline of no-op steps."""
    folder.mkdir(parents=True)
    (folder / "loopline.toml").write_text('[project]\nname = "bench"\nmodules = ["flows"]\n')
    (folder / "flows.py").write_text(FLOWS.lstrip())
    commit(folder, env)
    return folder


def dvc_project(folder: Path, stages: int, env: dict[str, str]) -> Path:
    """Make a git repository with independent stages that each write one small file."""
    folder.mkdir(parents=True)
    command("git", "init", "-q", ".", cwd=folder, env=env)
    command(peer("dvc").command, "init", "-q", cwd=folder, env=env)
    lines = ["stages:"]
    for number in range(stages):
        lines += [
            f"  s{number}:",
            f"    cmd: echo {number} > out{number}",
            "    deps: [in.txt]",
            f"    outs: [out{number}]",
        ]
    (folder / "dvc.yaml").write_text("\n".join(lines) + "\n")
    (folder / "in.txt").write_text("0\n")
    commit(folder, env)
    return folder


def commit(folder: Path, env: dict[str, str]) -> None:
    """Put everything of `folder` into git."""
    if not (folder / ".git").exists():
        command("git", "init", "-q", ".", cwd=folder, env=env)
    (folder / ".gitignore").write_text(".loopline/\noutput.txt\nout[0-9]*\n")
    command("git", "add", ".", cwd=folder, env=env)
    command("git", "commit", "-q", "-m", "begin", cwd=folder, env=env)


LOOPLINE = OURS.parent / "loopline"
"""Our command."""
