"""Train as for any MLflow server: nothing in here knows of Loopline."""

from __future__ import annotations

import mlflow
from mlflow.models import infer_signature
from sklearn.datasets import load_diabetes
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.model_selection import train_test_split

mlflow.set_experiment("diabetes")
mlflow.sklearn.autolog(log_models=False)

X, y = load_diabetes(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
with mlflow.start_run(run_name="trees") as run:
    model = GradientBoostingRegressor(n_estimators=60, learning_rate=0.1, random_state=0).fit(X_train, y_train)
    for step, answer in enumerate(model.staged_predict(X_test)):
        mlflow.log_metric("test_mae", float(abs(answer - y_test).mean()), step=step)
    mlflow.sklearn.log_model(
        model, name="model", signature=infer_signature(X_train, model.predict(X_train)), input_example=X_train[:2],
        registered_model_name="diabetes", skops_trusted_types=["sklearn.tree._tree.Tree"],
    )  # fmt: skip
print(run.info.run_id)
