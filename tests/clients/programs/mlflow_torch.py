"""Train with PyTorch Lightning while mlflow watches. Prints what it got back."""

from __future__ import annotations

import logging
import sys
from tempfile import TemporaryDirectory
from typing import Any

import mlflow
import pytorch_lightning as lightning
import torch
from mlflow import MlflowClient
from mlflow_parts import play, said
from torch.utils.data import DataLoader, TensorDataset

logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
X = torch.randn(64, 3, generator=torch.Generator().manual_seed(0))
Y = X.sum(dim=1, keepdim=True)


class Line(lightning.LightningModule):
    """A line through points."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(3, 1)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Answer."""
        return self.layer(rows)

    def training_step(self, batch: Any, _: int) -> torch.Tensor:
        """Measure."""
        loss = torch.nn.functional.mse_loss(self(batch[0]), batch[1])
        self.log("loss", loss, on_step=False, on_epoch=True)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Give what learns."""
        return torch.optim.SGD(self.parameters(), lr=0.1)


def trained() -> None:
    """Three epochs."""
    mlflow.set_experiment("lightning")
    mlflow.pytorch.autolog(checkpoint=False)
    with TemporaryDirectory() as folder, mlflow.start_run(run_name="line") as run:
        trainer = lightning.Trainer(
            max_epochs=3, accelerator="cpu", default_root_dir=folder, enable_progress_bar=False, logger=False,
            enable_checkpointing=False, enable_model_summary=False,
        )  # fmt: skip
        model = Line()
        trainer.fit(model, DataLoader(TensorDataset(X, Y), batch_size=16))
    found = MlflowClient().get_run(run.info.run_id)
    (made,) = found.outputs.model_outputs
    loaded = mlflow.pytorch.load_model(f"models:/{made.model_id}")
    said.update(
        run=run.info.run_id, status=found.info.status, params="lr" in found.data.params and "epochs" in found.data.params,
        curve=len(MlflowClient().get_metric_history(run.info.run_id, "loss")),
        same=bool(torch.allclose(loaded(X[:4]), model(X[:4]))),
    )  # fmt: skip


mlflow.set_tracking_uri(sys.argv[1])
play(trained)
