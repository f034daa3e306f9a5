"""What a source means becomes a version: exactly those bytes, with run and lineage; anything else is refused and never opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopline.datasets.tree import Tree, build
from loopline.nouns.artifact import MODEL
from loopline.nouns.digest import digest_of
from loopline.nouns.entry import Entry
from loopline.nouns.name import AssetName, Numbered, Pointer
from loopline.verbs.annotate import annotate
from loopline.verbs.card import card
from loopline.verbs.put import put as publish
from loopline.verbs.why import why
from tests.faces.mlflow.registered import MLMODEL, PROMPT, logged, model, put, version

if TYPE_CHECKING:
    from loopline.nouns.version import Version
    from tests.faces.mlflow.conftest import Tracker


def kept(tracker: Tracker, number: int, name: str = "delay") -> Version:
    """Give a version as the ledger has it."""
    loop = tracker.served.loop
    with loop.ledger.read() as tx:
        return tx.versions.get(AssetName(loop.project, "model", name), number)


def files(tracker: Tracker, number: int, name: str = "delay") -> dict[str, str]:
    """Give the files of a version by path."""
    tree = Tree(tracker.served.loop.blobs, kept(tracker, number, name).artifact.digest)
    return {one.path: str(one.digest) for one in tree.iter()}


def test_a_logged_model_is_registered_as_it_was_sealed(tracker: Tracker) -> None:
    """With what it says of itself; its run is told as the reason, and a card is written of it."""
    model(tracker)
    run = tracker.run()
    version(tracker, f"models:/{logged(tracker, run=run)}")
    found = kept(tracker, 1)
    assert files(tracker, 1) == {"MLmodel": digest_of(MLMODEL), "data/model.bin": digest_of(b"model")}
    assert (found.run, found.metadata["flavour"], found.metadata["pickle"]) == (run, "sklearn-skops", False)
    loop = tracker.served.loop
    with loop.ledger.read() as tx:
        assert [(one.name, one.asset, one.number) for one in tx.runs.get(run).outputs] == [("model", "model/delay", 1)]
    assert why(loop, "model/delay@1").because[0].key == run
    assert "sklearn-skops, " in card(loop, Pointer(found.asset, Numbered(1)))
    location = tracker.get(f"logged-models/{found.metadata['logged_model']}")["model"]["info"]["artifact_uri"]
    assert version(tracker, location)["source"] == location
    assert kept(tracker, 2).artifact.digest == found.artifact.digest


def test_a_folder_of_a_run_is_sealed_when_it_is_registered(tracker: Tracker) -> None:
    """What is written there later does not reach the version; the run's own address means the same."""
    model(tracker)
    run = tracker.run()
    for path, body in (("old/MLmodel", MLMODEL), ("old/a/b", b"1"), ("older", b"no")):
        put(tracker, f"0/{run}/artifacts/{path}", body)
    version(tracker, f"runs:/{run}/old", run_id=run)
    put(tracker, f"0/{run}/artifacts/old/a/b", b"2")
    version(tracker, f"mlflow-artifacts:/0/{run}/artifacts/old", run_id=run)
    assert files(tracker, 1) == {"MLmodel": digest_of(MLMODEL), "a/b": digest_of(b"1")}
    assert files(tracker, 2) == {"MLmodel": digest_of(MLMODEL), "a/b": digest_of(b"2")}
    assert (kept(tracker, 1).run, kept(tracker, 1).metadata["class"]) == (run, "mlflow.sklearn")
    version(tracker, f"runs:/{run}")
    assert sorted(files(tracker, 3)) == ["old/MLmodel", "old/a/b", "older"]
    name = logged(tracker, run=run, name="named")
    assert version(tracker, f"runs:/{run}/named", run_id=run)["model_id"] == name


def test_another_version_is_registered_again(tracker: Tracker) -> None:
    """By number, alias, stage, `latest` or the address of its files; run and model come along."""
    model(tracker)
    model(tracker, "copy")
    run = tracker.run()
    name = logged(tracker, run=run)
    version(tracker, f"models:/{name}")
    tracker.post("registered-models/alias", name="delay", alias="best", version="1")
    tracker.post("model-versions/transition-stage", name="delay", version="1", stage="Staging")
    address = tracker.get("model-versions/get-download-uri", name="delay", version="1")["artifact_uri"]
    sources = ("models:/delay/1", "models:/delay@best", "models:/delay/Staging", "models:/delay/latest", address)
    for number, source in enumerate(sources, 1):
        made = version(tracker, source, "copy", run_id=run, model_id=name)
        assert (made["run_id"], made["model_id"], made["source"]) == (run, name, source)
        assert kept(tracker, number, "copy").artifact == kept(tracker, 1).artifact
        assert kept(tracker, number, "copy").metadata["flavour"] == "sklearn-skops"
    for source, status in (
        ("models:/delay/9", 404), ("models:/none/1", 404), ("models:/delay@none", 400), ("models:/delay/Production", 404),
        ("models:/delay/x", 400), ("mlflow-artifacts:/versions/1/9", 400), ("mlflow-artifacts:/versions/9/1", 400),
    ):  # fmt: skip
        assert tracker.refused("POST", "model-versions/create", {"name": "copy", "source": source})[0] == status, source


def test_what_a_pipeline_has_published_is_registered_again(tracker: Tracker) -> None:
    """A version is a version, whoever has made it: it shows to clients, and they may copy it."""
    loop = tracker.served.loop
    root = build(loop.blobs, [Entry("model.json", loop.blobs.put(b"{}"), 2)])
    publish(loop, AssetName(loop.project, "model", "team/delay"), digest=root, media_type=MODEL)
    told = tracker.get("registered-models/get", name="team/delay")["registered_model"]["latest_versions"][0]
    assert (
        told["source"] == tracker.get("model-versions/get-download-uri", name="team/delay", version="1")["artifact_uri"]
    )
    model(tracker)
    version(tracker, told["source"])
    assert kept(tracker, 1).artifact.digest == root


def test_a_prompt_is_the_text_that_it_is(tracker: Tracker) -> None:
    """It rides on the registry: the artifact is the text, the source is nothing, and it is no model to be copied."""
    tracker.post("registered-models/create", name="greet", tags=[PROMPT])
    text = {"key": "mlflow.prompt.text", "value": "Hi {{name}}, größe!"}
    for source in ("prompt-template", "dummy-source"):
        made = version(tracker, source, "greet", tags=[PROMPT, text])
        assert {one["key"]: one["value"] for one in made["tags"]}["mlflow.prompt.text"] == text["value"]
    found = kept(tracker, 1, "greet")
    assert tracker.served.loop.blobs.read(found.artifact.digest).decode() == text["value"]
    assert found.artifact.media_type == "text/plain"
    annotate(tracker.served.loop, "model/greet@1", tags={"mlflow.prompt.text": "Do something else."})
    told = tracker.get("model-versions/get", name="greet", version="1")["model_version"]
    assert {one["key"]: one["value"] for one in told["tags"]}["mlflow.prompt.text"] == text["value"]
    model(tracker)
    for body in (
        {"name": "greet", "source": "http://x", "tags": [PROMPT, text]},
        {"name": "greet", "source": "dummy-source", "tags": [PROMPT]},
        {"name": "greet", "source": "dummy-source", "tags": []}, {"name": "delay", "source": "models:/greet/1"},
    ):  # fmt: skip
        assert tracker.refused("POST", "model-versions/create", body)[:2] == (400, "INVALID_PARAMETER_VALUE")


def test_a_source_and_its_run_belong_together(tracker: Tracker) -> None:
    """A run or a model that is named and is another one is 400; so are a model that is not finished and a run without files."""
    model(tracker)
    run, other = tracker.run(), tracker.run()
    name = logged(tracker, run=run)
    open_one = logged(tracker, run=run, ready=False)
    for source, more in (
        (f"models:/{name}", {"run_id": other}), (f"models:/{name}", {"model_id": open_one}), (f"models:/{open_one}", {}),
        (f"models:/m-{'0' * 32}", {}), (f"runs:/{run}/none", {}), (f"runs:/{other}", {}),
    ):  # fmt: skip
        said = tracker.refused("POST", "model-versions/create", {"name": "delay", "source": source, **more})
        assert said[:2] == (400, "INVALID_PARAMETER_VALUE"), source
    for body, status in (
        ({"name": "none", "source": f"models:/{name}"}, 404), ({"name": "delay", "source": f"runs:/{'0' * 32}/x"}, 404),
        ({"name": "delay", "source": ""}, 400), ({"name": "delay", "source": f"models:/{name}", "description": "x" * 5001}, 400),
    ):  # fmt: skip
        assert tracker.refused("POST", "model-versions/create", body)[0] == status
    assert tracker.get("model-versions/search") == {"model_versions": []}


ELSEWHERE = (
    "FILE:///etc/passwd", "file:/etc", "/etc/passwd", "etc", ".", "../x", "http://127.0.0.1:1/x", "https://x/api/2.0/mlflow-artifacts/artifacts/1",
    "s3://bucket/x", "s3:/bucket", "dbfs:/x", "dbfs-artifacts:/x", "gs://b/x", "hdfs://x", "ftp://x/y", "C:\\x", "//host/share",
    "mlflow-artifacts://host:1/1/2/artifacts", "mlflow-artifacts:/", "models://host/delay/1", "runs://host/x", "models:/delay",
    "runs:/", "RUNS:/x", "mlflow-artifacts:/../x", "prompt-template",
)  # fmt: skip
TRICKS = (
    "/../x", "/a/../../x", "/%2e%2e/x", "/%252e%252e/x", "/a%2f..%2f..", "/./a", "//a", "/a#b", "/a?b", "/a;b", "/a%23b", "/a%00",
    "/a\\b", "/..%5cb", "/a%0ab", "/ .. /a", "/%ff%2e./..",
)  # fmt: skip


def test_an_address_elsewhere_is_refused(tracker: Tracker) -> None:
    """Nothing but this server's own store is a source, whatever its scheme."""
    model(tracker, versions=1)
    for source in ELSEWHERE:
        said = tracker.refused("POST", "model-versions/create", {"name": "delay", "source": source})
        assert said[:2] == (400, "INVALID_PARAMETER_VALUE"), source
        assert "Invalid model version source" in said[2]


def test_no_spelling_leads_out_of_a_run(tracker: Tracker) -> None:
    """Not plain, not encoded once or twice, not with a mark behind which somebody stops to read."""
    model(tracker)
    run = tracker.run()
    put(tracker, f"0/{run}/artifacts/a/x", b"1")
    for form in (f"runs:/{run}", f"mlflow-artifacts:/0/{run}/artifacts"):
        for trick in TRICKS:
            said = tracker.refused("POST", "model-versions/create", {"name": "delay", "source": form + trick})
            assert said[:2] == (400, "INVALID_PARAMETER_VALUE"), (form, trick)
        version(tracker, f"{form}/a")


def test_what_is_in_quarantine_is_not_copied_out_of_it(tracker: Tracker) -> None:
    """As another version, of this or another model, it would be bad, and nobody would know."""
    model(tracker, versions=1)
    model(tracker, "other")
    loop = tracker.served.loop
    name = AssetName(loop.project, "model", "delay")
    with loop.ledger.write(loop.project, loop.actor) as tx:
        tx.versions.quarantine(name, 1, change="c", reason="it is biased")
        tx.say("test", "x")
    address = tracker.get("model-versions/get-download-uri", name="delay", version="1")["artifact_uri"]
    for to in ("delay", "other"):
        for source in ("models:/delay/1", address):
            answer = tracker.refused("POST", "model-versions/create", {"name": to, "source": source})
            assert answer[:2] == (403, "PERMISSION_DENIED")
            assert "it is biased" in answer[2]


def test_bytes_in_quarantine_are_refused_by_every_name(tracker: Tracker) -> None:
    """As files of the run that they were registered from, or of another run with the same files; others are as good as before."""
    model(tracker)
    runs = [tracker.run() for _ in range(3)]
    for run, data in zip(runs, (b"bad", b"bad", b"good"), strict=True):
        put(tracker, f"0/{run}/artifacts/m/x", data)
    version(tracker, f"runs:/{runs[0]}/m")
    loop = tracker.served.loop
    with loop.ledger.write(loop.project, loop.actor) as tx:
        tx.versions.quarantine(AssetName(loop.project, "model", "delay"), 1, change="c", reason="it is biased")
        tx.say("test", "x")
    for run in runs[:2]:
        answer = tracker.refused("POST", "model-versions/create", {"name": "delay", "source": f"runs:/{run}/m"})
        assert answer[:2] == (403, "PERMISSION_DENIED")
        assert "quarantine" in answer[2]
        assert "biased" not in answer[2]
    version(tracker, f"runs:/{runs[2]}/m")
