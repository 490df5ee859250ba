"""Ten thousand random problems for `lopsided.solve`, each checked in 50-digit arithmetic where it
has at most 6 classes.

python benchmarks/campaigns/solve.py --cases 10000 --seed 0 --out
benchmarks/records/campaigns/solve.json

Counts up to a million to one, every adjustment and bias, soft targets; ridges log-uniform down to
1e-12 of the largest, next to the thresholds where groups collapse and the optimum vanishes, and
down to 1e-200. A number is wrong if a bound differs from the one in 50 digits by more than the
certificate's rounding, or if OPTIMAL is said and the gap in 50 digits is not below the tolerance,
or is below minus rounding. Runs that were interrupted go on where they stopped; a case depends on
the seed and its own number alone.
"""

from __future__ import annotations

import json
import time
import traceback
import warnings
from collections import Counter
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import tyro
from rich.progress import track

from lopsided import Adjustment, Counts, solve
from lopsided.arrays import Floats

RECORD = Path(__file__).parents[1] / "records" / "campaigns" / "solve.json"
#: The largest number of classes that is checked in 50 digits.
EXACT = 6
TOLERANCE = 1e-10


def random_problem(seed: int, case: int) -> solve.Problem:
    """Return the problem of a case."""
    rng = np.random.default_rng([seed, case])
    k, bias = int(rng.integers(2, 13)), rng.choice(["none", "none", "free", "ridge"])
    bias = float(10 ** rng.uniform(-3, 3)) if bias == "ridge" else str(bias)
    if rng.random() < 0.15:
        problem = solve.Problem.of_targets(*_contexts(rng, k), ridge=1.0, bias=bias)
    else:
        distinct = np.rint(
            10 ** rng.uniform(0, rng.uniform(0.1, 6), int(rng.integers(1, k + 1)))
        ).astype(int)
        counts = Counts(np.concatenate([distinct, rng.choice(distinct, k - len(distinct))]))
        problem = solve.Problem(counts, _adjustment(rng, counts), ridge=1.0, bias=bias)
    return problem.at(_ridge(rng, problem))


def _contexts(rng: np.random.Generator, k: int) -> tuple[Floats, Floats]:
    m = int(rng.integers(1, 13))
    targets = rng.dirichlet(np.full(k, 10 ** rng.uniform(-1, 1)), m).T
    targets[rng.random((k, m)) < rng.choice([0.0, 0.5])] = 0
    targets[rng.integers(0, k, m), np.arange(m)] += 0.1
    if m >= k:
        targets[np.arange(k), np.arange(k)] += 0.1  # a free bias asks for every class
    else:
        targets += 0.01
    return targets / targets.sum(axis=0), 10 ** rng.uniform(0, 3, m)


def _adjustment(rng: np.random.Generator, counts: Counts) -> Adjustment:
    k, gamma, tau = counts.k, rng.uniform(-0.5, 0.5), rng.uniform(0, 2)
    kinds: dict[str, Any] = {
        "plain": lambda: Adjustment(),
        "weighted": lambda: Adjustment.weighted(counts, rng.uniform(0, 1)),
        "logit-adjusted": lambda: Adjustment.logit_adjusted(counts, tau),
        "cdt": lambda: Adjustment.cdt(counts, gamma),
        "ldt": lambda: Adjustment.ldt(counts, gamma),
        "vs": lambda: Adjustment.vs(counts, gamma, tau),
        "ldam": lambda: Adjustment.ldam(counts, rng.uniform(0.1, 1), 10 ** rng.uniform(0, 1.5)),
        "margin": lambda: Adjustment(margin=10 ** rng.uniform(-0.5, 0.5, k)),
        "any": lambda: Adjustment(
            weight=10 ** rng.uniform(-1, 1, k),
            scale=10 ** rng.uniform(-1, 1, k),
            shift=rng.normal(0, 3, k),
            additive_margin=rng.uniform(-1, 2, k),
            per_sample=bool(rng.integers(2)),
        ),
    }
    return kinds[str(rng.choice(list(kinds)))]()


def _ridge(rng: np.random.Generator, problem: solve.Problem) -> float:
    top = max(solve.largest_ridge(problem), 1e-3)
    kind = rng.choice(["range", "range", "high", "threshold", "tiny"])
    if kind == "threshold":
        thresholds = [top]
        if problem.counts is not None and problem.adjustment.additive_margin is None:
            thresholds = [point.ridge for point in solve.breakpoints(problem, directions=False)]
        return float(
            rng.choice(thresholds) * (1 + rng.choice([-1, 1]) * 10 ** rng.uniform(-12, -1))
        )
    exponent = {"range": (-12, 0), "high": (-1.5, 0.05), "tiny": (-200, -12)}[str(kind)]
    return float(top * 10 ** rng.uniform(*exponent))


def singular_values(matrix: Any) -> list[Any]:
    """Return the singular values, and zeros, as the eigenvalues of [0 A; A' 0] that are not
    negative: the decomposition of mpmath itself does not always converge.
    """
    rows, columns = matrix.rows, matrix.cols
    joined = mpmath.zeros(rows + columns)
    joined[:rows, rows:], joined[rows:, :rows] = matrix, matrix.T
    return [max(value, mpmath.mpf(0)) for value in mpmath.eigsy(joined, eigvals_only=True)]


def exact_bounds(problem: solve.Problem, logits: Floats, bias: Floats | None) -> tuple[Any, Any]:
    """Return objective and dual value of (k, m) logits and a bias in 50 digits, by definition,
    sample kind by sample kind.
    """
    with mpmath.workdps(50 + max(0, int(-np.log10(problem.ridge)))):
        mpf = mpmath.mpf
        a = problem.adjustment
        if problem.counts is None:
            t, w = problem.targets.matrix, problem.targets.weights
        else:
            t, w = np.eye(problem.k), problem.counts.values
        k, m = t.shape

        def entry(name: str, c: int, neutral: float) -> Any:
            value = getattr(a, name)
            return mpf(neutral) if value is None else mpf(float(np.broadcast_to(value, k)[c]))

        def scale(c: int, j: int) -> Any:
            return entry("scale", j if a.per_sample else c, 1) / (
                entry("margin", j, 1) if problem.counts is not None else 1
            )

        b = [mpf(0)] * k if bias is None else [mpf(float(x)) for x in bias]
        ridge, Z, G = mpf(problem.ridge), mpmath.matrix(k, m), mpmath.matrix(k, m)
        loss, pull, shares, offsets = mpf(0), [mpf(0)] * k, [], []
        for j in range(m):
            weight = mpf(float(w[j])) * entry("weight", j, 1)
            target = [mpf(float(x)) for x in t[:, j]]
            total = mpmath.fsum(target)
            target = [x / total for x in target]
            offset = [
                entry("shift", c, 0)
                - (scale(c, j) * entry("additive_margin", j, 0) if c == j else 0)
                for c in range(k)
            ]
            z = [scale(c, j) * (mpf(float(logits[c, j])) + b[c]) + offset[c] for c in range(k)]
            high = max(z)
            partition = high + mpmath.log(mpmath.fsum(mpmath.exp(x - high) for x in z))
            loss += weight * mpmath.fsum(
                x * (partition - y) for x, y in zip(target, z, strict=True)
            )
            share = [mpmath.exp(x - partition) for x in z]
            shares.append((weight, target, share))
            offsets.append(offset)
            for c in range(k):
                Z[c, j] = mpf(float(logits[c, j])) * mpmath.sqrt(mpf(float(w[j])))
                slope = weight * scale(c, j) * (share[c] - target[c])
                G[c, j] = slope / mpmath.sqrt(mpf(float(w[j])))
                pull[c] += slope
        primal = loss + ridge * mpmath.fsum(singular_values(Z))
        norm = max(singular_values(G))
        s = min(mpf(1), ridge / norm) if norm else mpf(1)
        dual = mpf(0)
        for (weight, target, share), offset in zip(shares, offsets, strict=True):
            q = [(1 - s) * x + s * y for x, y in zip(target, share, strict=True)]
            dual += weight * mpmath.fsum(
                (x - y) * o - (x * mpmath.log(x) if x > 0 else 0)
                for x, y, o in zip(q, target, offset, strict=True)
            )
        if not isinstance(problem.bias, str):
            beta = mpf(problem.bias)
            primal += beta / 2 * mpmath.fsum(x**2 for x in b)
            dual -= s**2 * mpmath.fsum(x**2 for x in pull) / (2 * beta)
        elif problem.bias == "free":
            dual -= s * mpmath.fsum(abs(x) * (1 + 2 * abs(y)) for x, y in zip(pull, b, strict=True))
        return primal, dual


def _frames(error: BaseException) -> list[str]:
    return [
        f"{Path(frame.filename).name}: {frame.name}"
        for frame in traceback.extract_tb(error.__traceback__)
    ]


def outcome(seed: int, case: int) -> dict[str, Any]:
    """Solve a case and judge the answer; what is to be told of it."""
    begin, problem = time.process_time(), random_problem(seed, case)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            solution = solve.minimize(problem, tolerance=TOLERANCE)
    except Exception as error:  # every exception is a finding
        return {
            "case": case,
            "status": "exception",
            "what": f"{type(error).__name__}: {error}",
            "where": _frames(error),
        }
    certificate = solution.certificate
    # Scales drawn apart by up to a hundred, with shifts and margins, are harder than any loss that
    # has a name.
    named = (
        problem.counts is None
        or problem.adjustment.scale is None
        or problem.adjustment.weight is None
    )
    told = {
        "case": case,
        "named": named,
        "status": solution.status.name,
        "gap": certificate.relative_gap,
        "seconds": time.process_time() - begin,
    }
    if problem.k > EXACT:
        return told
    # The certificate is of the bias that was found, which is not about its mean.
    found = solution.reduced.groups.expand(solution.point.bias)
    bias = found if solution.reduced.biased else None
    primal, dual = exact_bounds(problem, solution.logits.matrix(), bias)
    off = max(
        abs(float(certificate.primal / primal - 1)), abs(float((certificate.dual - dual) / primal))
    )
    gap = float((primal - dual) / primal)
    told |= {"digits": off, "rounding": certificate.rounding, "gap in 50 digits": gap}
    claimed = solution.status in (solve.Status.OPTIMAL, solve.Status.ZERO)
    if off > certificate.rounding or gap < -certificate.rounding or (claimed and gap > TOLERANCE):
        told["wrong"] = True
    return told


@dataclass(frozen=True)
class Campaign:
    """Random problems for the solver."""

    cases: int = 10_000
    """problems to solve"""
    seed: int = 0
    """of all of them"""
    out: Path = RECORD
    """the record; what it already holds for this seed is kept"""

    def run(self) -> None:
        """Run the cases that are missing and write the record after each hundred."""
        kept = json.loads(self.out.read_text()) if self.out.exists() else {}
        if kept.get("seed") != self.seed:
            kept = {}
        done, findings = kept.get("cases", 0), kept.get("findings", [])
        tally, exact = Counter(kept.get("statuses", {})), kept.get("in 50 digits", 0)
        named = kept.get("of losses with a name", 0)
        seconds = kept.get("seconds", 0.0)
        for case in track(range(done, self.cases), description="solving"):
            told = outcome(self.seed, case)
            tally[told["status"]] += 1
            exact += "digits" in told
            named += bool(told.get("named"))
            seconds += told.get("seconds", 0.0)
            if told["status"] in ("exception", "INEXACT") or told.get("wrong"):
                findings.append(told)
            if case % 100 == 99 or case == self.cases - 1:
                self._write(case + 1, dict(tally), exact, named, seconds, findings)

    def _write(
        self,
        done: int,
        tally: dict[str, int],
        exact: int,
        named: int,
        seconds: float,
        findings: list[dict[str, Any]],
    ) -> None:
        inexact = [told for told in findings if told["status"] == "INEXACT"]
        record = {
            "seed": self.seed,
            "cases": done,
            "tolerance": TOLERANCE,
            "statuses": tally,
            "in 50 digits": exact,
            "wrong numbers": sum(bool(told.get("wrong")) for told in findings),
            "exceptions": tally.get("exception", 0),
            "of losses with a name": named,
            "inexact share": len(inexact) / done,
            "inexact share of losses with a name": sum(told["named"] for told in inexact)
            / max(named, 1),
            "seconds": round(seconds, 1),
            "findings": findings,
            "versions": {name: version(name) for name in ("lopsided", "numpy", "scipy", "mpmath")},
        }
        self.out.parent.mkdir(parents=True, exist_ok=True)
        self.out.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    tyro.cli(Campaign).run()
