"""Projects loaded from snapshots, one beside the other."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest

from loopline.errors import Invalid
from loopline.pipelines.graph import trace
from loopline.pipelines.loading import code_at, load, pipeline_named


def snapshot(folder: Path, **files: str) -> Path:
    """Write modules and give their folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    return folder


FLOW = (
    "from loopline import step, pipeline\nimport near_by\n@step\ndef f(): return near_by.X\n@pipeline\ndef go(): f()\n"
)


def test_two_snapshots_do_not_meet(tmp_path: Path) -> None:
    """Modules of one name from two source trees are two modules, and neither stays in the process."""
    before, path = set(sys.modules), list(sys.path)
    one = load(snapshot(tmp_path / "1", flow_a=FLOW, near_by="X = 1\n"), ["flow_a"])
    two = load(snapshot(tmp_path / "2", flow_a=FLOW, near_by="X = 2\n"), ["flow_a"])
    assert (one["go"].function.__globals__["f"](), two["go"].function.__globals__["f"]()) == (1, 2)
    assert not {"flow_a", "near_by"} & (set(sys.modules) - before)
    assert sys.path == path


def test_a_module_of_the_process_comes_back(tmp_path: Path) -> None:
    """A module that the process had under a project's name is there again afterwards."""
    module = type(sys)("near_by")
    sys.modules["near_by"] = module
    try:
        load(snapshot(tmp_path, flow_a=FLOW, near_by="X = 1\n"), ["flow_a"])
        assert sys.modules["near_by"] is module
    finally:
        del sys.modules["near_by"]


def test_imports_in_a_body_find_the_snapshot(tmp_path: Path) -> None:
    """While a tree is active, late imports find its modules, loaded once."""
    body = "from loopline import step, pipeline\n@pipeline\ndef go():\n  import later\n  later.f()\n"
    later = "from loopline import step\n@step\ndef f(): return 1\n"
    folder = snapshot(tmp_path, flow_b=body, later=later)
    pipelines = load(folder, ["flow_b"])
    with code_at(folder).active():
        assert trace(pipelines["go"], {}).nodes[0].call == "later:f"


def test_threads_take_turns(tmp_path: Path) -> None:
    """Threads that need different trees wait for each other and always see their own."""
    folders = [snapshot(tmp_path / str(number), flow_c=f"X = {number}\n") for number in range(3)]
    wrong: list[int] = []

    def work(number: int) -> None:
        for _ in range(30):
            with code_at(folders[number]).active():
                if number != code_at(folders[number]).module("flow_c").X:
                    wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in (0, 1, 2, 0)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)
    assert not wrong


BROKEN = {
    "syntax": ("x = 1\ny = (\n", 2, "SyntaxError"),
    "import": ("import os\nimport not_there_at_all\n", 2, "ModuleNotFoundError"),
    "raises": ("def f():\n  return 1 / 0\nf()\n", 2, "ZeroDivisionError"),
    "exits": ("import sys\nsys.exit(3)\n", 2, "SystemExit"),
    "ours": ("from loopline import nothing_like_it\n", 1, "ImportError"),
}


@pytest.mark.parametrize(("code", "line", "word"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_module_is_located(tmp_path: Path, code: str, line: int, word: str) -> None:
    """Whatever goes wrong while a module is imported is told with file and line."""
    with pytest.raises(Invalid) as caught:
        load(snapshot(tmp_path, bad_one=code), ["bad_one"])
    assert caught.value.kind == "broken-module"
    assert (caught.value.facts["file"], caught.value.facts["line"]) == ("bad_one.py", line)
    assert word in caught.value.message


def test_a_broken_module_can_be_mended(tmp_path: Path) -> None:
    """A failed import leaves nothing behind: another snapshot with the mended module loads."""
    with pytest.raises(Invalid):
        load(snapshot(tmp_path / "1", flow_d="x = (\n"), ["flow_d"])
    assert load(snapshot(tmp_path / "2", flow_d=FLOW, near_by="X = 1"), ["flow_d"]).keys() == {"go"}


def test_names_that_are_not_there(tmp_path: Path) -> None:
    """A missing module, step or pipeline is told with what there is."""
    folder = snapshot(tmp_path, flow_e=FLOW, near_by="X = 1")
    with pytest.raises(Invalid) as caught:
        load(folder, ["no_such"])
    assert caught.value.kind == "no-module"
    with pytest.raises(Invalid) as caught:
        code_at(folder).find("flow_e:missing")
    assert caught.value.kind == "no-step"
    with pytest.raises(Invalid) as caught:
        pipeline_named(load(folder, ["flow_e"]), "goo")
    assert (caught.value.kind, caught.value.hint) == ("no-pipeline", "did you mean go?")


def test_two_pipelines_of_one_name_are_refused(tmp_path: Path) -> None:
    """A name must say which pipeline is meant; importing one from another module is no second one."""
    other = "from loopline import pipeline\nfrom flow_f import go as again\n@pipeline\ndef {}(): pass\n"
    files = {"flow_f": FLOW, "near_by": "X = 1", "flow_g": other.format("elsewhere"), "flow_h": other.format("go")}
    folder = snapshot(tmp_path, **files)
    assert load(folder, ["flow_f", "flow_g"]).keys() == {"go", "elsewhere"}
    with pytest.raises(Invalid) as caught:
        load(folder, ["flow_f", "flow_h"])
    assert caught.value.kind == "pipeline-twice"


def test_leaving_a_tree_disturbs_no_import_of_another_thread(tmp_path: Path) -> None:
    """A thread that goes through the import path while code is entered and left finds each of its entries."""
    (tmp_path / "flights.py").write_text("")
    code = code_at(tmp_path)
    with code.active():
        seen = iter(sys.path)
        next(seen)
    before = [one for one in sys.path if one != str(tmp_path)]
    assert [one for one in seen if one != str(tmp_path)] == before
