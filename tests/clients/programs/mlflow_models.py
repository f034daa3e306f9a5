"""Train, log, register, load and evaluate models with mlflow. Prints what it got back."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow import MlflowClient
from mlflow.models import infer_signature
from mlflow_parts import TWO, play, refused, said
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

RNG = np.random.default_rng(0)
X = pd.DataFrame({"km": RNG.normal(1000, 300, 200), "hour": RNG.integers(0, 24, 200)})
Y = ((X["km"] > 1000) ^ (RNG.random(200) < 0.1)).astype(int)
NAME = "delay"


def told(model: Any) -> dict[str, Any]:
    """Say what autologging made of a run."""
    run = MlflowClient().search_runs([mlflow.get_experiment_by_name("models").experiment_id], max_results=1)[0]
    found = [one.path for one in mlflow.artifacts.list_artifacts(run_id=run.info.run_id)]
    outputs = [one.model_id for one in run.outputs.model_outputs] if not TWO and run.outputs else []
    if outputs:
        found += [one.path for one in mlflow.artifacts.list_artifacts(artifact_uri=f"models:/{outputs[0]}")]
    loaded = mlflow.pyfunc.load_model(f"models:/{outputs[0]}" if outputs else f"runs:/{run.info.run_id}/model")
    same = bool(np.allclose(np.asarray(loaded.predict(X)).ravel()[:5], np.asarray(model).ravel()[:5]))
    model_file = any(one.endswith("MLmodel") for one in found) or "model" in found
    return {
        "run": run.info.run_id, "params": len(run.data.params), "metrics": sorted(run.data.metrics)[:3], "model": model_file,
        "same": same, "status": run.info.status, "data": [one.dataset.name for one in run.inputs.dataset_inputs],
    }  # fmt: skip


def sklearn() -> None:
    """autolog of scikit-learn: params, metrics, the data and the model."""
    mlflow.set_experiment("models")
    mlflow.sklearn.autolog()
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.5)).fit(X, Y)
    model.score(X, Y)
    said["sklearn"] = told(model.predict(X))
    mlflow.sklearn.autolog(disable=True)


def xgboost() -> None:
    """autolog of XGBoost: a curve over rounds, importances as files, the model."""
    import xgboost as xgb

    mlflow.xgboost.autolog()
    matrix = xgb.DMatrix(X, Y)
    params = {"objective": "binary:logistic", "max_depth": 2, "nthread": 1}
    model = xgb.train(params, matrix, num_boost_round=5, evals=[(matrix, "train")], verbose_eval=False)
    said["xgboost"] = told(model.predict(matrix))
    said["xgboost"]["curve"] = len(MlflowClient().get_metric_history(said["xgboost"]["run"], "train-logloss"))
    mlflow.xgboost.autolog(disable=True)


def lightgbm() -> None:
    """autolog of LightGBM."""
    import lightgbm as lgb

    mlflow.lightgbm.autolog()
    rows = lgb.Dataset(X, Y)
    params = {"objective": "binary", "verbose": -1, "num_threads": 1, "num_leaves": 4}
    model = lgb.train(params, rows, num_boost_round=5, valid_sets=[rows], valid_names=["train"])
    said["lightgbm"] = told(model.predict(X))
    mlflow.lightgbm.autolog(disable=True)


def log_model() -> None:
    """Log a model by hand, look at it, load it by every address."""
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y)
    signature = infer_signature(X, model.predict(X))
    where = {"artifact_path": "clf"} if TWO else {"name": "clf"}
    with mlflow.start_run(run_name="by hand") as run:
        info = mlflow.sklearn.log_model(model, **where, signature=signature, input_example=X[:2])
    said["logged"] = {
        "run": run.info.run_id,
        "uri": info.model_uri,
        "flavors": sorted(info.flavors),
        "id": info.model_id if not TWO else "",
    }
    addresses = [info.model_uri, f"runs:/{run.info.run_id}/clf"]
    said["loaded"] = [bool((mlflow.sklearn.load_model(one).predict(X) == model.predict(X)).all()) for one in addresses]
    back = mlflow.models.get_model_info(info.model_uri)
    said["signature"] = [back.signature.inputs.input_names(), [str(one) for one in back.signature.inputs.input_types()]]
    if not TWO:
        found = mlflow.get_logged_model(info.model_id)
        said["logged model"] = [found.name, found.status.name, found.source_run_id == run.info.run_id]
        listed = mlflow.search_logged_models(
            experiment_ids=[run.info.experiment_id], filter_string="name = 'clf'", output_format="list"
        )
        said["listed"] = [one.model_id == info.model_id for one in listed]


def evaluate() -> None:
    """mlflow.models.evaluate of what was logged: metrics, plots and tables in a run."""
    rows = X.assign(late=Y)
    with mlflow.start_run(run_name="evaluated") as run:
        found = mlflow.models.evaluate(
            said["logged"]["uri"], rows, targets="late", model_type="classifier",
            evaluator_config={"log_model_explainability": False},
        )  # fmt: skip
    kept = MlflowClient().get_run(run.info.run_id)
    said["evaluated"] = {
        "run": run.info.run_id, "equal": abs(kept.data.metrics["accuracy_score"] - found.metrics["accuracy_score"]) < 1e-9,
        "files": len(mlflow.artifacts.list_artifacts(run_id=run.info.run_id)), "data": len(kept.inputs.dataset_inputs),
    }  # fmt: skip


def registry() -> None:
    """Versions, aliases, stages, tags, descriptions; loading by version, alias, stage and latest."""
    client = MlflowClient()
    first = mlflow.register_model(said["logged"]["uri"], NAME, tags={"by": "hand"})
    second = mlflow.register_model(f"runs:/{said['logged']['run']}/clf", NAME)
    client.set_registered_model_alias(NAME, "champion", first.version)
    client.transition_model_version_stage(NAME, second.version, "Staging")
    client.transition_model_version_stage(NAME, second.version, "Production", archive_existing_versions=True)
    client.set_model_version_tag(NAME, first.version, "checked", "yes")
    client.update_model_version(NAME, first.version, description="the first")
    client.update_registered_model(NAME, "delays")
    found = client.get_model_version_by_alias(NAME, "champion")
    said["version"] = [
        found.version,
        found.description,
        found.tags,
        found.run_id == said["logged"]["run"],
        found.status,
    ]
    stage = client.get_model_version(NAME, second.version).current_stage
    said["stages"] = [stage, [one.version for one in client.get_latest_versions(NAME, ["Production"])]]
    known = client.get_registered_model(NAME)
    said["model"] = [known.name, known.description, known.aliases["champion"]]
    addresses = [
        f"models:/{NAME}/{first.version}",
        f"models:/{NAME}@champion",
        f"models:/{NAME}/Production",
        f"models:/{NAME}/latest",
    ]
    wanted = mlflow.sklearn.load_model(said["logged"]["uri"]).predict(X)
    said["by name"] = [bool((mlflow.pyfunc.load_model(one).predict(X) == wanted).all()) for one in addresses]
    said["searched"] = [
        sorted(one.version for one in client.search_model_versions(f"name = '{NAME}'")),
        [one.name for one in client.search_registered_models(filter_string="name LIKE 'del%'")],
    ]
    said["refused"] = [
        refused(client.create_registered_model, NAME), refused(client.get_model_version, NAME, "99"),
        refused(client.get_registered_model, "none"), refused(client.get_model_version_by_alias, NAME, "none"),
    ]  # fmt: skip
    client.delete_registered_model_alias(NAME, "champion")
    client.set_registered_model_alias(NAME, "champion", second.version)
    said["moved"] = client.get_model_version_by_alias(NAME, "champion").version
    client.create_registered_model("short")
    client.rename_registered_model("short", "shorter")
    client.delete_registered_model("shorter")
    said["gone"] = refused(client.get_registered_model, "shorter")
    said["again"] = client.create_registered_model("shorter").name


def functions() -> None:
    """A Python function as a model, with code beside it: it holds a pickle."""

    class Twice(mlflow.pyfunc.PythonModel):
        def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
            return pd.DataFrame({"twice": model_input["km"] * 2, "late": model_input["hour"] > 12})

    rows = X[:3].astype({"hour": "int32"})
    outputs = Twice().predict(None, rows)
    with TemporaryDirectory() as folder, mlflow.start_run(run_name="function"):
        beside = Path(folder, "beside.py")
        beside.write_text("TWO = 2\n", encoding="utf-8")
        where = {"artifact_path": "twice"} if TWO else {"name": "twice"}
        mlflow.pyfunc.log_model(
            **where, python_model=Twice(), signature=infer_signature(rows, outputs), code_paths=[str(beside)],
            registered_model_name="twice",
        )  # fmt: skip
    loaded = mlflow.pyfunc.load_model("models:/twice/1")
    said["function"] = [
        loaded.predict(rows)["twice"].tolist() == outputs["twice"].tolist(),
        sorted(loaded.predict(rows).columns),
    ]


def boosted() -> None:
    """A model of XGBoost under a name, to be served."""
    import xgboost as xgb

    model = xgb.XGBClassifier(n_estimators=5, max_depth=2, n_jobs=1).fit(X, Y)
    where = {"artifact_path": "boosted"} if TWO else {"name": "boosted"}
    with mlflow.start_run(run_name="boosted"):
        mlflow.xgboost.log_model(
            model, **where, signature=infer_signature(X, model.predict(X)), registered_model_name="boosted"
        )
    said["rows"] = X[:3].to_dict("records")
    said["boosted"] = model.predict(X[:3]).tolist()
    said["delay"] = mlflow.sklearn.load_model(said["logged"]["uri"]).predict(X[:3]).tolist()


mlflow.set_tracking_uri(sys.argv[1])
PARTS = {"served": (log_model, registry, functions, boosted)}
play(*PARTS.get(sys.argv[-1], (sklearn, xgboost, lightgbm, log_model, evaluate, registry, functions, boosted)))
