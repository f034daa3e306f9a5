"""init: a folder made a project."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from loopline.errors import Unavailable

if TYPE_CHECKING:
    from loopline.cli.place import Place

_FILE = """\
# What Loopline knows of this project. Every key is optional; an unknown one is told with its line.

[project]
name = "{name}"
# experiment = "default"            # where runs go that name no other
# timezone = "Europe/Berlin"        # times are kept in UTC and shown in this zone
# modules = ["{module}"]            # Python modules with @pipeline functions

# A folder whose files are versions of a data asset: loopline add data/{name}
# [data."data/{name}"]
# folder = "data"
# key = ["id"]                      # columns that name a row, for differences by row

# A pipeline that judges a candidate against what is current: loopline check
# [checks."eval/holdout"]
# refs = ["model/*@champion"]
# pipeline = "judge"

# What the tables of a new version must hold: loopline expect data/{name}
# [checks."{name}/rows"]
# refs = ["data/{name}@main"]
# expect = [{{ column = "id", type = "whole", nulls = 0, unique = true }}]

# What must hold before a ref may move: loopline policy --push
# [[policies]]
# name = "champion"
# refs = ["model/*@champion"]
# checks = ["eval/holdout"]
# metrics = ["roc_auc >= base - 0.005"]
# approvals = {{ count = 1, not_author = true, humans_only = true }}
"""


@dataclass(frozen=True, slots=True)
class Made:
    """One thing that a project needs."""

    path: str
    state: str
    """`written`, or `there already`."""


def init(
    where: Place,
    folder: Annotated[Path, "the project's folder"] = Path(),
    *,
    name: Annotated[str, "the project's name; without it, the folder's"] = "",
) -> tuple[Made, ...]:
    """Make this folder a project: loopline.toml, .loopline/, and a line in .gitignore.

    What is there stays as it is, so that it may be repeated.

    Example:
        loopline init --name flights
    """
    from loopline.nouns.name import parse_project
    from loopline.settings import PROJECT_FILE, load_settings
    from loopline.settings.files import find_project

    folder = folder.absolute()
    file = find_project(folder) if folder.is_dir() else None
    if file is None or file.parent != folder:
        file = folder / PROJECT_FILE
    name = parse_project(name) if name else _name(folder)
    dry = where.options.dry
    try:
        if not dry:
            folder.mkdir(parents=True, exist_ok=True)
        module = name.replace("-", "_").replace(".", "_")
        made = [_write(file, _FILE.format(name=name, module=module), dry=dry)]
        home = folder / ".loopline"
        made.append(Made(str(home), "there already" if home.is_dir() else "written"))
        if not dry:
            home.mkdir(exist_ok=True)
        if _in_git(folder):
            made.append(_ignore(folder / ".gitignore", dry=dry))
    except OSError as error:
        raise Unavailable(
            f"{error.filename} cannot be written: {error.strerror}",
            kind="folder-unwritable",
            hint="make the folder writable, or choose another one",
            path=str(error.filename),
        ) from error
    if not dry:
        settings = load_settings(folder)
        declared = settings.data[0].asset if settings.data else None
        where.screen.say(f"next: loopline add {declared or f'data/{settings.project} FOLDER'}")
    return tuple(made)


def _name(folder: Path) -> str:
    import re

    return re.sub(r"[^a-z0-9._-]+", "-", folder.name.lower()).strip("._-")[:100] or "project"


def _write(path: Path, text: str, *, dry: bool) -> Made:
    if path.exists():
        return Made(str(path), "there already")
    if not dry:
        path.write_text(text, encoding="utf-8")
    return Made(str(path), "written")


def _in_git(folder: Path) -> bool:
    return any((one / ".git").exists() for one in (folder, *folder.parents))


def _ignore(path: Path, *, dry: bool) -> Made:
    """Add the line where it is missing, whatever the last line ends with."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    if {".loopline", ".loopline/", "/.loopline", "/.loopline/"} & {line.strip() for line in text.splitlines()}:
        return Made(str(path), "there already")
    if not dry:
        path.write_text(f"{text}{'' if text.endswith(chr(10)) or not text else chr(10)}.loopline/\n", encoding="utf-8")
    return Made(str(path), "written")
