"""Batches that bind: every class in each, every sample once an epoch, over processes and under
frameworks alike."""

import itertools
import json
import logging

import numpy as np
import pytest
import torch
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, TensorDataset

from lopsided import steer

LABELS = np.array([2, 0, 0, 1, 0, 1, 0, 0, 2, 1, 0])
FIXED = [1, 3, 0]


def others(batches):
    assert all(batch[-3:] == FIXED for batch in batches)
    return [i for batch in batches for i in batch[:-3]]


@pytest.fixture
def process(monkeypatch):
    """Be one of several processes."""

    def be(rank, processes):
        monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
        monkeypatch.setattr(torch.distributed, "get_rank", lambda: rank)
        monkeypatch.setattr(torch.distributed, "get_world_size", lambda: processes)

    return be


def test_an_epoch_holds_every_sample_once_and_every_batch_every_class():
    batches = steer.BindingBatches(LABELS, batch_size=3, seed=3)
    epoch = list(batches)
    assert sorted(others(epoch) + FIXED) == list(range(len(LABELS)))
    assert [len(batch) for batch in epoch] == [6, 6, 5]
    assert len(epoch) == len(batches) == 3
    assert isinstance(batches, BatchSampler)


def test_every_epoch_has_an_order_of_its_own_that_the_seed_decides():
    one, other = (steer.BindingBatches(LABELS, batch_size=3, seed=3) for _ in range(2))
    epochs = [list(one) for _ in range(3)]
    assert epochs == [list(other) for _ in range(3)]
    assert all(a != b for a, b in itertools.combinations(epochs, 2))
    one.set_epoch(1)
    assert list(one) == epochs[1]
    assert list(one) == epochs[2]
    assert list(steer.BindingBatches(LABELS, batch_size=3, seed=4)) != epochs[0]


@pytest.mark.parametrize("n", [3, 8, 9, 10, 11])
@pytest.mark.parametrize("processes", [1, 2, 3])
@pytest.mark.parametrize("drop_last", [False, True])
def test_processes_share_the_samples_without_overlap_in_equally_many_batches(
    process, n, processes, drop_last
):
    shares, lengths = [], set()
    for rank in range(processes):
        process(rank, processes)
        batches = steer.BindingBatches(LABELS[:n] if n > 3 else [2, 1, 0], 2, drop_last=drop_last)
        epoch = list(batches)
        assert len(epoch) == len(batches)
        lengths.add(len(epoch))
        free = [batch[:-3] for batch in epoch]
        assert all(len(part) <= 2 for part in free)
        assert not drop_last or all(len(part) == 2 for part in free)
        shares.append(list(itertools.chain(*free)))
    together = list(itertools.chain(*shares))
    assert len(lengths) == 1
    assert len(set(together)) == len(together)
    if drop_last:
        assert len(together) == (n - 3) // processes // 2 * 2 * processes
    else:
        assert len(together) == n - 3


def test_a_sampler_of_the_users_decides_the_order_and_needs_no_epoch():
    batches = steer.BindingBatches(LABELS, 4, sampler=range(10, -1, -1))
    batches.set_epoch(3)
    assert list(batches) == [[10, 9, 8, 7, 1, 3, 0], [6, 5, 4, 1, 3, 0], [2, 1, 3, 0]]
    assert len(batches) == 3
    distributed = steer.BindingBatches(
        LABELS,
        4,
        sampler=torch.utils.data.DistributedSampler(LABELS, num_replicas=2, rank=1, seed=5),
    )
    first = list(distributed)
    distributed.set_epoch(1)
    assert list(distributed) != first


def test_labels_come_in_every_form_that_data_sets_have():
    expected = list(steer.BindingBatches(LABELS, 3))
    for labels in (
        LABELS.tolist(),
        LABELS[:, None],
        LABELS.astype(np.uint8),
        LABELS.astype(">i4"),
        torch.tensor(LABELS),
        torch.tensor(LABELS)[:, None],
    ):
        assert list(steer.BindingBatches(labels, 3)) == expected


@pytest.mark.parametrize(
    ("labels", "error", "words"),
    [
        ([0], ValueError, "at least 2"),
        ([[0, 1], [1, 0]], ValueError, r"shape \(2, 2\)"),
        ([0.0, 1.0], TypeError, "whole numbers, got dtype float64"),
        ([True, False], TypeError, "whole numbers, got dtype bool"),
        ([0, 1, -100], ValueError, "got -100 for sample 2"),
        (RandomSampler(range(4)), TypeError, "got a RandomSampler; under Lightning"),
    ],
)
def test_what_are_no_labels_is_refused(labels, error, words):
    with pytest.raises(error, match=words):
        steer.BindingBatches(labels, 2)


@pytest.mark.parametrize("batch_size", [0, -1, 2.5, True])
def test_a_batch_size_is_a_positive_whole_number(batch_size):
    with pytest.raises(ValueError, match="batch_size"):
        steer.BindingBatches(LABELS, batch_size)


def test_workers_of_a_loader_see_what_the_sampler_says():
    data = TensorDataset(torch.arange(len(LABELS)))
    loader = DataLoader(data, batch_sampler=steer.BindingBatches(LABELS, 3), num_workers=2)
    expected = steer.BindingBatches(LABELS, 3)
    assert len(loader) == 3
    for _ in range(2):
        assert [batch.tolist() for (batch,) in loader] == list(expected)


@pytest.mark.filterwarnings("ignore")
def test_lightning_reshuffles_every_epoch():
    lightning = pytest.importorskip("lightning.pytorch")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    seen = []

    class Net(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(1, 1)

        def training_step(self, batch, index):
            seen.append(batch[0][:, 0].int().tolist())
            return self.layer(batch[0]).sum()

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), 0.1)

    data = TensorDataset(torch.arange(float(len(LABELS)))[:, None])
    quiet = {
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
    }
    trainer = lightning.Trainer(max_epochs=3, accelerator="cpu", **quiet)
    trainer.fit(Net(), DataLoader(data, batch_sampler=steer.BindingBatches(LABELS, 3)))
    expected = steer.BindingBatches(LABELS, 3)
    assert seen == [batch for _ in range(3) for batch in expected]


@pytest.mark.filterwarnings("ignore")
def test_lightning_may_hand_in_a_distributed_sampler():
    fabric = pytest.importorskip("lightning.fabric.utilities.data")
    data = TensorDataset(torch.arange(len(LABELS)))
    with fabric._replace_dunder_methods(BatchSampler):
        loader = DataLoader(data, batch_sampler=steer.BindingBatches(LABELS, 3))
    shares = []
    for rank in range(2):
        sampler = torch.utils.data.DistributedSampler(data, num_replicas=2, rank=rank)
        shares.append(list(fabric._update_dataloader(loader, sampler).batch_sampler))
    assert len(shares[0]) == len(shares[1]) == 2
    assert set(others(shares[0]) + others(shares[1]) + FIXED) == set(range(len(LABELS)))


@pytest.mark.parametrize("even_batches", [False, True])
def test_accelerate_may_deal_out_the_batches(even_batches):
    accelerate = pytest.importorskip("accelerate.data_loader")
    shares = []
    for rank in range(2):
        order = RandomSampler(range(len(LABELS)), generator=torch.Generator().manual_seed(0))
        batches = steer.BindingBatches(LABELS, 4, sampler=order)
        shares.append(
            list(accelerate.BatchSamplerShard(batches, 2, rank, even_batches=even_batches))
        )
    assert set(others(shares[0]) + others(shares[1]) + FIXED) == set(range(len(LABELS)))
    assert len(shares[0]) == 2
    assert len(shares[1]) == 1 + even_batches


def _work(rank, folder):
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2
    )
    batches = steer.BindingBatches(LABELS, 2, seed=1)
    (folder / f"{rank}.json").write_text(json.dumps([list(batches) for _ in range(2)]))
    torch.distributed.destroy_process_group()


@pytest.mark.skipif(not torch.distributed.is_available(), reason="torch without distributed")
def test_two_processes_of_a_group_share_every_epoch(tmp_path):
    torch.multiprocessing.start_processes(_work, (tmp_path,), nprocs=2, start_method="fork")
    one, other = (json.loads((tmp_path / f"{rank}.json").read_text()) for rank in range(2))
    assert one[0] != one[1]
    for a, b in zip(one, other, strict=True):
        assert len(a) == len(b) == 2
        assert sorted(others(a) + others(b) + FIXED) == list(range(len(LABELS)))


def test_numbers_are_taken_as_arithmetic_gives_them_and_a_seed_is_whole():
    found = steer.BindingBatches(LABELS, np.int64(2), seed=np.int64(3))
    assert list(found) == list(steer.BindingBatches(LABELS, 2, seed=3))
    for seed in (-1, 1.5):
        with pytest.raises(ValueError, match="seed must be a whole number of at least 0"):
            steer.BindingBatches(LABELS, 2, seed=seed)


def test_a_sampler_of_tensors_repeats_no_fixed_sample():
    order = torch.arange(len(LABELS))
    batches = list(steer.BindingBatches(LABELS, batch_size=len(LABELS), sampler=order))
    assert sorted(batches[0]) == order.tolist()
