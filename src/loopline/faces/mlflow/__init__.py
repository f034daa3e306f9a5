"""mlflow: MLflow's REST API over the ledger, so that its unmodified clients log, register and load here.

A *workspace* is a project. An *experiment* and a *run* are what they are here. A *logged model* is what a run made, sealed into
an artifact when it is ready; a *registered model* is an asset of the kind `model`, its *versions* are the asset's, an *alias* and
a *stage* are refs, so moving one is a change. A *trace* with its spans is telemetry. Nothing is kept in this package: what is
logged here shows in `loopline why`, in the pages and the insights, and the other way round.

Never here: MLflow itself. What it declares and this does not serve is in `unserved.py` and in the README.
"""
