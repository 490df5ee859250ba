"""The claim prescription in short, its plan, and its verdict on made-up numbers."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lopsided.reproduce import CLAIMS, Place
from lopsided.reproduce.claims.prescription.material import held_out_counts
from lopsided.reproduce.claims.prescription.numbers import Numbers, draws
from lopsided.reproduce.claims.prescription.plan import RAREST, SIZES, other_plans, plans
from lopsided.reproduce.claims.prescription.settings import Settings
from lopsided.reproduce.claims.prescription.tables import partial
from lopsided.steer.prescribe.sentences import CAME, optimistic

SHORT = {"tasks": ("digits",), "losses": ("cross-entropy",), "others": (), "held_out": (1,)}
CLAIM = CLAIMS["prescription"]


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    """The record of four small networks on the digits."""
    return CLAIM.run(SHORT, Place(tmp_path_factory.mktemp("short")).context("short"))


def test_a_short_run_tries_every_remedy_and_shows_it(record):
    run = CLAIM.read(record)
    assert len(run.numbers.trials) == 4
    assert all(len(draws([trial], 1)) == 1 for trial in run.numbers.trials)
    blocks = CLAIM.show([run])
    table = next(
        block for block in blocks if "1 held-out sample of" in getattr(block, "caption", "")
    )
    assert {"nothing", "tau = 1", "second head", "prescribed"} <= {row[0] for row in table.rows}
    assert all("nan" not in cell for row in table.rows for cell in row)
    assert "networks" in record.verdict.sentence
    gained = [trial.gain("prescribed", 1) for trial in run.numbers.trials]
    assert np.median(gained) > 0.02
    assert min(gained) > -0.02


def made_up(numbers, gained, low, high):
    """Trials of which each gained so much, with such intervals."""
    trials = []
    for trial in numbers.trials:
        was = trial.accuracies["nothing"]
        now = {"prescribed": replace(was, balanced=was.balanced + gained)}
        draw = replace(trial.draws[0], accuracies=now, came=gained, low=low, high=high)
        trials.append(replace(trial, draws=(draw,)))
    return Numbers(tuple(trials))


@pytest.mark.parametrize(
    ("gained", "low", "high", "others", "holds"),
    [
        (0.08, 0.0, 0.2, 1, True),
        (0.08, 0.0, 0.2, 0, False),  # an interval that always holds is too wide
        (0.08, 0.1, 0.2, 1, False),
        (0.06, 0.0, 0.2, 1, False),
        (-0.02, -0.1, 0.2, 1, False),
    ],
)
def test_the_verdict_holds_to_its_bars(record, gained, low, high, others, holds):
    some = CLAIM.read(record).numbers
    inside = made_up(some, gained, low, high).trials * 3
    outside = made_up(some, gained, 0.3, 0.4).trials[:others]
    assert CLAIM.judge(Settings(held_out=(1,)), Numbers((*inside, *outside))).holds == holds


def test_every_network_of_the_plan_is_its_own_and_has_all_classes():
    found = [*plans(Settings().tasks, Settings().losses), *other_plans(Settings().others)]
    assert len(found) == 4 * 16 + 7
    assert len({plan.seed for plan in found}) == len(found)
    assert min(min(plan.counts) for plan in found) >= RAREST
    assert {plan.task for plan in found} == {*SIZES, "characters", "frozen"}
    assert all(held_out_counts(plan.counts, 1).min() == 1 for plan in found)


def test_what_is_said_of_promises_with_few_samples_is_what_the_record_says():
    record = Path(__file__).parents[2] / "benchmarks" / "records" / "campaigns" / "intervals.json"
    sums: dict[tuple[int, int], list[float]] = {}
    for row in json.loads(record.read_text())["rows"]:
        cell = row["classes"], row["held-out samples of the rarest class"]
        of = sums.setdefault(cell, [0.0, 0.0])
        for i, what in enumerate(("promised", "came")):
            of[i] += row["prescribed"] * row[f"{what} where prescribed"]
    assert {cell: round(came / promised, 2) for cell, (promised, came) in sums.items()} == CAME


@pytest.mark.parametrize(
    ("held_out", "expected"),
    [
        ([40, 1], "with 2 classes and 1 held-out sample of the rarest, 55% of the gain came"),
        ([40, 9, 9, 4], "with 3 classes and 2 held-out samples of the rarest, 74%"),
        ([40] * 9 + [5], None),
        ([40, 6], None),
        ([40] * 10 + [1], None),
    ],
)
def test_a_promise_with_few_samples_says_how_much_of_such_came(held_out, expected):
    said = optimistic(np.array(held_out))
    assert said == "" if expected is None else expected in said


def test_partial_correlation_leaves_out_what_the_controls_explain():
    rng = np.random.default_rng(0)
    cause = np.arange(400.0)
    a, b = cause + rng.normal(size=400), cause + rng.normal(size=400)
    assert partial(a, b, None) > 0.9
    assert abs(partial(a, b, cause[:, None])) < 0.15
