"""Every figure that `predict` makes of random problems, beside the same in at least ninety digits.

    OMP_NUM_THREADS=1 python benchmarks/campaigns/predict.py --cases 10000 --seed 0

A case is one draw of two to six class counts up to 1e12 and a ratio up to 1e9, and of everything
else that the closed forms take: scales of exponents from -4 to 4, margins, ridges at a hair from a
threshold, layers, smoothing, supports. `exact.py` works each out from its definition. A figure is
wrong if it is farther off than its tolerance below; what is refused has to lie outside the range
that is documented. The record is written every hundred cases, and a second start goes on from it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import exact
import mpmath
import numpy as np
import scipy
from mpmath import mp

import lopsided
from lopsided import Adjustment, Counts, Geometry, predict, solve

#: How far a figure may be off: entries by the lengths they join, eigenvalues by their own size
#: where a closed form knows them.
TOLERANCES = {
    "norms": 1e-13,
    "cosines": 1e-13,
    "entries": 1e-13,
    "logits": 1e-13,
    "alignment": 1e-13,
    "spectra": 1e-13,
    "spectra, computed": 1e-13,
    "distances": 1e-13,
    "certificates": 1e-13,
    "thresholds": 1e-13,
    "scales of label sets": 1e-13,
    "supports": 1e-12,
    "alive or dead": 0.0,
}

Errors = Iterator[tuple[str, str, float]]


def number(value: Any) -> Any:
    return mp.mpf(float(value))


def relative(found: Any, wanted: Any) -> float:
    return float(abs(number(found) - wanted) / abs(wanted)) if wanted else float(abs(found) > 0)


def of_gram(gram: Any, wanted: Any) -> Errors:
    """Yield the errors of everything that a Gram tells."""
    k, entries, cosines, norms = wanted.rows, gram.matrix(), gram.cosines(), gram.norms()
    lengths = [mp.sqrt(wanted[i, i]) for i in range(k)]
    for i in range(k):
        yield "norms", "", relative(norms[i], lengths[i])
        for j in range(k):
            if lengths[i] and lengths[j]:
                yield (
                    "entries",
                    "",
                    float(abs(number(entries[i, j]) - wanted[i, j]) / (lengths[i] * lengths[j])),
                )
                yield (
                    "cosines",
                    "",
                    float(abs(number(cosines[i, j]) - wanted[i, j] / (lengths[i] * lengths[j]))),
                )
            else:
                yield "alive or dead", "", float(entries[i, j] != 0 or not np.isnan(cosines[i, j]))
    yield from of_spectrum(gram, exact.spectrum(wanted))


def of_spectrum(gram: Any, wanted: list[Any]) -> Errors:
    found, known = gram.spectrum(), gram.eigenvalues is not None
    positive = [v for v in wanted if v > wanted[0] * mp.mpf(10) ** (-mp.dps // 2)]
    for a, b in zip(found, positive, strict=False):
        yield (
            "spectra" if known else "spectra, computed",
            "",
            float(abs(number(a) - b) / (b if known else wanted[0])),
        )
    if known:
        yield "alive or dead", "", float((found > 0).sum() != len(positive))


def of_geometry(name: str, found: Geometry, wanted: exact.Exact) -> Errors:
    for part in ("classifiers", "embeddings"):
        for figure, _, error in of_gram(getattr(found, part), getattr(wanted, part)):
            yield figure, f"{part} of {name}", error
    logits, k = found.logits.matrix(), found.k
    for i in range(k):
        for j in range(k):
            yield "logits", name, relative(logits[i, j], wanted.logits[i, j])
    if all(wanted.classifiers[i, i] and wanted.embeddings[i, i] for i in range(k)):
        for a, b in zip(found.alignment(), exact.alignment(wanted), strict=True):
            yield "alignment", name, float(abs(number(a) - b))


def of_distance(
    name: str, a: Geometry, b: Geometry, wanted: tuple[exact.Exact, exact.Exact]
) -> Errors:
    for found, left, right in zip(a.distance(b), *wanted, strict=True):
        if any(left) and any(right):
            yield "distances", name, float(abs(number(found) - exact.distance(left, right)))


def counts_of(rng: random.Random) -> list[int]:
    top, span = 10 ** rng.uniform(0, 12), rng.uniform(0, 9)
    counts = [max(1, round(top * 10 ** -rng.uniform(0, span))) for _ in range(rng.randint(2, 6))]
    if rng.random() < 0.4:  # equal or neighbouring counts
        counts[0] = counts[1] + rng.randint(0, 1)
    return counts


def adjustment_of(rng: random.Random, counts: Counts) -> Adjustment:
    gamma, kind = (
        rng.uniform(-4, 4),
        rng.choice(["none", "cdt", "ldt", "vs", "margin", "power", "all"]),
    )
    if kind in ("cdt", "ldt"):
        return getattr(Adjustment, kind)(counts, gamma)
    if kind == "vs":
        return Adjustment.vs(counts, gamma, rng.uniform(-2, 2))
    if kind == "power":
        return Adjustment(margin=(counts.values / counts.values.max()) ** gamma)
    if kind == "none":
        return Adjustment()
    margin = [10 ** rng.uniform(-6, 6) for _ in counts]
    scale = None if kind == "margin" else [10 ** rng.uniform(-12, 12) for _ in counts]
    return Adjustment(
        scale=scale, margin=margin, per_sample=rng.random() < 0.5 and scale is not None
    )


def ridge_near(rng: random.Random, threshold: float) -> float:
    """Return a ridge below, above or at a hair from a threshold."""
    if rng.random() < 0.5:
        return threshold * 10 ** rng.uniform(-6, 1)
    return threshold * (1 + rng.choice([0, 1, -1]) * 10 ** rng.uniform(-16, -3))


def of_cross_entropy(rng: random.Random, counts: Counts) -> Errors:
    adjustment, k = adjustment_of(rng, counts), counts.k
    scale = [1.0] * k if adjustment.scale is None else adjustment.scale.tolist()
    margin = [1.0] * k if adjustment.margin is None else adjustment.margin.tolist()
    columns, own = ([1.0] * k, scale) if adjustment.per_sample else (scale, [1.0] * k)
    samples = [mp.mpf(s) / mp.mpf(m) for s, m in zip(own, margin, strict=True)]
    lengths = [1 / (mp.mpf(c) * s) for c, s in zip(columns, samples, strict=True)]
    spans = max(columns) / min(columns), float(max(lengths) / min(lengths))
    try:
        geometry = predict.cross_entropy(counts, adjustment)
    except ValueError as error:
        yield "refused", str(error).partition(" must")[0], 0.0 if max(spans) > 0.999e30 else 1.0
        return
    mp.dps = 90 + 4 * int(np.log10(spans[0]) + np.log10(spans[1])) + 20
    wanted = exact.cross_entropy(counts.values.tolist(), columns, samples)
    yield from of_geometry("cross-entropy", geometry, wanted)
    mp.dps = 110
    plain = exact.cross_entropy(counts.values.tolist(), [1] * k, [1] * k)
    seli = predict.seli(counts)
    yield from of_geometry("SELI", seli, plain)
    yield from of_distance("cross-entropy, SELI", geometry, seli, (wanted, plain))
    ideal = exact.simplex(k)
    yield from of_distance(
        "cross-entropy, ETF", geometry, predict.etf(k), (wanted, exact.Exact(ideal, ideal, ideal))
    )
    proof = predict.certificate(counts, adjustment)
    size = mp.fsum(wanted.classifiers[i, i] for i in range(k))
    yield "certificates", "primal", relative(proof.primal, size)
    yield "certificates", "dual", relative(proof.dual, size)
    yield "certificates", "holds", float(not proof.holds or proof.largest_sign >= 0)
    yield (
        "thresholds",
        "zero ridge",
        relative(
            solve.largest_ridge(solve.Problem(counts, ridge=1.0)),
            exact.spectrum(plain.classifiers)[0],
        ),
    )
    if counts.groups.m == 2:
        yield from of_geometry("STEP", predict.step(counts), plain)


def of_free_bias(rng: random.Random, counts: Counts) -> Errors:
    mp.dps = 140
    margin = 10 ** rng.uniform(-6, 6)
    wanted = exact.free_bias(counts.values.tolist(), margin)
    yield from of_geometry("free bias", predict.free_bias(counts, margin), wanted)
    proof = predict.certificate(counts, Adjustment(margin=margin), "free")
    size = mp.fsum(wanted.classifiers[i, i] for i in range(counts.k))
    yield (
        "certificates",
        "free bias",
        max(relative(proof.primal, size), relative(proof.dual, size), float(not proof.holds)),
    )


def of_ridges(rng: random.Random, counts: Counts) -> Errors:
    mp.dps = 90
    values, k = counts.values.tolist(), counts.k
    for ridge in (0.0, ridge_near(rng, np.sqrt(rng.choice(values) * (k - 1) / k))):
        yield from of_geometry(
            "non-negative", predict.nonnegative(counts, ridge), exact.nonnegative(values, ridge)
        )
    layers = rng.choice([1, 1, 2, 3, 6])
    one = (rng.choice(values) * (layers - 1) ** ((layers - 1) / layers) / layers**2) ** (
        layers / (layers + 1)
    )
    ridge = ridge_near(rng, one)
    yield from of_geometry(
        "squared", predict.squared(counts, ridge, layers), exact.squared(values, ridge, layers)
    )
    count, smoothing = rng.choice(values), rng.choice([0.0, rng.uniform(0, 1)])
    ridge = ridge_near(rng, (1 - smoothing) * np.sqrt(count))
    yield from of_geometry(
        "balanced",
        predict.balanced([count] * k, ridge, smoothing),
        exact.balanced(count, k, ridge, smoothing),
    )


def of_others(rng: random.Random, counts: Counts) -> Errors:
    mp.dps = 90
    k = counts.k
    if counts.groups.sizes[0] > 1:
        yield (
            "thresholds",
            "collapse",
            relative(predict.minority_collapse_ridge(counts), mp.sqrt(int(counts.distinct[0]))),
        )
    few = rng.randint(1, k - 1)
    yield from of_step_limit(k, few)
    frame = predict.contrastive(counts)
    yield "entries", "contrastive", float(np.abs(frame.embeddings.matrix() - np.eye(k)).max())
    columns = [
        rng.sample([1] * s + [0] * (k - s), k)
        for s in (rng.randint(1, k - 1) for _ in range(rng.randint(1, 6)))
    ]
    matrix = [list(row) for row in zip(*columns, strict=True)]
    proxy, dual = exact.supports(matrix)
    found, proof = predict.supports(matrix), predict.exactness(matrix)
    for part in ("classifiers", "embeddings", "logits"):
        entries, wanted = getattr(found, part).matrix(), getattr(proxy, part)
        errors = [
            abs(number(entries[i, j]) - wanted[i, j])
            for i in range(wanted.rows)
            for j in range(wanted.cols)
        ]
        yield "supports", part, float(max(errors) / max(abs(v) for v in wanted))
    outside = max(dual[i, j] for i in range(k) for j in range(len(columns)) if not matrix[i][j])
    yield "supports", "largest sign", float(abs(number(proof.largest_sign) - outside))
    yield (
        "alive or dead",
        "proxy exact",
        float((proof.exact is True) != bool(outside <= mp.mpf(10) ** -60)),
    )
    sizes = {
        s: rng.randint(1, 1000)
        for s in sorted(rng.sample(range(1, k), rng.randint(1, min(2, k - 1))))
    }
    yield from of_label_sets(k, sizes, 10 ** rng.uniform(-4, 0))


def of_step_limit(k: int, few: int) -> Errors:
    mp.dps = 400
    huge, a = 10**100, k - few
    wanted, found = (
        exact.cross_entropy([huge] * a + [1] * few, [1] * k, [1] * k),
        predict.step_limit(k, few / k),
    )
    for part, cosines in (("classifiers", found.classifiers), ("embeddings", found.embeddings)):
        true = exact.cosines(getattr(wanted, part))
        pairs = ((0, 1), a > 1), ((k - 1, k - 2), few > 1), ((0, k - 1), True)
        for ((i, j), defined), cosine in zip(pairs, cosines, strict=True):
            yield (
                "cosines",
                "STEP limit",
                float(abs(number(cosine) - true[i, j])) if defined else float(not np.isnan(cosine)),
            )
    ratio = wanted.classifiers[0, 0] / wanted.classifiers[k - 1, k - 1]
    yield "norms", "STEP limit", relative(found.classifier_norm_ratio, ratio)
    mp.dps = 90


def of_label_sets(k: int, sizes: dict[int, int], ridge: float) -> Errors:
    found = predict.label_sets(k, sizes, ridge)
    if not found.classifiers.norms().any():
        return
    columns, place = found.logits.matrix(), 0
    guess = []
    for s in sizes:
        column = columns[:, place]
        guess.append(float(column.max() - column.min()))
        place += int(mp.binomial(k, s))
    scales, tau = exact.label_sets(k, sizes, ridge, guess)
    for b, wanted in zip(guess, scales, strict=True):
        yield "scales of label sets", "logits", relative(b, wanted)
    yield (
        "scales of label sets",
        "classifiers",
        relative(found.classifiers.squared_norms()[0], tau * (k - 1) / k),
    )


def of_vectors(rng: random.Random, counts: Counts) -> Errors:
    """Yield the errors of explicit vectors, of lengths of several orders, some of them nearly the
    same.
    """
    mp.dps = 90
    k, d = counts.k, rng.randint(1, 6)
    W, M, other = (
        [[10 ** rng.uniform(-4, 4) * rng.gauss(0, 1) for _ in range(d)] for _ in range(k)]
        for _ in range(3)
    )
    M[0] = [v * (1 + 1e-9 * rng.gauss(0, 1)) for v in M[1]]
    other[1:] = [[v * (1 + 1e-12 * rng.gauss(0, 1)) for v in row] for row in W[1:]]
    w, m, o = (mp.matrix(rows) for rows in (W, M, other))
    source = lopsided.Source("vectors")
    found, beside = Geometry.of_vectors(W, M, source), Geometry.of_vectors(other, M, source)
    wanted, next_to = (exact.Exact(v * v.T, m * m.T, v * m.T) for v in (w, o))
    for part in ("classifiers", "embeddings"):
        for figure, _, error in of_gram(getattr(found, part), getattr(wanted, part)):
            yield figure, f"{part} of vectors", error
    for a, b in zip(found.alignment(), exact.alignment(wanted), strict=True):
        yield "alignment", "vectors", float(abs(number(a) - b))
    yield from of_distance("vectors", found, beside, (wanted, next_to))


PARTS: tuple[Callable[[random.Random, Counts], Errors], ...] = (
    of_cross_entropy,
    of_free_bias,
    of_ridges,
    of_others,
    of_vectors,
)


def case(seed: int, i: int) -> Iterator[tuple[str, str, float]]:
    """Yield figure, what of, and error of everything that case i of a seed asks."""
    rng = random.Random(f"{seed} {i}")
    counts = Counts(counts_of(rng))
    for part in PARTS:
        yield from part(rng, counts)


def run(cases: int, seed: int, out: Path) -> dict[str, Any]:
    """Run cases from where the record of this seed stands, and return the record."""
    record: dict[str, Any] = {
        "seed": seed,
        "cases": 0,
        "figures": 0,
        "wrong": [],
        "refused": {},
        "largest": {},
        "seconds": 0.0,
    }
    if (
        out.exists()
        and (before := json.loads(out.read_text()))["seed"] == seed
        and before["version"] == lopsided.__version__
    ):
        record = before
    began = time.process_time() - record["seconds"]
    for i in range(record["cases"], cases):
        for figure, what, error in case(seed, i):
            if figure == "refused":
                record["refused"][what] = record["refused"].get(what, 0) + 1
            else:
                record["figures"] += 1
                worst = record["largest"].setdefault(f"{figure} | {what}" if what else figure, 0.0)
                record["largest"][f"{figure} | {what}" if what else figure] = max(worst, error)
            if not error <= TOLERANCES.get(figure, 0.0):
                record["wrong"].append({"case": i, "figure": figure, "of": what, "error": error})
        record |= {"cases": i + 1, "seconds": time.process_time() - began}
        if (i + 1) % 100 == 0 or i + 1 == cases:
            write(record, out)
            print(
                f"{i + 1:,} cases, {record['figures']:,} figures, {len(record['wrong'])} wrong",
                file=sys.stderr,
                flush=True,
            )
    return record


def write(record: dict[str, Any], out: Path) -> None:
    record |= {
        "version": lopsided.__version__,
        "tolerances": TOLERANCES,
        "largest": dict(sorted(record["largest"].items())),
        "environment": {
            "versions": {
                "numpy": np.__version__,
                "scipy": scipy.__version__,
                "mpmath": mpmath.__version__,
            },
            "python": platform.python_version(),
            "processor": platform.machine(),
        },
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    draft = out.with_suffix(".draft")
    draft.write_text(json.dumps(record, indent=1) + "\n")
    draft.replace(out)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--out",
        type=Path,
        default=Path(__file__).parents[1] / "records" / "campaigns" / "predict.json",
    )
    given = parser.parse_args()
    return bool(run(given.cases, given.seed, given.out)["wrong"])


if __name__ == "__main__":
    sys.exit(main())
