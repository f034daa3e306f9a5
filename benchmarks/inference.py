"""inference: what a prediction over HTTP costs."""

from __future__ import annotations

import json
import random
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.measure import OURS, Case, Measured, Sample, one, side
from benchmarks.peers import environment, peer
from benchmarks.serving import Server, free_port, load, scaled

TITLE = "Predictions of a service"
CPU = "Server's CPU"
WALL = "Elapsed"
SIZE = "Idle memory (PSS)"
ROUNDS = 5
SETTLING_S = 3.0
MOST = 64
COLUMNS = 10
PEERS = ("litserve", "bentoml", "fastapi", "mlserver")
LINEAR, FOREST = "LogisticRegression", "forest"
START, BARE = "start, then idle", "the model alone"
UNRECORDED = ", not recorded"
_SIDES = Path(__file__).parent / "sides"
_BUSY = "loopline_service_model_busy_seconds_total{"
RECORDS = find_spec("loopline.signals.segments") is not None
"""Whether predictions can be recorded; ours are, then."""
COUNTS = {
    LINEAR: {"asgi": 15000, "loopline": 5000, "litserve": 1500, "bentoml": 1500, "fastapi": 3000, "mlserver": 1200},
    FOREST: {"loopline": 2500, "litserve": 200, "bentoml": 1200, "fastapi": 256, "mlserver": 200},
}
ABOUT = f"""
One row of {COLUMNS} numbers a request, JSON over kept connections, as in the topic of requests to a server. Everybody serves
the same two models, fitted with the same scikit-learn in their own environment, with one model process and one thread for
numerical libraries: a LogisticRegression of three classes and a RandomForestClassifier of 100 trees. Figures per request
are CPU of all processes of the server and the time that passed (1,000 ÷ milliseconds is requests a second). Ours is the
front of a service with its model process, as a host starts it, asked by the Open Inference Protocol; every answer is stamped,
and recorded where that is said. FastAPI is what people write by hand: an
`async` function that asks the model, on uvicorn with uvloop. BentoML batches (up to {MOST} rows); LitServe as it comes, and with
batches where that is said. Floor: a bare ASGI application on the uvicorn and the settings of our front, without a model.
MLServer runs with uvloop 0.21: newer ones end its model process. Where pandas is installed scikit-learn imports it; it comes
with MLServer and MLflow, not with the others.
{START}: from the start of the process to the first 200 to a prediction of the LogisticRegression, then, {SETTLING_S:.0f} s
later, the memory of all processes together. {BARE}: a Python that imports what the model needs, loads it, asks it once and ends.
"""


@dataclass(frozen=True, slots=True)
class Contestant:
    """How somebody's server is started and asked."""

    start: Callable[[str], Server]
    """Of a model: linear, forest."""
    path: str
    spell: Callable[[list[float]], Any]
    """The body for one row."""
    ours: bool = False

    def requests(self) -> list[dict[str, Any]]:
        """Rows that are not all the same."""
        chance = random.Random(1)
        rows = [[round(chance.uniform(0, 8), 3) for _ in range(COLUMNS)] for _ in range(MOST)]
        return [{"method": "POST", "path": self.path, "body": self.spell(row)} for row in rows]


def cases(place: Path) -> list[Case]:
    """Both models at the connections that say something about them, then starting."""
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    them = _contestants(place, environment(place / "home") | threads)
    standing: dict[tuple[str, str], Server] = {}
    found = []
    for what, connections in ((LINEAR, 1), (LINEAR, 16), (LINEAR, MOST), (FOREST, MOST)):
        model = "linear" if what == LINEAR else "forest"
        for who, name, note in _entrants(what, connections):
            count = max(scaled(COUNTS[what][name]) // (2 if connections == 1 else 1), connections)
            run = partial(_asked, partial(_standing, standing, them[who], (who, model)), them[who], connections, count)
            said = UNRECORDED if who == "unrecorded" else ""
            found.append(Case(_spelled(what, connections) + said, name, run, note))
    found += [Case(START, who, partial(_stand, standing, them[who])) for who in ("loopline", *PEERS, "mlflow")]
    for who in ("loopline", *PEERS):
        file = place / who / "linear.joblib"
        alone = partial(
            one, peer(who).python, "inference_imports", file, cwd=place / who, env=environment(place / "home") | threads
        )
        found.append(Case(BARE, who, alone, "its environment"))
    return found


def _entrants(what: str, connections: int) -> list[tuple[str, str, str]]:
    """Contestant, its name in the table, a note."""
    found = [("asgi", "asgi", "floor")] if what == LINEAR else []
    found.append(("loopline", "loopline", "recorded" if RECORDS else ""))
    if connections == MOST:
        found += [("unrecorded", "loopline", "")] if RECORDS else []
        found.append(("litserve batching", "litserve", "with batches"))
    return found + [(who, who, "") for who in PEERS]


def _spelled(what: str, connections: int) -> str:
    return f"{what}, {connections} connection{'s' if connections > 1 else ''}"


def _contestants(place: Path, env: dict[str, str]) -> dict[str, Contestant]:
    python = peer("loopline").python
    ours = _prepared(python, place / "loopline", env)
    side(python, "loopline_models", ours, cwd=place, env=env)
    models = {name: _prepared(peer(name).python, place / name, env) for name in (*PEERS, "mlflow")}
    saved = models["mlflow"] / "saved"
    side(peer("mlflow").python, "mlflow_model", models["mlflow"] / "linear.joblib", saved, cwd=place, env=env)

    def start(who: str, *words: str | Path, **more: str) -> Server:
        return Server(*words, cwd=place / who, env=env | more)

    def front(suffix: str, model: str) -> Server:
        return start("loopline", python, _SIDES / "loopline_front.py", "{port}", ours / f"{model}{suffix}.json")

    def script(who: str, model: str, *words: str) -> Server:
        return start(
            who, peer(who).python, _SIDES / f"{who}_model.py", "{port}", models[who] / f"{model}.joblib", *words
        )

    def bento(model: str) -> Server:
        words = ("serve", "bentoml_model:Bench", "--working-dir", _SIDES, "--host", "127.0.0.1", "--port", "{port}")
        return start("bentoml", peer("bentoml").command, *words, MODEL=str(models["bentoml"] / f"{model}.joblib"))

    def flow(_: str) -> Server:
        path = f"{peer('mlflow').bin}:{env['PATH']}"  # it looks for uvicorn there
        words = ("models", "serve", "-m", saved, "--env-manager", "local", "-h", "127.0.0.1", "-p", "{port}")
        return start("mlflow", peer("mlflow").command, *words, PATH=path)

    v2 = "/v2/models/bench/infer"
    floor = partial(start, "asgi", OURS, _SIDES / "inference_floor.py", "{port}")
    return {
        "asgi": Contestant(lambda _: floor(), "/", _tensor),
        "loopline": Contestant(partial(front, "-recorded" if RECORDS else ""), v2, _tensor, ours=True),
        "unrecorded": Contestant(partial(front, ""), v2, _tensor, ours=True),
        "litserve": Contestant(lambda model: script("litserve", model, "1"), "/predict", _rows),
        "litserve batching": Contestant(lambda model: script("litserve", model, str(MOST)), "/predict", _rows),
        "bentoml": Contestant(bento, "/predict", _rows),
        "fastapi": Contestant(partial(script, "fastapi"), "/predict", _rows),
        "mlserver": Contestant(partial(_mlserver, models["mlserver"], env), v2, _tensor),
        "mlflow": Contestant(flow, "/invocations", lambda row: {"inputs": [row]}),
    }


def _tensor(row: list[float]) -> Any:
    return {"inputs": [{"name": "input", "shape": [1, COLUMNS], "datatype": "FP64", "data": row}]}


def _rows(row: list[float]) -> Any:
    return {"rows": [row]}


def _prepared(python: Path, folder: Path, env: dict[str, str]) -> Path:
    folder.mkdir(parents=True)
    side(python, "inference_models", folder, cwd=folder, env=env)
    return folder


def _mlserver(folder: Path, env: dict[str, str], model: str) -> Server:
    """Start MLServer with one process for its one model."""
    place = folder / model
    (place / "model").mkdir(parents=True, exist_ok=True)
    settings = {
        "debug": False,
        "parallel_workers": 1,
        "host": "127.0.0.1",
        "grpc_port": free_port(),
        "metrics_port": free_port(),
    }
    (place / "settings.json").write_text(json.dumps(settings))
    described = {
        "name": "bench", "implementation": "mlserver_sklearn.SKLearnModel",
        "parameters": {"uri": str(folder / f"{model}.joblib"), "version": "1"},
    }  # fmt: skip
    (place / "model" / "model-settings.json").write_text(json.dumps(described))
    return Server(peer("mlserver").command, "start", place, cwd=place, env=env | {"MLSERVER_HTTP_PORT": "{port}"})


def _standing(standing: dict[tuple[str, str], Server], who: Contestant, key: tuple[str, str]) -> Server:
    """Give a server that stands, started and warm."""
    if key not in standing:
        standing[key] = who.start(key[1])
        _until(standing[key], who)
        load(standing[key], MOST, 2 * MOST, who.requests())
    return standing[key]


def _until(server: Server, who: Contestant) -> float:
    asked = who.requests()[0]
    return server.answers(asked["path"], asked["body"])


def _asked(standing: Callable[[], Server], who: Contestant, connections: int, count: int) -> Sample:
    """Load a server; of ours, also how long its model was busy."""
    server = standing()
    before = _busy(server) if who.ours else 0.0
    sample = load(server, connections, count, who.requests())
    return replace(sample, inner=_busy(server) - before) if who.ours else sample


def _busy(server: Server) -> float:
    with urllib.request.urlopen(server.url + "/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(_BUSY)) * 1000


def _stand(standing: dict[tuple[str, str], Server], who: Contestant) -> Sample:
    """Start a server while no other stands: what two share in memory would count half."""
    while standing:
        standing.popitem()[1].stop()
    server = who.start("linear")
    try:
        wall = _until(server, who)
        cpu = server.cpu()
        time.sleep(SETTLING_S)
        return Sample(cpu, wall, size=server.memory())
    finally:
        server.stop()


def notes(measured: list[Measured]) -> str:
    """Say it in requests a second, with latencies, and whether the targets are met."""
    found = {(m.what, m.who, m.note): m for m in measured}
    lines = []
    for what in dict.fromkeys(m.what for m in measured if any(m.p99)):
        said = [
            f"{who}{f' ({note})' if note else ''} {1000 / m.median('wall'):,.0f}"
            f" ({m.median('p50'):.1f} / {m.median('p99'):.1f} ms)"
            for (topic, who, note), m in found.items() if topic == what
        ]  # fmt: skip
        lines.append(f"- {what}, requests a second (p50 / p99): {', '.join(said)}")
    return "\n".join([*lines, "", "Targets:", "", *(f"- {line}" for line in _targets(measured))])


def _targets(measured: list[Measured]) -> list[str]:
    linear, forest = _spelled(LINEAR, MOST), _spelled(FOREST, MOST)

    def best(what: str, who: str) -> Measured:
        return min((m for m in measured if (m.what, m.who) == (what, who)), key=lambda m: m.median("wall"))

    def ratio(what: str, who: str) -> float:
        return best(what, who).median("wall") / best(what, "loopline").median("wall")

    ours, bento, start = best(forest, "loopline"), best(forest, "bentoml"), best(START, "loopline")
    asked = best(linear, "loopline")
    lit, times = ratio(linear, "litserve"), ratio(forest, "bentoml")
    wall, size, bare = start.median("wall"), start.median("size"), best(BARE, "loopline").median("size")
    cpu, busy = asked.median("cpu"), asked.median("inner")
    p99 = f"p99 {ours.median('p99'):.0f} ms, its {bento.median('p99'):.0f} ms"
    model = f"of which a bare Python with the model takes {bare / 1e6:.0f}: {(size - bare) / 1e6:.0f} MB"
    whole = f"{cpu:.3f} ms, of which the model process was busy for {busy:.3f} ms by the clock: {cpu - busy:.3f} ms"
    memory = "idle memory ≤ 200 MB beyond the model's own imports"
    found = [
        f"≥ 2 × LitServe (the quicker of its two) on {linear}: {lit:.1f} ×, {_met(lit >= 2)}",
        f"≥ 2 × BentoML on {forest}: {times:.1f} ×, {_met(times >= 2)}",
        f"p99 ≤ BentoML's there: {p99}, {_met(ours.median('p99') <= bento.median('p99'))}",
        f"start to first prediction ≤ 1.5 s: {wall / 1000:.2f} s, {_met(wall <= 1500)}",
        f"{memory}: {size / 1e6:.0f} MB, {model}, {_met(size - bare <= 200e6)}",
        f"CPU beyond the model ≤ 0.3 ms ({linear}): {whole}, {_met(cpu - busy <= 0.3)}",
    ]
    plain = [m for m in measured if m.what == linear + UNRECORDED]
    if plain:
        lost = 1 - plain[0].median("wall") / asked.median("wall")
        found.append(f"recording costs ≤ 10 % of throughput ({linear}): {lost:.1%}, {_met(lost <= 0.1)}")
    return found


def _met(holds: bool) -> str:  # noqa: FBT001 (a verdict in words)
    return "met" if holds else "**missed**"
