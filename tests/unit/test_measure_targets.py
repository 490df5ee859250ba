"""Stored features whose targets are no classes: what `lopsided measure` says of them."""

import functools
import json
import pickle
import re
from html import unescape

import numpy as np
import pytest
from safetensors.numpy import save_file

from lopsided import Problem, Targets, measure, predict, solve
from lopsided.cli import main
from lopsided.measure.engine.here import Here

Y = np.array([[i / 10, np.cos(i), (i**2 % 7) / 3] for i in range(40)])
SETS = [(c,) for c in range(4)] + [(a, b) for a in range(4) for b in range(a)]


def answer(capsys, *words):
    assert main(["measure", *map(str, words), "--json"]) == 0, capsys.readouterr().err
    return json.loads(capsys.readouterr().out)


def test_a_stored_regression_at_its_optimum_has_collapsed(tmp_path, capsys):
    W, H = predict.regression(Y, 0.5).vectors(d=6)
    for i, part in enumerate((slice(0, 25), slice(25, 40))):
        np.savez(tmp_path / f"{i}.npz", features=H[part] + 3, targets=Y[part])
    np.savez(tmp_path / "head.npz", weight=W)
    found = answer(capsys, tmp_path)
    assert [found[name] for name in ("nrc1", "nrc2", "nrc3")] == pytest.approx([0] * 3, abs=1e-12)
    assert found["ridge"] == pytest.approx(0.5)
    assert "have collapsed" in found["verdict"]
    assert main(["measure", str(tmp_path)]) == 0
    assert "NRC1" in capsys.readouterr().out


@pytest.mark.parametrize("outputs", [1, 3])
def test_what_has_one_direction_or_directions_alike_tells_no_ridge(outputs, tmp_path, capsys):
    """Every multiple of the identity taken from a multiple of it leaves one."""
    alike = np.linalg.svd(Y - Y.mean(axis=0), full_matrices=False)[0][:, :outputs]
    W, H = predict.regression(alike, 0.5).vectors(d=6)
    np.savez(tmp_path / "a.npz", features=H, targets=alike, weight=W)
    page = tmp_path / "a.html"
    found = answer(capsys, tmp_path / "a.npz", "--report", page, "--plot", tmp_path / "a.svg")
    assert (found["gamma"], found["ridge"], found["nrc3"] < 1e-12) == (None, None, True)
    assert "at ridge" not in found["verdict"]
    assert ("neither a law nor a ridge" in found["verdict"]) == (outputs == 1)
    assert found["verdict"].split(".")[-2] in unescape(page.read_text())
    assert np.isnan(measure.regression_collapse(H, alike, W).gamma)
    noise = np.random.default_rng(0).normal(size=(46, 6))
    told = measure.regression_collapse(noise[:40], alike, noise[40 : 40 + outputs])
    assert np.isnan(told.gamma)


@pytest.mark.parametrize(("ridge", "left"), [(1.0, 3), (3.5, 2), (5.0, 1)])
def test_an_optimum_that_leaves_directions_out_is_known_by_its_ridge(ridge, left, tmp_path, capsys):
    """As that of strongly correlated outputs is at any weight decay."""
    W, H = predict.regression(Y, ridge).vectors(d=6)
    np.savez(tmp_path / "a.npz", features=H, targets=Y, weight=W)
    found = answer(capsys, tmp_path / "a.npz")
    least = np.linalg.svd(Y - Y.mean(axis=0), compute_uv=False)[1]  # above it one is left
    assert found["ridge"] == pytest.approx(ridge if left > 1 else least)
    assert (f"in {left} of 3 directions" in found["verdict"]) == (left < 3)
    assert ("or more" in found["verdict"]) == (left == 1)
    assert "(distance 0.000" in found["verdict"]


@pytest.mark.parametrize(
    ("n", "d", "t", "told"),
    [
        (200, 4, 4, "in 4 dimensions at most lie in 4 directions whatever"),
        (200, 3, 8, "in 3 dimensions at most lie in 8 directions whatever"),
        (6, 9, 5, "in 5 dimensions at most lie in 5 directions whatever"),
        (999, 150, 149, "have not collapsed"),
    ],
)
def test_noise_of_few_dimensions_is_not_called_collapsed(n, d, t, told, tmp_path, capsys):
    h, y, w = (
        np.random.default_rng(i).normal(size=s) for i, s in enumerate([(n, d), (n, t), (t, d)])
    )
    np.savez(tmp_path / "a.npz", features=h, targets=y, weight=w)
    assert told in answer(capsys, tmp_path / "a.npz")["verdict"]


def test_what_is_no_class_has_a_picture_and_a_page(tmp_path, capsys):
    W, H = predict.regression(Y, 0.5).vectors(d=6)
    rows = np.array([[c in labels for c in range(4)] for labels in SETS] * 4)
    np.savez(tmp_path / "outputs.npz", features=H + 3, targets=Y, weight=W)
    np.savez(tmp_path / "sets.npz", features=H, labels=rows, weight=np.eye(4, 6))
    for name, words in (("outputs", ()), ("sets", ("--ridge", 0.3))):
        page, picture = tmp_path / f"{name}.html", tmp_path / f"{name}.svg"
        found = answer(
            capsys, tmp_path / f"{name}.npz", "--report", page, "--plot", picture, *words
        )
        assert found["verdict"].split(".")[0] in unescape(page.read_text())
        assert page.read_text().count("<svg") == 2
        assert "<svg" in picture.read_text()


def test_label_sets_are_measured_as_kinds_of_samples(tmp_path, capsys):
    law = predict.label_sets(4, {1: 10, 2: 3}, 0.3)
    W, H = law.vectors(d=5)
    order = np.repeat(np.arange(10), [10] * 4 + [3] * 6)
    by_law = [tuple(np.flatnonzero(column)) for column in law.logits.matrix().T > 0]
    rows = np.array([[c in by_law[j] for c in range(4)] for j in order], np.uint8)
    np.savez(tmp_path / "a.npz", features=H[order], labels=rows, weight=W)
    found = answer(capsys, tmp_path / "a.npz", "--ridge", 0.3)
    assert sorted(map(tuple, found["sets"])) == sorted(map(tuple, map(sorted, SETS)))
    assert found["figures"]["tag-wise scale"] == pytest.approx(0.8650084, abs=1e-6)
    distances = [value for name, value in found["figures"].items() if " to " in name]
    assert distances == pytest.approx([0, 0, 0], abs=1e-7)


def test_a_network_at_the_optimum_of_unequal_sets_is_at_no_distance_from_it(tmp_path, capsys):
    sets, counts = [(2,), (1,), (0,), (1, 2), (0, 1)], [5, 20, 40, 3, 10]
    found = solve.minimize(Problem(Targets.label_sets(sets, 3, counts), ridge=0.3))
    rows = np.array([[c in labels for c in range(3)] for labels in sets]).repeat(counts, axis=0)
    np.savez(tmp_path / "a.npz", features=found.M.repeat(counts, 0), labels=rows, weight=found.W)
    figures = answer(capsys, tmp_path / "a.npz", "--ridge", 0.3)["figures"]
    distances = [value for name, value in figures.items() if " to " in name]
    assert distances == pytest.approx([0, 0, 0], abs=1e-7)
    network = measure.LabelSets.of(rows).geometry(found.W, found.M + 1)
    assert solve.match(found.problem.at(1.0), network).ridge == pytest.approx(0.3, rel=1e-3)
    with pytest.raises(ValueError, match="of 3 labels and 5 sets, the measurement of 3 and 4"):
        measure.LabelSets.of(rows[:-10]).about_mean(found.geometry)


class Apart(Here):
    """Does each task on copies, as other processes would."""

    def run(self, work, done):
        sent = [pickle.dumps((work.function, task)) for task in work.tasks]
        tasks = [pickle.loads(content) for content in sent]  # noqa: S301
        parts = [function(task)[0] for function, task in tasks]
        return [functools.reduce(work.merge, parts)]


def test_any_engine_measures_targets_alike(tmp_path):
    rng = np.random.default_rng(0)
    rows = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0]] * 6)
    for i in range(3):
        features = rng.normal(size=(24, 5))
        np.savez(tmp_path / f"{i}.npz", features=features, labels=rows)
    here, apart = (
        measure.stored_sets(measure.open_targets(tmp_path), engine=engine)[1]
        for engine in (None, Apart())
    )
    assert here.nc1 == apart.nc1
    for i in range(3):
        parts = {"features": rng.normal(size=(24, 5)), "targets": rng.normal(size=(24, 2))}
        np.savez(tmp_path / f"{i}.npz", weight=np.eye(2, 5), **parts)
    here, apart = (
        measure.stored_regression(measure.open_targets(tmp_path), engine=engine)
        for engine in (None, Apart())
    )
    assert here[1] == apart[1]
    assert here[0].n == 72


@pytest.mark.slow
def test_processes_share_a_regression(tmp_path, capsys):
    rng = np.random.default_rng(0)
    for i in range(2):
        parts = {"features": rng.normal(size=(24, 5)), "targets": rng.normal(size=(24, 2))}
        np.savez(tmp_path / f"{i}.npz", weight=np.eye(2, 5), **parts)
    assert answer(capsys, tmp_path) == answer(capsys, tmp_path, "--processes", 2)


def test_every_shard_is_of_the_kind_of_the_first(tmp_path, capsys):
    H = np.random.default_rng(0).normal(size=(4, 3))
    labels = np.arange(4) % 2
    np.savez(tmp_path / "0.npz", features=H, labels=labels)
    for wrong, sentence in (
        (
            {"labels": labels, "targets": H},
            "has labels, which are measured as classes, and",
        ),
        ({"targets": H}, "0.npz has labels of classes, or none and .*1.npz has targets"),
        ({"labels": np.eye(4, 2) + np.eye(4, 2, -2)}, "1.npz has several labels a sample"),
    ):
        np.savez(tmp_path / "1.npz", features=H, **wrong)
        assert main(["measure", str(tmp_path)]) == 2
        assert re.search(sentence, " ".join(capsys.readouterr().err.split()))


def test_one_hot_labels_are_told_to_be_classes(tmp_path, capsys):
    np.savez(tmp_path / "a.npz", features=np.eye(6, 4), labels=np.eye(3)[[0, 1, 2, 0, 1, 2]])
    for words in (("--held-out", "b.npz"), ("--counts", "2,2,2"), ("--ignore", "-100")):
        assert main(["measure", str(tmp_path / "a.npz"), *words]) == 2
        assert "of one-hot labels the argmax" in " ".join(capsys.readouterr().err.split())
    assert main(["steer", "--features", str(tmp_path / "a.npz")]) == 2
    assert "of one-hot labels the argmax" in " ".join(capsys.readouterr().err.split())
    assert answer(capsys, tmp_path / "a.npz")["verdict"].startswith("Each sample has one label")


@pytest.mark.parametrize("name", ["targets", "labels"])
def test_shards_of_different_heads_are_refused(name, tmp_path):
    rows = {"targets": Y[:4], "labels": np.eye(4)[:, :3] + np.eye(4)[:, 1:]}[name]
    for i in range(3):  # the first has none
        part = {"features": np.eye(4, 5), name: rows} | ({"weight": i * np.eye(3, 5)} if i else {})
        np.savez(tmp_path / f"{i}.npz", **part)
    with pytest.raises(ValueError, match=r"1.npz and .*2.npz hold different heads; say by --head"):
        measure.open_targets(tmp_path)
    (tmp_path / "2.npz").unlink()
    assert np.array_equal(measure.open_targets(tmp_path).weight, np.eye(3, 5))


@pytest.mark.parametrize(
    ("row", "words"),
    [([0, 0, 0], "sample 1 has none"), ([1, 1, 1], "sample 1 has all"), ([1, 2, 0], "numbers 0")],
)
def test_a_wrong_set_is_told_with_its_file(row, words, tmp_path):
    rows = np.array([[1, 0, 0], [0, 1, 0], [1, 1, 0]])
    for i, own in enumerate((rows[:0], rows, np.array([rows[0], row]), rows)):
        np.savez(tmp_path / f"{i}.npz", features=np.ones((len(own), 2)), labels=own)
    with pytest.raises(ValueError, match=rf"in .*2\.npz: .*{words}"):
        measure.stored_sets(measure.open_targets(tmp_path))


def test_label_sets_are_told_by_booleans_as_by_numbers(tmp_path, capsys):
    rng = np.random.default_rng(0)
    rows = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0]] * 3)
    features = rng.normal(size=(12, 5))
    np.savez(tmp_path / "numbers.npz", features=features, labels=rows)
    np.savez(tmp_path / "booleans.npz", features=features, labels=rows > 0)
    save_file({"features": features, "labels": rows > 0}, tmp_path / "booleans.safetensors")
    found = [
        answer(capsys, tmp_path / name)
        for name in ("numbers.npz", "booleans.npz", "booleans.safetensors")
    ]
    assert found[0] == found[1] == found[2]


def test_nothing_is_said_of_sums_of_others_where_there_are_none(tmp_path, capsys):
    rows = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0]] * 2)
    features = rows @ np.eye(3, 5) + 0.01 * np.arange(40).reshape(8, 5) % 0.03
    np.savez(tmp_path / "a.npz", features=features, labels=rows)
    found = answer(capsys, tmp_path / "a.npz")
    assert "nan" not in found["verdict"]
    assert "from sums of others" not in found["verdict"]


def test_one_logit_is_the_case_of_two_classes(tmp_path, capsys):
    rng = np.random.default_rng(0)
    h, y, w = rng.normal(size=(30, 3)), np.arange(30) % 2, rng.normal(size=(1, 3))
    np.savez(tmp_path / "one.npz", features=h, labels=y, weight=w, bias=[0.4])
    np.savez(
        tmp_path / "two.npz",
        features=h,
        labels=y,
        weight=np.concatenate([-w, w]) / 2,
        bias=[-0.2, 0.2],
    )
    one, two = (answer(capsys, tmp_path / f"{name}.npz") for name in ("one", "two"))
    assert one == two
    moments = measure.Moments(2, 3)
    moments.update(h, y)
    norms = measure.Collapse.of(moments, w, [0.4]).classifier_norms
    assert norms == pytest.approx([np.linalg.norm(w) / 2] * 2)


@pytest.mark.parametrize(
    ("arrays", "words", "sentence"),
    [
        ({"targets": Y}, (), "give the weight"),
        ({"targets": Y, "weight": np.eye(3, 4)}, ("--passes", "1"), "leave out --passes"),
        ({"targets": Y, "weight": np.eye(2, 4)}, (), "must have shape (3, 4)"),
        ({"targets": np.where(Y[7, 0] == Y, np.nan, Y), "weight": np.eye(3, 4)}, (), "row 7"),
        ({"targets": Y, "weight": np.full((3, 4), np.inf)}, (), "a.npz: row 0 of the head's w"),
        ({"targets": Y, "weight": np.eye(3, 4) * 1e-160}, (), "a.npz: the head's weights reach"),
        ({"targets": Y, "weight": np.eye(3, 4) * 1e160}, (), "a.npz: the head's weights reach"),
        ({"targets": Y[:5], "weight": np.eye(3, 4)}, (), "40 features and 5 targets"),
        ({"targets": Y * [1, 1, 0], "weight": np.eye(3, 4)}, (), "output 2 is the same"),
        ({"labels": np.ones((40, 2), int)}, (), "sample 0 has all"),
        ({"labels": np.full((40, 3), 7)}, (), "0 and 1"),
        ({"labels": np.eye(40, dtype=int)}, ("--ridge", "1"), "give the head's weight"),
        ({"labels": np.arange(40) % 2, "targets": Y}, (), "store only those"),
        ({"labels": np.arange(40) % 2 > 0}, (), "of type bool"),
    ],
)
def test_targets_that_cannot_be_measured_are_refused(tmp_path, capsys, arrays, words, sentence):
    features = np.random.default_rng(0).normal(size=(40, 4))
    np.savez(tmp_path / "a.npz", features=features, **arrays)
    assert main(["measure", str(tmp_path / "a.npz"), *words]) == 2
    assert sentence in capsys.readouterr().err.replace("\n", " ")
