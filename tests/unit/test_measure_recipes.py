"""The recipes of docs/guides for trainers and trackers of others, where these are installed."""

import contextlib

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from lopsided import Counts
from lopsided.measure import trained, watch
from lopsided.measure.network.loggers import Tracker

COUNTS = Counts([12, 6, 6])
X, Y = torch.randn(24, 5, generator=torch.Generator().manual_seed(0)), torch.arange(24) % 4 % 3


def parts():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 3))
    return model, torch.optim.SGD(model.parameters(), 0.1), DataLoader(TensorDataset(X, Y), 6)


def epochs(model, optimizer, loader, logger, backward=lambda loss: loss.backward()):
    """Two epochs of training that are watched."""
    with watch(model, counts=COUNTS, loggers=[logger]) as watching:
        for _ in range(2):
            for x, y in loader:
                optimizer.zero_grad()
                backward(nn.functional.cross_entropy(model(x), y))
                watching.labels(y)
                optimizer.step()
            assert watching.epoch().moments.n == 24
    return watching.history


def test_accelerate():
    accelerate = pytest.importorskip("accelerate")
    told = []

    class Told(accelerate.tracking.GeneralTracker):
        name, requires_logging_directory, tracker = "told", False, None

        def store_init_configuration(self, values):
            pass

        def log(self, values, step, **_):
            told.append((step, values))

    accelerator = accelerate.Accelerator(cpu=True, log_with=Told())
    accelerator.init_trackers("geometry")
    things = accelerator.prepare(*parts())
    history = epochs(*things, Tracker(accelerator.log), accelerator.backward)
    assert [step for step, _ in told] == [1, 2]
    assert told[1][1]["geometry/nc1"] == pytest.approx(history[1]["nc1"])


@pytest.mark.parametrize("offload", ["cpu_offload", "disk_offload"])
def test_a_head_that_accelerate_keeps_elsewhere_between_passes_is_measured(offload, tmp_path):
    accelerate = pytest.importorskip("accelerate")
    model, _, loader = parts()
    want = trained(model, loader, show_progress=False)
    folder = () if offload == "cpu_offload" else (tmp_path,)
    getattr(accelerate, offload)(model, *folder, execution_device=torch.device("cpu"))
    got = trained(model, loader, show_progress=False)
    with watch(model) as watching:
        for x, y in loader:
            model(x)
            watching.labels(y)
        watched = watching.epoch()
    for found in (got, watched):
        np.testing.assert_allclose(found.weight, want.weight, rtol=1e-5, atol=1e-6)
        assert found.nc1 == pytest.approx(want.nc1, rel=1e-5)


def test_loaders_of_accelerate_are_read_and_left_where_they_are():
    accelerate = pytest.importorskip("accelerate")
    model, _, loader = parts()
    options = {"num_workers": 1, "persistent_workers": True}
    accelerator = accelerate.Accelerator(cpu=True)
    prepared = accelerator.prepare(DataLoader(loader.dataset, 6, **options))
    other, seen = accelerator.prepare(DataLoader(loader.dataset, 5)), []
    for x, _y in prepared:
        # The latter tells where gradients that are accumulated have to end.
        seen.append((x, prepared.end_of_dataloader, accelerator.gradient_state.end_of_dataloader))
        found = [trained(model, one, show_progress=False).nc1 for one in (loader, prepared)]
        assert found[0] == found[1]
        with pytest.raises(ValueError, match="got 9 for sample 0"):  # in its first batch
            trained(model, other, labels=lambda batch: batch[1] + 9, show_progress=False)
    assert torch.equal(torch.cat([x for x, *_ in seen]), X)
    assert [last for _, *last in seen] == [[False, False]] * 3 + [[True, True]]


def test_ignite():
    engine = pytest.importorskip("ignite.engine")
    model, optimizer, loader = parts()
    figures = []
    with watch(model, counts=COUNTS) as watching:

        def step(_, batch):
            x, y = batch
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            watching.labels(y)
            optimizer.step()

        trainer = engine.Engine(step)

        @trainer.on(engine.Events.EPOCH_COMPLETED)
        def measured(_):
            figures.append(watching.epoch().nc1)

        trainer.run(loader, max_epochs=2)
    assert len(figures) == 2


def test_timm():
    timm = pytest.importorskip("timm")
    model = timm.create_model("resnet10t", num_classes=3).eval()
    images = torch.randn(6, 3, 32, 32)
    found = trained(model, [(images, Y[:6])], Counts([3, 2, 1]), show_progress=False)
    assert found.weight.shape == tuple(model.get_classifier().weight.shape)


def test_mlflow(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow = pytest.importorskip("mlflow")
    mlflow.set_tracking_uri((tmp_path / "runs").as_uri())
    with mlflow.start_run() as run:
        history = epochs(*parts(), Tracker(mlflow.log_metrics))
    found = mlflow.get_run(run.info.run_id).data.metrics
    assert found["geometry/nc1"] == pytest.approx(history[1]["nc1"])


def test_wandb(tmp_path, monkeypatch):
    wandb = pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    with wandb.init(dir=tmp_path, project="geometry") as run:
        history = epochs(*parts(), Tracker(run.log))
        run.log({"end": 1}, step=3)  # the summary is of steps that are over
        assert run.summary["geometry/nc1"] == pytest.approx(history[1]["nc1"])


def test_wandb_beside_what_the_loop_logs(tmp_path, monkeypatch):
    wandb = pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    with wandb.init(dir=tmp_path, project="geometry") as run:
        for batch in range(50):
            run.log({"loss": 1 / (1 + batch)})
        tracker = Tracker(lambda figures, step: run.log({**figures, "epoch": step}))
        history = epochs(*parts(), tracker)
        run.log({"end": 1})
        assert run.summary["geometry/nc1"] == pytest.approx(history[1]["nc1"])
        assert run.summary["epoch"] == 2


def test_trackio(tmp_path, monkeypatch):
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path))
    trackio = pytest.importorskip("trackio")
    with contextlib.closing(_Run(trackio)):
        epochs(*parts(), Tracker(trackio.log))
    assert any(tmp_path.rglob("*.db"))


class _Run:
    """A run of trackio, which is ended by a function of the module."""

    def __init__(self, trackio):
        self._trackio = trackio
        trackio.init(project="geometry")

    def close(self):
        self._trackio.finish()
