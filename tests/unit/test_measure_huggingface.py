"""The Hugging Face callback measures whatever the trainer does with the labels, and ends no
training."""

import doctest
import logging
import re
import warnings
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from lopsided import Counts
from lopsided.measure import LabelSets
from lopsided.measure.network.loggers import JsonLines

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("accelerate")

from lopsided.measure.adapters.huggingface import GeometryCallback

pytestmark = pytest.mark.filterwarnings("ignore")
K, N = 3, 24
CONFIG = {"vocab_size": 20, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}


def bert(**options):
    torch.manual_seed(0)
    sizes = CONFIG | {"intermediate_size": 8, "num_labels": K} | options
    return transformers.BertForSequenceClassification(transformers.BertConfig(**sizes))


def data(name="labels", k=K):
    generator = torch.Generator().manual_seed(0)
    words = torch.randint(0, 20, (N, 5), generator=generator)
    return [{"input_ids": words[i], name: i % k} for i in range(N)]


def loss_of(outputs, labels, num_items_in_batch=None):
    return nn.functional.cross_entropy(outputs.logits, labels)


class Weighted(transformers.Trainer):
    """The usual way to weigh classes."""

    def compute_loss(self, model, inputs, return_outputs=False, **options):
        labels = inputs.pop("labels")
        outputs = model(**inputs)
        weight = torch.tensor([1.0, 2.0, 3.0])
        loss = nn.functional.cross_entropy(outputs.logits, labels, weight)
        return (loss, outputs) if return_outputs else loss


def trainer_of(
    folder, model=None, kind=transformers.Trainer, callbacks=(), dataset=None, **options
):
    compute_loss_func = options.pop("compute_loss_func", None)
    arguments = {
        "num_train_epochs": 2,
        "per_device_train_batch_size": 6,
        "report_to": [],
        "save_strategy": "no",
        "use_cpu": True,
        "disable_tqdm": True,
    }
    return kind(
        model or bert(),
        transformers.TrainingArguments(str(folder), **(arguments | options)),
        train_dataset=dataset or data(),
        eval_dataset=dataset or data(),
        callbacks=list(callbacks),
        compute_loss_func=compute_loss_func,
    )


def test_a_callback_of_the_trainer_measures_and_logs_every_epoch(tmp_path):
    callback = GeometryCallback(loggers=[JsonLines(tmp_path / "log.jsonl")])
    trainer = trainer_of(tmp_path, callbacks=[callback])
    trainer.train()
    assert callback.history.keys() == {1, 2}
    assert callback.collapse.moments.n == N
    logged = [
        entry["geometry/nc1"] for entry in trainer.state.log_history if "geometry/nc1" in entry
    ]
    assert logged == [callback.history[1]["nc1"], callback.history[2]["nc1"]]
    assert len((tmp_path / "log.jsonl").read_text().splitlines()) == 2
    assert not trainer.model.classifier._forward_hooks


def test_samples_of_several_labels_are_measured_by_their_sets(tmp_path):
    seen = [1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]
    rows = [{**row, "labels": seen[row["labels"]]} for row in data()]
    sets = LabelSets.of([row["labels"] for row in rows])
    trainer = trainer_of(tmp_path, bert(problem_type="multi_label_classification"), dataset=rows)
    callback = GeometryCallback(sets=sets).attach(trainer)
    trainer.train()
    assert callback.unmeasured == {}
    assert sorted(callback.collapse.moments.counts) == sorted(sets.counts)


def test_the_loss_of_the_guide_trains_alike_however_a_step_is_accumulated(tmp_path):
    guide = Path(__file__).parents[2] / "docs/guides/integrations.md"
    said = doctest.DocTestParser().get_examples(guide.read_text())
    at = next(i for i, one in enumerate(said) if one.source.startswith("def compute_loss"))
    recipe = doctest.DocTest(
        said[at - 2 : at + 1], {"counts": Counts([12, 8, 4])}, "recipe", None, 0, None
    )
    doctest.DocTestRunner().run(recipe, clear_globs=False)
    gradients = []

    class Heard(transformers.TrainerCallback):
        def on_pre_optimizer_step(self, args, state, control, model=None, **kwargs):
            gradients.append(model.classifier.weight.grad.clone())

    for size, accumulated in ((12, 1), (3, 4)):
        trainer_of(
            tmp_path,
            bert(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0),
            callbacks=[Heard()],
            compute_loss_func=recipe.globs["compute_loss"],
            max_steps=1,
            max_grad_norm=0.0,
            per_device_train_batch_size=size,
            gradient_accumulation_steps=accumulated,
        ).train()
    torch.testing.assert_close(*gradients)


WAYS = {
    "as the model's keyword": {},
    "label smoothing": {"label_smoothing_factor": 0.1},
    "compute_loss_func": {"compute_loss_func": loss_of},
    "compute_loss": {"kind": Weighted},
}


@pytest.mark.parametrize("way", WAYS)
def test_an_attached_callback_sees_the_labels_wherever_the_trainer_keeps_them(way, tmp_path):
    trainer = trainer_of(tmp_path, **WAYS[way])
    callback = GeometryCallback().attach(trainer)
    assert callback.attach(trainer) is callback
    trainer.train()
    assert callback.history.keys() == {1, 2}, callback.unmeasured
    assert callback.collapse.moments.counts.tolist() == [N // K] * K
    logged = [entry for entry in trainer.state.log_history if "geometry/nc1" in entry]
    assert [entry["geometry/nc1"] for entry in logged] == [
        callback.history[step]["nc1"] for step in (1, 2)
    ]


@pytest.mark.parametrize("way", list(WAYS)[1:])
def test_labels_that_cannot_be_seen_are_told_once_and_training_goes_on(way, tmp_path, caplog):
    callback = GeometryCallback()
    trainer = trainer_of(tmp_path, callbacks=[callback], **WAYS[way])
    with caplog.at_level(logging.WARNING, "lopsided"):
        trainer.train()
    assert trainer.state.global_step == 8
    assert callback.history == {}
    assert callback.unmeasured.keys() == {1, 2}
    told = [record.message for record in caplog.records if "is not measured" in record.message]
    assert len(told) == 1
    assert "callback.attach(trainer)" in told[0]


def test_the_trainers_trackers_get_the_figures_and_lose_nothing(tmp_path, caplog):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    options = {"report_to": ["tensorboard"], "logging_strategy": "epoch"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer = trainer_of(tmp_path, **options)
    callback = GeometryCallback().attach(trainer)
    trainer.train()
    (folder,) = {path.parent for path in tmp_path.rglob("events.*")}
    events = accumulator.EventAccumulator(str(folder))
    events.Reload()
    assert [event.step for event in events.Scalars("train/geometry/nc1")] == [4, 8]
    assert events.Scalars("train/geometry/nc1")[1].value == pytest.approx(
        callback.history[2]["nc1"]
    )
    assert [event.step for event in events.Scalars("train/loss")] == [4, 8]
    with caplog.at_level(logging.WARNING, "lopsided"):
        trainer_of(tmp_path, callbacks=[GeometryCallback()], max_steps=1, **options).train()
    assert "for ['tensorboard'] call callback.attach(trainer)" in caplog.text


def test_labels_of_another_name_are_found_or_the_way_to_name_them_is_told(tmp_path, caplog):
    class Plain(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.head = nn.Embedding(20, 8), nn.Linear(8, K)

        def forward(self, input_ids, target):
            logits = self.head(self.body(input_ids).mean(1))
            return {"loss": nn.functional.cross_entropy(logits, target), "logits": logits}

    named = trainer_of(tmp_path, Plain(), dataset=data("target"), label_names=["target"])
    callback = GeometryCallback().attach(named)
    named.train()
    assert callback.history.keys() == {1, 2}
    other = trainer_of(tmp_path, Plain(), dataset=data("target"))
    callback = GeometryCallback().attach(other)
    with caplog.at_level(logging.WARNING, "lopsided"):
        other.train()
    assert other.state.global_step == 8
    assert "TrainingArguments(label_names=[...])" in callback.unmeasured[1]


def test_evaluations_are_measured_logged_and_returned(tmp_path):
    trainer = trainer_of(tmp_path, eval_strategy="epoch", label_smoothing_factor=0.1)
    callback = GeometryCallback(during="eval").attach(trainer)
    trainer.train()
    assert callback.history.keys() == {4, 8}
    assert callback.collapse.moments.n == N
    logged = [
        entry["eval_geometry/nc1"]
        for entry in trainer.state.log_history
        if "eval_geometry/nc1" in entry
    ]
    assert logged == [callback.history[step]["nc1"] for step in (4, 8)]
    assert "geometry/nc1" not in trainer.state.log_history[-1]
    trainer.evaluate()  # outside of training nothing is watched, and nothing breaks
    assert callback.history.keys() == {4, 8}


def test_several_data_sets_and_heads_keep_their_figures_apart(tmp_path):
    trainer = trainer_of(tmp_path, eval_strategy="epoch", num_train_epochs=1)
    trainer.eval_dataset = {"near": data(), "far": data()[:13]}
    log = JsonLines(tmp_path / "log.jsonl")
    callback = GeometryCallback(during="eval", loggers=[log]).attach(trainer)
    pooler = GeometryCallback(head="bert.pooler.dense", during="eval").attach(trainer)
    trainer.train()
    logged = {name: entry[name] for entry in trainer.state.log_history for name in entry}
    for name in ("near", "far"):
        assert logged[f"eval_{name}_geometry/nc1"] == callback.history[4][f"{name}/nc1"]
        there = logged[f"eval_{name}_geometry/bert.pooler.dense/nc1"]
        assert there == pooler.history[4][f"{name}/nc1"]
    assert callback.history[4]["near/nc1"] != callback.history[4]["far/nc1"]
    lines = (tmp_path / "log.jsonl").read_text()
    assert '"near/nc1"' in lines
    assert '"far/nc1"' in lines


def test_callbacks_that_are_not_attached_keep_the_figures_of_their_heads_apart(tmp_path, caplog):
    heads = [GeometryCallback(), GeometryCallback(head="bert.pooler.dense")]
    trainer = trainer_of(tmp_path, callbacks=heads, max_steps=1)
    GeometryCallback().on_train_begin(trainer.args, object(), None, trainer.model)  # of another
    with caplog.at_level(logging.WARNING, "lopsided"):
        trainer.train()
        assert "several callbacks" not in caplog.text
        twice = [heads[0], GeometryCallback(ignore=2)]
        assert heads[0]._under("geometry", twice) == "geometry"
    assert "several callbacks measure one head" in caplog.text
    logged = {name: entry[name] for entry in trainer.state.log_history for name in entry}
    assert logged["geometry/nc1"] == heads[0].history[1]["nc1"]
    assert logged["geometry/bert.pooler.dense/nc1"] == heads[1].history[1]["nc1"]


def test_accumulated_gradients_and_a_second_training_count_every_sample_once(tmp_path):
    trainer = trainer_of(tmp_path, gradient_accumulation_steps=2)
    callback = GeometryCallback().attach(trainer)
    for _ in range(2):
        trainer.train()
        assert callback.history.keys() == {1, 2}
        assert callback.collapse.moments.n == N
    assert not trainer.model.classifier._forward_hooks


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_a_training_that_ends_in_an_error_leaves_no_hook(error, tmp_path):
    class Ends(transformers.TrainerCallback):
        def on_step_end(self, args, state, control, **kwargs):
            if state.global_step == 2:
                raise error

    ends = Ends()
    trainer = trainer_of(tmp_path, callbacks=[ends])
    callback = GeometryCallback().attach(trainer)
    with pytest.raises(error):
        trainer.train()
    assert callback.watch is None
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in trainer.model.modules())
    trainer.remove_callback(ends)
    trainer.train()
    assert callback.collapse.moments.n == N


def test_a_resumed_training_goes_on_and_tells_of_an_epoch_begun_by_another(tmp_path, caplog):
    trainer_of(tmp_path, num_train_epochs=1, save_strategy="steps", save_steps=2).train()
    told = {}
    for step in (4, 2):
        trainer = trainer_of(tmp_path)
        callback = GeometryCallback().attach(trainer)
        with caplog.at_level(logging.WARNING, "lopsided"):
            trainer.train(resume_from_checkpoint=str(tmp_path / f"checkpoint-{step}"))
        assert callback.history.keys() == ({2} if step == 4 else {1, 2})
        assert callback.collapse.moments.n == N
        told[step] = [r.message for r in caplog.records if "resumed within" in r.message]
    assert told[4] == []
    assert len(told[2]) == 1
    assert "epoch 1" in told[2][0]


@pytest.mark.parametrize("steps", [-1, 4, 7])
def test_an_epoch_that_a_training_stops_within_is_told_of(steps, tmp_path, caplog):
    trainer = trainer_of(tmp_path, max_steps=steps)
    callback = GeometryCallback(classes="seen").attach(trainer)
    with caplog.at_level(logging.WARNING, "lopsided"):
        trainer.train()
    told = [r.message for r in caplog.records if "stopped within" in r.message]
    whole = callback.collapse.moments.n == N
    assert len(told) == (not whole)
    assert whole == (trainer.state.epoch % 1 == 0)


def test_an_epoch_after_one_that_was_stopped_within_is_not_resumed_within(tmp_path, caplog):
    class Stopping(transformers.TrainerCallback):
        def on_step_end(self, args, state, control, **kwargs):
            control.should_epoch_stop = state.global_step == 1

    trainer = trainer_of(tmp_path, num_train_epochs=2)
    callback = GeometryCallback(classes="seen").attach(trainer)
    trainer.add_callback(Stopping())
    with caplog.at_level(logging.WARNING, "lopsided"):
        trainer.train()
    told = [r.message for r in caplog.records if " within" in r.message]
    assert len(told) == 1
    assert told[0].startswith("epoch 1 was stopped within")
    assert callback.collapse.moments.n == N


@pytest.mark.parametrize(("anew", "told"), [(False, 1), (True, 0)])
def test_an_epoch_whose_data_is_taken_anew_is_whole(anew, told, caplog):
    arguments = SimpleNamespace(gradient_accumulation_steps=2, ignore_data_skip=anew)
    with caplog.at_level(logging.WARNING, "lopsided"):
        GeometryCallback().on_epoch_begin(
            arguments, SimpleNamespace(global_step=3), None, train_dataloader=range(4)
        )
    assert len(caplog.records) == told


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"head": "nowhere"}, "nowhere"),
        ({"head": "bert.embeddings.LayerNorm"}, "no .k, d. weight"),
        ({"ignore": 2, "classes": "all"}, "class 2 has no sample"),
    ],
)
def test_what_cannot_be_measured_ends_no_training(options, words, tmp_path, caplog):
    trainer = trainer_of(tmp_path)
    callback = GeometryCallback(**options).attach(trainer)
    with caplog.at_level(logging.WARNING, "lopsided"):
        trainer.train()
    assert trainer.state.global_step == 8
    assert callback.history == {}
    assert re.search(words, callback.unmeasured[2])
    told = [record.message for record in caplog.records if "not measured" in record.message]
    assert len(told) == 1


def test_regression_and_missed_classes_end_no_training(tmp_path, caplog):
    floats = [{"input_ids": row["input_ids"], "labels": row["labels"] / 2} for row in data()]
    trainer = trainer_of(tmp_path, bert(num_labels=1), dataset=floats)
    callback = GeometryCallback().attach(trainer)
    trainer.train()
    assert callback.history == {}
    trainer = trainer_of(tmp_path, dataset=data(k=2))
    callback = GeometryCallback().attach(trainer)
    with caplog.at_level(logging.WARNING, "lopsided"):
        trainer.train()
    assert callback.collapse.classes.tolist() == [0, 1]
    assert len([r for r in caplog.records if "left out of the measurement: 2" in r.message]) == 1


def test_an_option_that_does_not_exist_is_refused_before_training():
    with pytest.raises(TypeError, match="scater"):
        GeometryCallback(scater="none")
