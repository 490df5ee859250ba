"""Whatever reads stored features compares the sum that a file states, and takes features of one
network alone."""

import numpy as np
import pytest

from lopsided import steer
from lopsided.diagnosis import diagnose_stored
from lopsided.measure import open_store, open_targets, stored
from lopsided.measure.ood import stored_outside
from lopsided.measure.storage.target_work import stored_regression, stored_sets

K, D, N = 3, 40, 120
LABELS = np.arange(N) % K
WEIGHT = np.eye(K, D)
FEATURES = 4 * WEIGHT[LABELS] + np.random.default_rng(0).standard_normal((N, D))


def write(path, seed=0, sign=1, **arrays):
    arrays = arrays or {"labels": LABELS, "weight": sign * WEIGHT}
    np.savez(path, features=FEATURES + 0.01 * seed, **arrays)
    return path


def damage(path):
    """Change some bits of the last features, which `np.load` refuses by their sum."""
    with np.load(path) as arrays:
        last = arrays["features"][-1].tobytes()
    content = bytearray(path.read_bytes())
    content[content.index(last) + 5] ^= 0x10
    path.write_bytes(content)
    with np.load(path) as arrays, pytest.raises(Exception, match="CRC-32"):
        arrays["features"]


def measured(train, held_out, other):
    return stored(train)


def prescribed(train, held_out, other):
    head = WEIGHT, None
    return steer.prescribe(head, open_store(train), open_store(held_out))


def unmeasured(train, held_out, other):
    return steer.prescribe((WEIGHT, None), open_store(train), None)


def diagnosed(train, held_out, other):
    whole = open_store(train)
    return diagnose_stored(stored(whole), whole, open_store(held_out))


def outside(train, held_out, other):
    return stored_outside(open_store(train), other, open_store(held_out))


#: What reads files -> the files that it reads.
READERS = {
    measured: ["train"],
    unmeasured: ["train"],
    prescribed: ["train", "held_out"],
    diagnosed: ["train", "held_out"],
    outside: ["train", "held_out", "other"],
}
CASES = [(reader, file) for reader, files in READERS.items() for file in files]


def three(tmp_path, **signs):
    return {
        name: write(tmp_path / f"{name}.npz", seed, signs.get(name, 1))
        for seed, name in enumerate(("train", "held_out", "other"))
    }


@pytest.mark.parametrize(("reader", "file"), CASES)
def test_every_reader_compares_the_sum_that_a_file_states(reader, file, tmp_path):
    files = three(tmp_path)
    reader(**files)
    damage(files[file])
    with pytest.raises(ValueError, match=rf"{file}.npz is damaged.*CRC-32"):
        reader(**files)


@pytest.mark.parametrize("array", ["targets", "labels"])
def test_targets_and_label_sets_are_read_likewise(array, tmp_path):
    rows = {"targets": FEATURES @ WEIGHT.T, "labels": np.eye(K, dtype=int)[LABELS]}[array]
    path = write(tmp_path / "x.npz", weight=WEIGHT, **{array: rows})
    damage(path)
    reader = {"targets": stored_regression, "labels": stored_sets}[array]
    with pytest.raises(ValueError, match=r"x.npz is damaged.*CRC-32"):
        reader(open_targets(path))


@pytest.mark.parametrize("reader", [prescribed, diagnosed, outside])
def test_samples_that_come_with_another_head_are_those_of_another_network(reader, tmp_path):
    with pytest.raises(ValueError, match=r"train.npz and .*held_out.npz hold different heads"):
        reader(**three(tmp_path, held_out=-1))


def test_so_are_samples_of_another_distribution_whichever_head_is_looked_at(tmp_path):
    files = three(tmp_path, other=-1)
    with pytest.raises(ValueError, match=r"train.npz and .*other.npz hold different heads"):
        outside(**files)
    np.savez(tmp_path / "new.npz", weight=2 * WEIGHT)
    train, held_out = (
        open_store(files[x], head=tmp_path / "new.npz") for x in ("train", "held_out")
    )
    write(files["other"], 2)
    assert stored_outside(train, files["other"], held_out).n == N


def test_a_head_beside_samples_of_another_distribution_is_looked_at(tmp_path):
    files, folder = three(tmp_path), tmp_path / "others"
    folder.mkdir()
    np.savez(folder / "x.npz", features=FEATURES)
    np.savez(folder / "head.npz", weight=2 * WEIGHT)
    with pytest.raises(ValueError, match=r"train.npz and .*head.npz hold different heads"):
        outside(**files | {"other": folder})
    np.savez(folder / "head.npz", weight=WEIGHT, features=FEATURES)
    with pytest.raises(ValueError, match=r"head.npz holds features"):
        outside(**files | {"other": folder})


def test_a_head_in_a_folder_and_another_in_its_shards_are_refused(tmp_path):
    write(tmp_path / "a.npz")
    np.savez(tmp_path / "head.npz", weight=WEIGHT)
    open_store(tmp_path)
    np.savez(tmp_path / "head.npz", weight=2 * WEIGHT)
    with pytest.raises(ValueError, match=r"head.npz and .*a.npz hold different heads"):
        open_store(tmp_path)
    assert open_store(tmp_path, head=tmp_path / "head.npz").weight[0, 0] == 2


@pytest.mark.parametrize(("reader", "file"), CASES)
def test_every_reader_names_file_and_row_of_a_number_that_is_not_finite(
    reader, file, tmp_path, monkeypatch
):
    monkeypatch.setattr("lopsided.measure.storage.store.CHUNK", 50 * 8 * D)
    monkeypatch.setattr("lopsided.measure.ood.stored.CHUNK", 50 * 8 * D)
    files = three(tmp_path)
    features = FEATURES + 0.5
    features[77, 3] = np.nan
    np.savez(files[file], features=features, labels=LABELS, weight=WEIGHT)
    with pytest.raises(ValueError, match=rf"row 77 of .*{file}.npz .*has NaN"):
        reader(**files)


@pytest.mark.parametrize("reader", [prescribed, diagnosed, outside])
def test_held_out_samples_of_classes_that_the_head_does_not_know_are_refused(reader, tmp_path):
    files = three(tmp_path)
    np.savez(files["held_out"], features=FEATURES, labels=LABELS + 1)
    with pytest.raises(ValueError, match="labels are of 4 classes, and the head has 3"):
        reader(**files)
