import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lopsided.geometry import Distances
from lopsided.reproduce import CLAIMS, Place, Record

DATA = os.environ.get("LOPSIDED_DATA")


def short(name: str, folder: Path, **options: Any) -> Record:
    place = Place(folder, Path(DATA) if DATA else None)
    return CLAIMS[name].run(options, place.context("short"))


def test_a_conic_solver_that_knows_nothing_of_seli_finds_it(tmp_path: Path) -> None:
    record = short("uf-svm", tmp_path, ks=(3, 4), ratios=(1, 10), random=2)
    assert record.verdict.holds, record.verdict.sentence


def test_norms_and_angles_move_to_their_limits_and_nothing_collapses_on_the_way(
    tmp_path: Path,
) -> None:
    record = short("norms", tmp_path, points=13)
    assert record.verdict.holds, record.verdict.sentence
    numbers = CLAIMS["norms"].read(record).numbers
    row = next(row for row in numbers.rows if row.ratio == 10)
    assert row.classifiers.norm_ratio == pytest.approx(2.672, abs=5e-4)
    assert row.embeddings.across == pytest.approx(-0.0854, abs=5e-5)


def test_the_ridge_path_ends_at_seli_and_only_there(tmp_path: Path) -> None:
    record = short("ridge-path", tmp_path, ratios=(1, 10, 100), points=19)
    assert record.verdict.holds, record.verdict.sentence
    assert record.verdict.sentence.startswith("Balanced classes are SELI")
    claim = CLAIMS["ridge-path"]
    run = claim.read(record)
    (even, *others), far = run.numbers.paths, Distances(0.3, 0.3, 0.3)
    even = replace(even, rows=tuple(replace(row, distances=far) for row in even.rows))
    verdict = claim.judge(run.settings, claim.numbers((even, *others)))
    assert not verdict.holds
    assert verdict.sentence.startswith("Balanced classes are not SELI at every ridge (to 3e-01)")


def test_no_distance_is_told_at_a_ridge_below_those_that_were_solved(tmp_path: Path) -> None:
    claim, told = CLAIMS["ridge-path"], {}
    for least in (1e-4, 1e-6):
        record = short("ridge-path", tmp_path, k=4, ratios=(1, 30), points=9, least=least)
        *_, table = claim.show([claim.read(record)])
        told[least] = [column for column in table.columns if column.startswith("λ")]
        assert all(len(row) == len(table.columns) for row in table.rows)
    assert told == {
        1e-4: ["λ = 0.1", "λ = 0.01", "λ = 0.0001"],
        1e-6: ["λ = 0.1", "λ = 0.01", "λ = 0.0001", "λ = 1e-06"],
    }


@pytest.mark.slow
def test_free_features_approach_seli_more_slowly_with_more_imbalance(tmp_path: Path) -> None:
    record = short("ufm-sgd", tmp_path, ratios=(5, 10), epochs=300, seeds=2, steps=3000)
    assert record.verdict.holds, record.verdict.sentence


@pytest.mark.slow
def test_a_network_on_real_digits_ends_nearer_to_seli_than_to_the_etf(tmp_path: Path) -> None:
    record = short("demo", tmp_path, dataset="digits", epochs=320, width=192)
    assert record.verdict.holds, record.verdict.sentence
    numbers = CLAIMS["demo"].read(record).numbers
    assert all(point.relative_gap < 1e-8 for point in numbers.path)
    laws = short("which-law", tmp_path, runs=(record.name,))
    assert laws.verdict.holds, laws.verdict.sentence
    last = numbers.history[-1].distances
    stored = CLAIMS["which-law"].read(laws).numbers.runs[0].laws
    for law, distances in {"SELI": last.seli, "ETF": last.etf}.items():
        assert stored[law].distances == pytest.approx(distances, abs=1e-12)
    assert all(
        stored["best ridge"].size <= stored[law].size + 1e-3 for law in ("SELI", "own ridge")
    )


@pytest.mark.skipif(
    not (DATA and Path(DATA, "mnist").is_dir()),
    reason="LOPSIDED_DATA has no MNIST: the bundled digits stand for it",
)
def test_a_network_on_mnist_ends_with_classifiers_nearer_to_seli_than_to_the_etf(
    tmp_path: Path,
) -> None:
    record = short("demo", tmp_path, dataset="mnist", largest=500, epochs=40, batch=128, width=128)
    last = CLAIMS["demo"].read(record).numbers.history[-1].distances
    assert last.seli.classifiers < last.etf.classifiers, record.verdict.sentence
