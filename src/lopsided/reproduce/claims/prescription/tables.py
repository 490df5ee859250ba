"""The tables of the claim prescription."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lopsided.arrays import Floats
from lopsided.report.blocks import Table
from lopsided.reproduce.claims.prescription.numbers import (
    ALONE,
    FITTED,
    HURT,
    Numbers,
    Trial,
    draws,
    gains,
)


def alone(numbers: Numbers) -> Table:
    """Return what each remedy gains that needs no held-out samples."""
    losses = ("cross-entropy", "weighted", "logit-adjusted")
    groups = {loss: [t for t in numbers.judged if t.plan.loss == loss] for loss in losses}
    groups = {loss: trials for loss, trials in groups.items() if trials}
    columns = [
        word for loss, trials in groups.items() for word in (f"{loss} ({len(trials)})", "hurt")
    ]
    rows = [
        [name, *(word for trials in groups.values() for word in _gain(gains(trials, name)))]
        for name in ALONE[1:]
    ]
    caption = (
        "Without held-out samples: gain in balanced accuracy over doing nothing, points, median"
        " [quartiles]; hurt: worse by more than one point."
    )
    return Table(caption, ["remedy", *columns], rows)


def fitted(trials: list[Trial], m: int) -> Table:
    """Return what every remedy gains where there are m held-out samples of the rarest class."""
    have = [trial for trial in trials if draws([trial], m)]
    names = (*ALONE, *FITTED)
    table = np.array([[t.gain(name, m) for name in names] for t in have])
    best = table.max(axis=1)
    plain = np.array([t.plan.loss == "cross-entropy" for t in have])
    rows = []
    for name, column in zip(names, table.T, strict=True):
        rows.append(
            [
                name,
                *_gain(column),
                points(float(column.mean())),
                points(float((best - column).mean()), sign=False),
                points(float(np.median(column[plain]))) if plain.any() else "–",
                points(float(np.mean([_price(t, name, m) for t in have]))),
            ]
        )
    caption = (
        f"{m} held-out sample{'s' * (m > 1)} of the rarest class, the others in proportion;"
        f" {len(have)} networks of all losses. Regret: behind the best remedy of the table on each"
        " network. As trained: change of accuracy on data distributed as in training."
    )
    columns = ["remedy", "gain", "hurt", "mean", "regret", "cross-entropy", "as trained"]
    return Table(caption, columns, rows)


def intervals(numbers: Numbers, held_out: Sequence[int]) -> Table:
    """Return how often the interval contains the gain that came."""
    groups = {
        "all": numbers.judged,
        **{
            title: [t for t in numbers.judged if t.title == title]
            for title in dict.fromkeys(t.title for t in numbers.judged)
        },
        **{
            task: [t for t in numbers.trials if t.plan.task == task]
            for task in ("characters", "frozen")
        },
    }
    rows = []
    for name, trials in groups.items():
        for m in held_out:
            made = draws(trials, m)
            if not made:
                continue
            off = np.array([draw.expected - draw.came for draw in made])
            half = np.median([(draw.high - draw.low) / 2 for draw in made])
            inside = np.mean([draw.covered for draw in made])
            together = partial(
                np.array([draw.expected for draw in made]),
                np.array([draw.came for draw in made]),
                None,
            )
            rank = "–" if np.isnan(together) else f"{together:.2f}"
            few = [f"{inside:.0%}", points(half, sign=False), points(off.mean()), rank]
            rows.append([name, str(m), str(len(made)), *few])
    columns = [
        "networks",
        "m",
        "number",
        "contained",
        "half width",
        "promised less came",
        "Spearman",
    ]
    caption = (
        "The 90% interval of the corrected head's gain, in points; Spearman correlation of the gain"
        " that was promised with the gain that came."
    )
    return Table(caption, columns, rows)


def figures(numbers: Numbers) -> Table:
    """Return how far geometry at the end of training tells of errors and of remedies: Spearman
    correlations over networks of plain cross-entropy, raw, less the settings, and less training
    accuracy too.
    """
    trials = [t for t in numbers.judged if t.plan.loss == "cross-entropy"]
    wanted = {
        "balanced error": [1 - t.accuracies["nothing"].balanced for t in trials],
        "gain of tau = 1": [t.gain("tau = 1") for t in trials],
        "error after tau = 1": [1 - t.accuracies["tau = 1"].balanced for t in trials],
    }
    names = {
        "head_to_seli": "head to SELI",
        "norm_ratio": "norm ratio of the head",
        "means_to_seli": "class means to SELI",
        "means_to_etf": "class means to the ETF",
        "nc1": "NC1",
        "training_accuracy": "(balanced training accuracy)",
    }
    settings = _settings(trials)
    trained = np.array([t.figures.training_accuracy for t in trials])
    both = np.column_stack([settings, ranks(trained)])
    rows = []
    for key, name in names.items():
        values = np.array([getattr(t.figures, key) for t in trials])
        cells = []
        for target in wanted.values():
            controls = [None, settings] + [both] * (key != "training_accuracy")
            found = [partial(values, np.array(target), control) for control in controls]
            cells.append(" / ".join(f"{value:+.2f}" for value in found))
        rows.append([name, *cells])
    caption = (
        f"Spearman correlations over {len(trials)} networks of plain cross-entropy: raw / less"
        " data, counts, model and length of training / less balanced training accuracy too."
    )
    return Table(caption, ["at the end of training", *wanted], rows)


def losses(numbers: Numbers) -> Table:
    """Return the share of SELI's norm ratio by loss, which tells what re-weights."""
    rows = []
    for loss in ("cross-entropy", "weighted", "logit-adjusted"):
        found = np.array([t.figures.norm_share for t in numbers.judged if t.plan.loss == loss])
        found = found[~np.isnan(found)]
        if len(found):
            parts = [f"{q:.2f}" for q in np.quantile(found, [0.05, 0.25, 0.5, 0.75, 0.95])]
            rows.append([loss, str(len(found)), *parts, f"{np.mean(found < 0.3):.0%}"])
    return Table(
        "ln(norm ratio of the head) / ln(SELI's), by loss: quantiles, and the share below .3.",
        ["loss", "networks", "5 %", "25 %", "50 %", "75 %", "95 %", "below .3"],
        rows,
    )


def points(value: float, *, sign: bool = True) -> str:
    """Return a difference of fractions in points."""
    return f"{round(100 * float(value), 1) + 0.0:{'+' if sign else ''}.1f}"


def _gain(found: Floats) -> list[str]:
    if not len(found):
        return ["–", "–"]
    low, middle, high = np.quantile(found, [0.25, 0.5, 0.75])
    return [f"{points(middle)} [{points(low)}, {points(high)}]", f"{np.mean(found < -HURT):.0%}"]


def _price(trial: Trial, name: str, m: int) -> float:
    draw = draws([trial], m)[0]
    found = trial.accuracies.get(name) or draw.accuracies[name]
    return found.as_trained - trial.accuracies["nothing"].as_trained


def ranks(values: Floats) -> Floats:
    """Return ranks, equal values sharing theirs."""
    from scipy.stats import rankdata

    return np.asarray(rankdata(values), np.float64)


def partial(a: Floats, b: Floats, controls: Floats | None) -> float:
    """Return the correlation of the ranks of a and b, less what columns of controls explain."""
    x, y = ranks(a), ranks(b)
    columns = np.ones((len(x), 1))
    if controls is not None:
        columns = np.column_stack([columns, controls])
    x, y = (v - columns @ np.linalg.lstsq(columns, v, rcond=None)[0] for v in (x, y))
    scale = float(np.linalg.norm(x) * np.linalg.norm(y))
    return float(x @ y) / scale if scale > 1e-9 * len(x) else float("nan")


def _settings(trials: list[Trial]) -> Floats:
    """Return columns that tell the settings of networks."""
    plans = [t.plan for t in trials]
    tasks = sorted({p.task for p in plans})
    return np.array(
        [
            [
                *(float(p.task == task) for task in tasks[1:]),
                float(p.model == "mlp"),
                float(p.shape == "step"),
                np.log(p.epochs),
                np.log(max(p.counts) / min(p.counts)),
                np.log(min(p.counts)),
                np.log(sum(p.counts)),
            ]
            for p in plans
        ]
    )
