"""The Lightning callback on a real trainer."""

import logging
import warnings

import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    lightning = pytest.importorskip("lightning.pytorch")

from lopsided.measure.adapters.lightning import GeometryCallback


@pytest.mark.filterwarnings("ignore")
def test_every_epoch_of_a_trainer_is_measured_and_logged(tmp_path):
    class Module(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.body, self.head = torch.nn.Linear(4, 5), torch.nn.Linear(5, 3)

        def training_step(self, batch, index):
            inputs, labels = batch
            return torch.nn.functional.cross_entropy(self.head(self.body(inputs).relu()), labels)

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.1)

    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    torch.manual_seed(0)
    data = DataLoader(TensorDataset(torch.randn(30, 4), torch.arange(30) % 3), batch_size=8, shuffle=True)
    callback = GeometryCallback(head="head")
    trainer = lightning.Trainer(
        max_epochs=2,
        callbacks=[callback],
        logger=False,
        accelerator="cpu",
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=tmp_path,
    )
    module = Module()
    trainer.fit(module, data)
    assert len(callback.watch.history) == 2
    assert callback.collapse.moments.n == 30
    assert trainer.callback_metrics["geometry/nc1"].item() == pytest.approx(callback.collapse.nc1, rel=1e-6)
    assert not module.head._forward_hooks
