"""The Hugging Face callback on a real trainer with a tiny BERT."""

import warnings

import pytest
import torch

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("accelerate")

from lopsided.measure.adapters.huggingface import GeometryCallback


@pytest.mark.filterwarnings("ignore")
def test_every_epoch_of_a_trainer_is_measured_and_logged(tmp_path):
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8, num_labels=3
    )
    data = [{"input_ids": torch.randint(0, 20, (5,)), "labels": i % 3} for i in range(24)]
    model, callback = transformers.BertForSequenceClassification(config), GeometryCallback()
    arguments = transformers.TrainingArguments(
        str(tmp_path),
        num_train_epochs=2,
        per_device_train_batch_size=6,
        report_to=[],
        save_strategy="no",
        use_cpu=True,
        disable_tqdm=True,
    )
    trainer = transformers.Trainer(model, arguments, train_dataset=data, callbacks=[callback])
    trainer.train()
    assert callback.watch.head is model.classifier
    assert len(callback.watch.history) == 2
    assert callback.collapse.moments.n == 24
    logged = [entry["geometry/nc1"] for entry in trainer.state.log_history if "geometry/nc1" in entry]
    assert logged[-1] == callback.collapse.nc1
    assert not model.classifier._forward_hooks
