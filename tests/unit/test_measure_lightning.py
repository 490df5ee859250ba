"""The Lightning callback measures what a trainer runs, keeps its figures, and ends no training."""

import copy
import logging
import pickle
import warnings

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from lopsided.measure.network.loggers import JsonLines, TensorBoard

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    lightning = pytest.importorskip("lightning.pytorch")

from lopsided.measure.adapters.lightning import GeometryCallback

pytestmark = pytest.mark.filterwarnings("ignore")
K, N = 3, 30


class Module(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.body, self.head = nn.Linear(4, 5), nn.Linear(5, K)
        self.automatic_optimization = True

    def forward(self, inputs, labels=None):
        return self.head(self.body(inputs).relu())

    def training_step(self, batch, index):
        inputs, labels = batch
        return nn.functional.cross_entropy(self(inputs), labels)

    def validation_step(self, batch, index, dataloader_idx=0):
        self.training_step(batch, index)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


class Manual(Module):
    def __init__(self):
        super().__init__()
        self.automatic_optimization = False

    def training_step(self, batch, index):
        self.manual_backward(super().training_step(batch, index))
        self.optimizers().step()

    def validation_step(self, batch, index):
        self(batch[0])


class Uncounted(Manual):
    """Lightning counts no step of an optimizer that it does not wrap."""

    def training_step(self, batch, index):
        self.manual_backward(Module.training_step(self, batch, index))
        self.optimizers(use_pl_optimizer=False).step()

    def validation_step(self, batch, index, dataloader_idx=0):
        self(batch[0])


class Mapped(Module):
    """Batches are mappings, given to the module as keywords, labels and all."""

    def training_step(self, batch, index):
        return nn.functional.cross_entropy(self(**batch), batch["labels"])


def data(k=K, shuffle=True):
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(N, 4, generator=generator)
    return DataLoader(TensorDataset(inputs, torch.arange(N) % k), batch_size=8, shuffle=shuffle)


class Rows(torch.utils.data.Dataset):
    def __init__(self, name):
        self.name = name

    def __len__(self):
        return N

    def __getitem__(self, i):
        return {"inputs": torch.randn(4), self.name: i % K}


def fit(folder, callback, module=None, loaders=None, validation=None, checkpoint=None, **options):
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    quiet = {"enable_progress_bar": False, "enable_model_summary": False}
    trainer = lightning.Trainer(
        callbacks=callback if isinstance(callback, list) else [callback],
        accelerator="cpu",
        devices=1,
        default_root_dir=folder,
        **({"max_epochs": 2, "logger": False, "enable_checkpointing": False} | quiet | options),
    )
    trainer.fit(module or Module(), loaders or data(), validation, ckpt_path=checkpoint)
    return trainer


@pytest.mark.parametrize("kind", [Module, Manual])
def test_every_epoch_of_a_trainer_is_measured_and_logged(kind, tmp_path):
    module, callback = kind(), GeometryCallback(loggers=[JsonLines(tmp_path / "log.jsonl")])
    options = {"accumulate_grad_batches": 2} if kind is Module else {}
    trainer = fit(tmp_path, callback, module, validation=data(), **options)
    assert callback.history.keys() == {1, 2}
    assert callback.collapse.moments.n == N
    figure = trainer.callback_metrics["geometry/nc1"].item()
    assert figure == pytest.approx(callback.collapse.nc1, rel=1e-6)
    assert len((tmp_path / "log.jsonl").read_text().splitlines()) == 2
    assert not module.head._forward_hooks


@pytest.mark.parametrize("labels", ["target", lambda batch: batch["target"]])
def test_batches_may_be_mappings(labels, tmp_path):
    class Keyed(Module):
        def training_step(self, batch, index):
            return nn.functional.cross_entropy(self(batch["inputs"]), batch["target"])

    callback = GeometryCallback(labels=labels)
    fit(tmp_path, callback, Keyed(), DataLoader(Rows("target"), batch_size=8))
    assert callback.collapse.moments.n == N
    callback = GeometryCallback()
    fit(tmp_path, callback, Mapped(), DataLoader(Rows("labels"), batch_size=8))
    assert callback.collapse.moments.n == N


@pytest.mark.parametrize(
    ("options", "loaders", "measured"),
    [
        ({"fast_dev_run": True}, None, {1}),
        ({"limit_train_batches": 1}, None, {1, 2}),
        ({"max_steps": 3}, None, {1}),
        ({"limit_train_batches": 0}, None, set()),
        ({}, data(k=2), {1, 2}),
        ({}, data(k=1), set()),
    ],
)
def test_short_runs_and_missed_classes_end_no_training(
    options, loaders, measured, tmp_path, caplog
):
    callback = GeometryCallback()
    with caplog.at_level(logging.WARNING, "lopsided"):
        trainer = fit(tmp_path, callback, loaders=loaders, **options)
    assert trainer.state.finished
    assert callback.history.keys() == measured
    if loaders is not None:
        told = [
            r.message
            for r in caplog.records
            if "without samples" in r.message or "not measured" in r.message
        ]
        assert len(told) == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"head": "nowhere"}, "nowhere"),
        ({"labels": "target"}, "no labels at 'target'"),
        ({"labels": lambda batch: batch[1] * 7}, "from 0 to 2"),
        ({"classes": "all", "ignore": [0]}, "class 0 has no sample"),
    ],
)
def test_what_cannot_be_measured_is_told_once_and_ends_no_training(
    options, words, tmp_path, caplog
):
    module, callback = Module(), GeometryCallback(**options)
    with caplog.at_level(logging.WARNING, "lopsided"):
        trainer = fit(tmp_path, callback, module)
    assert trainer.state.finished
    assert callback.history == {}
    assert words in callback.unmeasured[1]
    assert words in callback.unmeasured[2]
    assert len([r for r in caplog.records if "not measured" in r.message]) == 1
    assert not module.head._forward_hooks


def test_features_that_are_not_finite_cost_their_epoch_and_no_other(tmp_path):
    class Broken(Module):
        def training_step(self, batch, index):
            broken = self.current_epoch == 0 and index == 1
            logits = self.head(self.body(batch[0]) * (float("nan") if broken else 1.0))
            return None if broken else nn.functional.cross_entropy(logits, batch[1])

    callback = GeometryCallback()
    fit(tmp_path, callback, Broken())
    assert callback.history.keys() == {2}
    assert "NaN" in callback.unmeasured[1]
    assert callback.collapse.moments.n == N


def test_validations_are_measured_without_the_sanity_check(tmp_path):
    module, callback, train = Module(), GeometryCallback(during="eval"), GeometryCallback()
    trainer = fit(
        tmp_path, [callback, train], module, validation=data(shuffle=False), num_sanity_val_steps=2
    )
    assert callback.history.keys() == {4, 8}
    assert train.history.keys() == {1, 2}
    assert callback.collapse.moments.n == N
    logged = trainer.callback_metrics
    assert logged["val_geometry/nc1"].item() == pytest.approx(callback.collapse.nc1, rel=1e-6)
    assert logged["geometry/nc1"].item() == pytest.approx(train.collapse.nc1, rel=1e-6)
    trainer.validate(module, data(), verbose=False)
    assert callback.collapse.moments.n == N
    assert not module.head._forward_hooks


def test_averaged_weights_are_measured_whichever_callback_comes_first(tmp_path):
    averaging = getattr(lightning.callbacks, "EMAWeightAveraging", None)
    if averaging is None:
        pytest.skip("this version of Lightning does not average")
    found = []
    for first in (True, False):
        callback = GeometryCallback(during="eval")
        callbacks = [callback, averaging(decay=0.5)]
        torch.manual_seed(1)
        fit(
            tmp_path,
            callbacks if first else callbacks[::-1],
            loaders=data(shuffle=False),
            validation=data(),
        )
        found.append(callback.history)
    assert found[0] == found[1]


def test_callbacks_of_two_heads_log_under_names_of_their_own(tmp_path):
    class Two(Module):
        def forward(self, inputs, labels=None):
            return super().forward(inputs) + self.other(self.body(inputs).relu())

        def __init__(self):
            super().__init__()
            self.other = nn.Linear(5, K)

    heads = [GeometryCallback(head="head"), GeometryCallback(head="other")]
    logged = fit(tmp_path, heads, Two(), max_epochs=1).callback_metrics
    for name, callback in zip(("head", "other"), heads, strict=True):
        assert logged[f"geometry/{name}/nc3"].item() == pytest.approx(callback.history[1]["nc3"])
    assert "geometry/nc3" not in logged


def test_an_epoch_that_was_resumed_within_is_told_of(tmp_path, caplog):
    kept = lightning.callbacks.ModelCheckpoint(tmp_path, "{step}", every_n_train_steps=2)
    fit(tmp_path, kept, enable_checkpointing=True, max_steps=2)
    resumed = GeometryCallback()
    with caplog.at_level(logging.WARNING, "lopsided"):
        fit(tmp_path, resumed, checkpoint=tmp_path / "step=2.ckpt")
    assert resumed.history.keys() == {1, 2}
    told = [r.message for r in caplog.records if "resumed within" in r.message]
    assert len(told) == 1
    assert "epoch 1" in told[0]


@pytest.mark.parametrize("steps", [-1, 2, 3])
def test_an_epoch_that_a_training_stops_within_is_told_of(steps, tmp_path, caplog):
    callback = GeometryCallback()
    with caplog.at_level(logging.WARNING, "lopsided"):
        trainer = fit(tmp_path, callback, max_steps=steps)
    told = [r.message for r in caplog.records if "stopped within" in r.message]
    whole = callback.collapse.moments.n == N
    assert len(told) == (not whole)
    assert whole == (trainer.global_step % trainer.num_training_batches == 0)


def test_only_the_first_of_several_validation_loaders_is_measured(tmp_path, caplog):
    callback = GeometryCallback(during="eval")
    with caplog.at_level(logging.WARNING, "lopsided"):
        fit(tmp_path, callback, validation=[data(), data(k=2)])
    assert callback.collapse.moments.counts.tolist() == [N // K] * K
    assert len([r for r in caplog.records if "loaders" in r.message]) == 1


def test_a_callback_can_be_copied_and_pickled_before_and_after(tmp_path):
    callback = GeometryCallback(
        loggers=[JsonLines(tmp_path / "log.jsonl"), TensorBoard(tmp_path / "runs")]
    )
    for made in (pickle.loads, copy.deepcopy):
        twin = made(pickle.dumps(callback)) if made is pickle.loads else made(callback)
        fit(tmp_path, twin)
        again = pickle.loads(pickle.dumps(twin))  # noqa: S301
        assert again.history == twin.history
        assert again.collapse.nc1 == twin.collapse.nc1
    assert not list(tmp_path.rglob("lightning_logs"))


@pytest.mark.parametrize("module", [Module, Uncounted])
def test_a_checkpoint_keeps_the_figures(module, tmp_path):
    callback = GeometryCallback()
    trainer = fit(
        tmp_path,
        [callback, GeometryCallback(during="eval")],
        module(),
        validation=data(),
        max_epochs=1,
    )
    trainer.save_checkpoint(tmp_path / "state.ckpt")
    resumed = GeometryCallback()
    fit(tmp_path, resumed, module(), max_epochs=3, checkpoint=tmp_path / "state.ckpt")
    assert resumed.history.keys() == {1, 2, 3}
    assert resumed.history[1] == callback.history[1]


@pytest.mark.parametrize("during", ["train", "eval"])
def test_another_training_is_not_mixed_with_the_one_before(during, tmp_path):
    callback = GeometryCallback(during=during)
    fit(tmp_path, callback, validation=data(), max_epochs=3)
    first = callback.history
    trainer = fit(tmp_path, callback, validation=data(), max_epochs=1)
    assert len(first) == 3
    assert len(callback.history) == 1
    trainer.fit_loop.max_epochs = 2  # the same training goes on
    trainer.fit(trainer.lightning_module, data(), data())
    assert callback.history.keys() == set(list(first)[:2])


def test_a_validation_before_a_training_stays_beside_it(tmp_path):
    callback = GeometryCallback(during="eval")
    trainer = fit(tmp_path, callback, validation=data(), max_epochs=0)
    trainer.validate(Module(), data(), verbose=False)
    trainer.fit_loop.max_epochs = 1
    trainer.fit(trainer.lightning_module, data(), data())
    assert sorted(callback.history)[0] == 0
    assert len(callback.history) == 2


def test_hooks_go_where_training_ends_in_an_error(tmp_path):
    class Failing(Module):
        def training_step(self, batch, index):
            if index == 2:
                raise RuntimeError("out of memory")
            return super().training_step(batch, index)

    module = Failing()
    with pytest.raises(RuntimeError, match="out of memory"):
        fit(tmp_path, GeometryCallback(), module)
    assert not module.head._forward_hooks
    assert not module._forward_pre_hooks
