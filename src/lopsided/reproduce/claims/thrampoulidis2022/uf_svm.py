"""Theorem 1: the minimisers of the unconstrained-features SVM follow the SELI geometry, whatever
the imbalance.

The claim is put to a conic solver that knows nothing of it. It minimises the convex form, the
nuclear norm of the logits under unit margins, at the level of classes (equal samples have equal
logits, by convexity); for small sets also sample by sample.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import numpy as np

from lopsided import predict
from lopsided.arrays import Floats, Ints
from lopsided.counts import Counts
from lopsided.geometry import Distances, Geometry, Source
from lopsided.report.blocks import Block, Table, drawn
from lopsided.reproduce.choices import Checked, Seed, Whole, require_balanced
from lopsided.reproduce.claim import Claim, Outcome, Run
from lopsided.reproduce.context import Context
from lopsided.reproduce.record import Verdict
from lopsided.reproduce.typed import Bounds
from lopsided.singular import svd

#: A conic solver's minimisers are SELI when they are closer than this.
_EQUAL = 1e-5


@dataclass(frozen=True)
class Settings(Checked):
    """Which class counts are tried.

    Attributes:
        ks: numbers of classes of the STEP profiles; half the classes are minorities, of three one
            is.
        ratios: R of the STEP profiles.
        random: number of profiles of random counts besides.
        seed: of the random counts.
    """

    ks: tuple[Annotated[int, Bounds(least=2, most=1000)], ...] = (3, 4, 10)
    ratios: tuple[Whole, ...] = (1, 5, 10, 100)
    random: Annotated[int, Bounds(least=0, most=10**4)] = 6
    seed: Seed = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        require_balanced(self.ratios)

    def profiles(self) -> list[Counts]:
        """Return the class counts; first two classes at R = 100."""
        steps = [
            Counts.step(k, 1, ratio, rho=(k // 2) / k) for k in self.ks for ratio in self.ratios
        ]
        rng = np.random.default_rng(self.seed)
        return [
            Counts([100, 1]),
            *steps,
            *(Counts(rng.integers(1, 200, rng.integers(3, 11))) for _ in range(self.random)),
        ]


@dataclass(frozen=True)
class Case:
    """One profile of class counts.

    Attributes:
        counts: the profile.
        distances: of the solver's minimiser to SELI.
        slack: the smallest entry of the dual certificate's B' * Z relative to the largest; positive
            proves that SELI is the only optimum.
        gap: relative duality gap of the certificate.
        sample_logits_error: largest error of logits solved for sample by sample, in small sets.
        to_etf: distances of SELI to the simplex ETF, of balanced classes.
        cosine: of the classifiers, of two classes.
    """

    counts: tuple[int, ...]
    distances: Distances
    slack: float
    gap: float
    sample_logits_error: float | None = None
    to_etf: Distances | None = None
    cosine: float | None = None


@dataclass(frozen=True)
class Numbers:
    """The profiles."""

    cases: tuple[Case, ...]


def conic(labels: Ints, weights: Floats, k: int) -> Floats:
    """Minimise ||Z diag(weights)^{1/2}||_* under Z[y_i, i] - Z[c, i] >= 1 for c != y_i, by a conic
    solver.

    Args:
        labels: (n,) label of each column.
        weights: (n,) how many samples each column stands for.
        k: number of classes.

    Returns:
        (k, n) logits.

    Raises:
        ImportError: if cvxpy is not installed.
        RuntimeError: if the solver fails.
    """
    try:
        cvxpy: Any = importlib.import_module("cvxpy")
    except ModuleNotFoundError as error:
        raise ImportError("this claim needs a conic solver: pip install cvxpy") from error
    n = len(labels)
    own = np.zeros((k, n))
    own[labels, np.arange(n)] = 1
    logits = cvxpy.Variable((k, n))
    margins = (
        np.ones((k, 1))
        @ cvxpy.reshape(cvxpy.sum(cvxpy.multiply(own, logits), axis=0), (1, n), order="C")
        - logits
    )
    problem = cvxpy.Problem(
        cvxpy.Minimize(cvxpy.normNuc(logits @ np.diag(np.sqrt(weights)))), [margins + own >= 1]
    )
    problem.solve(solver=cvxpy.CLARABEL)
    if logits.value is None:
        raise RuntimeError(f"the conic solver answered {problem.status}")
    return np.asarray(logits.value)


def geometry_of_logits(logits: Floats, counts: Counts) -> Geometry:
    """Return the geometry of the least-norm factors of class logits, from the SVD of X N^{1/2}."""
    root = np.sqrt(counts.values)
    left, values, right = svd(logits * root)
    kept = np.sqrt(values[: counts.k - 1])
    W, M = left[:, : counts.k - 1] * kept, (right[: counts.k - 1] / root).T * kept
    return Geometry.of_vectors(W, M, Source("UF-SVM", "conic solver"), counts)


def certificate(counts: Counts) -> tuple[float, float]:
    """Return slack and gap of the dual certificate B = U V' of the label matrix itself: the proof
    that SELI is optimal.
    """
    n, k = counts.values.astype(np.float64), counts.k
    left, values, right = svd((np.eye(k) - 1 / k) * np.sqrt(n))
    # Column c of the class-level matrix stands for n_c equal columns, each 1 / sqrt(n_c) of it.
    dual = (left[:, : k - 1] @ right[: k - 1]) / np.sqrt(n)
    signed = dual * np.where(np.eye(k, dtype=bool), 1, -1)
    value = float(np.sum(((np.eye(k) - 1 / k) * n) * dual))
    return float(signed.min() / signed.max()), abs(value / float(values.sum()) - 1)


def _case(counts: Counts) -> Case:
    predicted = predict.seli(counts)
    logits = conic(np.arange(counts.k), counts.values.astype(np.float64), counts.k)
    error = None
    if counts.n <= 30:
        labels = np.repeat(np.arange(counts.k), counts.values)
        singly = conic(labels, np.ones(counts.n), counts.k)
        error = float(np.abs(singly - predicted.logits.matrix()[:, labels]).max())
    return Case(
        tuple(counts.values.tolist()),
        geometry_of_logits(logits, counts).distance(predicted),
        *certificate(counts),
        error,
        predicted.distance(predict.etf(counts.k)) if counts.ratio == 1 else None,
        float(predicted.classifiers.cosine(0, 1)) if counts.k == 2 else None,
    )


def compute(settings: Settings, context: Context) -> Outcome[Numbers]:
    """Solve every profile and hold it against SELI."""
    cases, profiles = [], settings.profiles()
    for i, counts in enumerate(profiles):
        context.advance(i / len(profiles), f"conic solver, {counts!r}")
        cases.append(context.remember(f"case-{i}", Case, partial(_case, counts)))
    return Outcome(Numbers(tuple(cases)))


def judge(settings: Settings, numbers: Numbers) -> Verdict:
    """Hold when every minimiser is SELI to the solver's accuracy, every certificate is strict, and
    the special cases are right.
    """
    cases = numbers.cases
    worst = max(max(case.distances) for case in cases)
    singly = max(case.sample_logits_error or 0.0 for case in cases)
    slack, gap = min(case.slack for case in cases), max(case.gap for case in cases)
    etf = max((max(case.to_etf) for case in cases if case.to_etf is not None), default=0.0)
    antipodal = all(abs(case.cosine + 1) < 1e-12 for case in cases if case.cosine is not None)
    is_seli = worst < _EQUAL and singly < 10 * _EQUAL and slack > 0 and gap < 1e-10
    return Verdict(
        is_seli and etf < 1e-7 and antipodal,
        f"In {len(cases)} profiles of class counts the conic solver's minimiser is at most"
        f" {worst:.0e} from SELI, the dual certificate closes to {gap:.0e} and its sign condition"
        f" is {'strict' if slack > 0 else 'violated'} (smallest slack {slack:.2g}). Balanced"
        f" classes give the ETF to {etf:.0e}; two classes are"
        f" {'' if antipodal else 'not '}antipodal at any imbalance.",
    )


def show(runs: Sequence[Run[Settings, Numbers]]) -> list[Block]:
    """Return how far the solver's minimisers are from SELI."""
    from lopsided.reproduce.figures.lines import dots

    cases = runs[-1].numbers.cases
    series = {
        part: [case.distances[i] for case in cases]
        for i, part in enumerate(("classifiers", "class means", "logits"))
    }
    rows = [
        [
            _short(case.counts),
            *(f"{value:.0e}" for value in case.distances),
            f"{case.slack:.3f}",
            f"{case.gap:.0e}",
        ]
        for case in cases
    ]
    columns = ["class counts", "classifiers", "class means", "logits", "slack", "duality gap"]
    return [
        drawn(
            lambda ax: dots(series, ax, label="distance, solver to SELI"),
            "Distance of the conic solver's minimisers to SELI, for every profile",
            "Distance between the conic solver's minimiser and the closed form, one column a"
            " profile; what remains is the solver's tolerance.",
            (6.2, 2.6),
        ),
        Table(
            "Every profile; slack is that of the dual certificate's sign condition.", columns, rows
        ),
    ]


def _short(counts: Sequence[int]) -> str:
    runs = [(c, counts.count(c)) for c in sorted(set(counts), reverse=True)]
    return ", ".join(f"{many} × {c}" if many > 1 else str(c) for c, many in runs)


UF_SVM = Claim(
    name="uf-svm",
    title="The minimisers of the UF-SVM are SELI",
    statement=(
        "When features are free variables, the max-margin classifier and its features follow one"
        " geometry, SELI, for every imbalance: the logits are the centred labels, and classifiers"
        " and features are the factors of their singular value decomposition. Balanced classes give"
        " the simplex ETF, two classes antipodal vectors."
    ),
    source="Thrampoulidis et al. 2022, Theorem 1; counts beyond STEP: derived here",
    settings=Settings,
    numbers=Numbers,
    compute=compute,
    judge=judge,
    show=show,
)
