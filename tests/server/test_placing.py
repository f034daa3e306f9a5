"""placing: what an arm is run with on this machine."""

from __future__ import annotations

import importlib
import json
from dataclasses import replace
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from loopline.datasets.tree import build
from loopline.environments.capture import capture
from loopline.environments.lock import Distribution, encode
from loopline.models.codec import ModelCodec
from loopline.models.signature import sign
from loopline.nouns.artifact import MODEL
from loopline.nouns.declaration import Declaration
from loopline.nouns.entry import Entry
from loopline.nouns.name import Numbered, Pointer
from loopline.server.host import Host
from tests.environments.wheels import installed, only, small

from .test_host import MODEL_NAME, PROD, Machine

SAGE = """
import sys
from importlib.metadata import distributions

class Sage:
    def predict(self, rows):
        return [f"{sys.prefix} {len(list(distributions()))}" for _ in rows]
"""


class Whole(Machine):
    """A machine whose fronts and models are real."""

    def start(self) -> Host:
        """Start a host."""
        return self.run(Host(self.loop, self.settings))

    def learn(self, where: Path, *names: str) -> None:
        """Publish a model of a package that is not installed here, made with that one and others, and deploy it."""
        where.mkdir()
        model = sign(importlib.import_module("sage").Sage(), [[1.0], [2.0]])
        ModelCodec(allow_pickle=True).dump(model, where)
        blobs, here = self.loop.blobs, capture()
        entries = [Entry(one.name, blobs.put(one.read_bytes()), one.stat().st_size) for one in sorted(where.iterdir())]
        kept = [one for one in here.distributions if one.name in names]
        lock = replace(here, distributions=tuple(sorted((*kept, Distribution("sage", "1.0")))), files={})
        run = self.do("start", "train", environment=blobs.put(encode(lock))).id
        self.do("put", MODEL_NAME, digest=build(blobs, entries), media_type=MODEL, run=run)
        declared = Declaration(str(PROD.asset))
        self.do("deploy", PROD, model=Pointer(MODEL_NAME, Numbered(1)), declared=declared, allow_pickle=True)


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_model_is_answered_by_the_interpreter_of_its_own_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model of a package that the host lacks runs in an environment that is restored from its lock, and no other has it."""
    source, folder = tmp_path / "source", tmp_path / "wheels"
    source.mkdir()
    folder.mkdir()
    (source / "sage.py").write_text(SAGE)
    only(folder, monkeypatch)
    small(folder, "sage", SAGE)
    for name in ("numpy", "msgspec"):
        installed(folder, name)
    machine = Whole(tmp_path / "machine")
    try:
        with monkeypatch.context() as patch:
            patch.syspath_prepend(source)
            machine.learn(tmp_path / "model", "numpy", "msgspec", "loopline")
        (source / "sage.py").unlink()
        machine.start()
        ready = machine.until(lambda one: one.state == "ready" or bool(one.message), 90)
        assert (ready.state, ready.message) == ("ready", "")
        body = json.dumps({"records": [{"x0": 1.0}, {"x0": 2.0}]}).encode()
        with urlopen(Request(f"{ready.url}/predict", body, {"Content-Type": "application/json"}), timeout=30) as told:
            said = [one["predict"] for one in json.load(told)["predictions"]]
        prefix, _, packages = said[0].rpartition(" ")
        assert Path(prefix).parent == machine.loop.work / "environments"
        assert (packages, said[1]) == ("4", said[0])
    finally:
        machine.stop()
        machine.loop.ledger.close()
