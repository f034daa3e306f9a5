"""Save a model as MLflow serves it. Words: the model's file, the folder."""

import sys

import joblib
import mlflow.sklearn

mlflow.sklearn.save_model(joblib.load(sys.argv[1]), sys.argv[2], pip_requirements=["scikit-learn"])
print("{}")
