"""Training paths: what first-order methods do on the unconstrained-features model, step by step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from lopsided.arrays import Floats, require_noun, require_number, require_whole
from lopsided.geometry import Geometry
from lopsided.gram import LONGEST
from lopsided.numbering import require_one_order
from lopsided.problem import Problem, require_problem
from lopsided.solve.descend.objective import MeanObjective
from lopsided.solve.descend.optimizers import DIRECTIONS, Optimizer
from lopsided.solve.descend.trajectory import Trajectory
from lopsided.solve.minimize import minimize


class State(NamedTuple):
    """Where a descent is.

    Attributes:
        step: steps behind.
        W: (k, d) classifiers.
        H: (n, d) features; (k, d) class means for full batches.
        memory: the optimiser's running averages.
        log_loss: logarithm of the mean objective before the last step, finite also where the
            objective itself is below the smallest float; NaN at the start.
    """

    step: int
    W: Floats
    H: Floats
    memory: tuple[Floats, ...]
    log_loss: float


def descent(
    problem: Problem, optimizer: Optimizer, steps: int, seed: int = 0, *, size: float = 1e-2
) -> Iterator[State]:
    """Yield where a method is after each step; arguments and errors as in `train`.

    Example:
        >>> from lopsided import Counts
        >>> problem = Problem(Counts([10, 10, 1, 1]), ridge=0.0)
        >>> *_, end = descent(problem, Optimizer("normalized", rate=9.0), steps=3000)
        >>> end.log_loss < -1000  # far below the logarithm of the smallest float
        True
    """
    mean = _mean(problem, optimizer, steps, seed)
    return _steps(mean, optimizer, _begin(mean, seed, size), steps, seed)


def train(
    problem: Problem,
    optimizer: Optimizer,
    steps: int,
    seed: int = 0,
    *,
    size: float = 1e-2,
    reference: Geometry | None = None,
    resume: Trajectory | None = None,
) -> Trajectory:
    """Train the model and record its path.

    Args:
        problem: cross-entropy on labels, free features, one layer, no bias; its width is the
            feature dimensions, by default k.
        optimizer: the method.
        steps: steps in all, those before `resume` included.
        seed: of initialisation and batches; the same seed gives the same path, resumed or not.
        size: standard deviation of the initial entries; positive.
        reference: what distances are measured to; by default the problem's own limit of a vanishing
            ridge. A path is resumed with its own.
        resume: a path of the same problem and optimiser to go on from.

    Returns:
        The path.

    Raises:
        TypeError: if it is no problem, the optimiser or the size none, or the reference no
            geometry.
        ValueError: for a problem of another kind, steps or a seed that are no whole number of at
            least 0, a size that is not positive, fewer steps than are behind, a path of other
            settings or distances, a reference that has the problem's classes in another order, or a
            width that the limit does not fit and no reference.
        FloatingPointError: if the loss becomes infinite, or a weight beyond 1e140; the step is
            named.

    Example:
        >>> from lopsided import Counts
        >>> problem = Problem(Counts([10, 10, 1, 1]), ridge=0.0)
        >>> path = train(problem, Optimizer("normalized", rate=1.0), steps=1000)
        >>> bool(path.distances[-1].max() < path.distances[1].max() / 3)
        True
    """
    mean = _mean(problem, optimizer, steps, seed)
    if resume is not None:
        require_noun(resume, Trajectory, "resume", "train returns one")
    if resume is not None and (
        (resume.optimizer, resume.seed) != (optimizer, seed) or steps < resume.steps[-1]
    ):
        raise ValueError(
            "resume a path with its own optimizer, its own seed and at least as many steps"
        )
    if not isinstance(reference, Geometry | None):
        raise TypeError(f"distances are to a Geometry, got {type(reference).__name__}")
    goal = (_limit(problem) if reference is None else reference).about_mean()
    require_one_order("the reference", mean.counts, goal.counts)
    if resume is None:
        begin = _begin(mean, seed, size)
        rows = [(0, *mean.observe(begin.W, begin.H, goal))]
    else:
        _require_own(mean, resume, goal)
        done = int(resume.steps[-1])
        begin = State(done, resume.W.copy(), resume.H.copy(), resume.memory, np.nan)
        rows = list(
            zip(resume.steps, resume.loss, resume.gap, resume.norms, resume.distances, strict=True)
        )
        if done < steps and done not in _recorded(done):
            rows.pop()
    record = _recorded(steps) | {steps}
    end = begin
    for end in _steps(mean, optimizer, begin, steps, seed):
        if end.step in record:
            with np.errstate(over="ignore", under="ignore", invalid="ignore"):
                value = mean.loss(end.W, end.H)
            _require_bounded(value, end, optimizer)
            rows.append((end.step, *mean.observe(end.W, end.H, goal)))
    at, loss, gap, norms, distances = zip(*rows, strict=True)
    columns = (np.array(at), np.array(loss), np.array(gap), np.array(norms), np.array(distances))
    return Trajectory(optimizer, int(seed), *columns, end.W, end.H, end.memory)


def _limit(problem: Problem) -> Geometry:
    """Return the limit of a vanishing ridge, which a width below its rank does not reach."""
    limit = minimize(replace(problem, ridge=0.0, width=None))
    if problem.width is not None and problem.width < limit.rank:
        raise ValueError(
            f"the limit of a vanishing ridge, to which distances are by default, needs width"
            f" {limit.rank}, got {problem.width}; give a reference"
        )
    return limit.geometry


def _mean(problem: Problem, optimizer: Optimizer, steps: int, seed: int) -> MeanObjective:
    require_problem(problem)
    others = {
        "soft targets": problem.counts is None or problem.targets.smoothing > 0,
        "a loss that is no cross-entropy": problem.adjustment is None,
        "a bias": problem.bias != "none",
        "features that are not free": problem.features != "free",
        "several layers": problem.layers != 1,
    }
    if given := [name for name, there in others.items() if there]:
        raise ValueError(
            "training paths are those of cross-entropy on class labels, with free features under"
            f" one layer without a bias, got {' and '.join(given)}; solve.minimize takes soft"
            " targets and biases"
        )
    for name, number in (("steps", steps), ("seed", seed)):
        require_whole(name, number, 0)
    if not isinstance(optimizer, Optimizer):
        raise TypeError(
            f"a path needs an Optimizer, got {optimizer!r}; make one: Optimizer(name, rate)"
        )
    return MeanObjective(problem, optimizer.batch)


def _require_own(mean: MeanObjective, resume: Trajectory, goal: Geometry) -> None:
    """Refuse a path of another problem, in which its last classifiers and features have another
    loss, and one to another reference, whose distances would go on as those to this one.

    Raises:
        ValueError: naming both.
    """
    fits = resume.W.shape == mean.shapes[0] and resume.H.shape == mean.shapes[1]
    loss = mean.loss(resume.W, resume.H) if fits else np.nan
    if not np.isclose(loss, resume.loss[-1], rtol=1e-6, atol=0.0):
        found = f"a loss of {loss:.9g}" if fits else "other shapes"
        raise ValueError(
            f"resume a path of the same problem: this one ended at a loss of {resume.loss[-1]:.9g},"
            f" where this problem has {found}"
        )
    *_, apart = mean.observe(resume.W, resume.H, goal)
    if not np.allclose(apart, resume.distances[-1], rtol=0.0, atol=1e-6, equal_nan=True):
        ended, now = (
            ", ".join(f"{value:.6g}" for value in row) for row in (resume.distances[-1], apart)
        )
        raise ValueError(
            f"resume a path with its own problem and reference: this one ended at distances of"
            f" {ended}, which here are {now}"
        )


def _begin(mean: MeanObjective, seed: int, size: float) -> State:
    if not 0 < require_number(size, "size") < np.inf:  # at zero every slope is zero
        raise ValueError(f"size must be a positive finite number, got {size}")
    W, H = mean.begin(seed, size)
    return State(0, W, H, (np.zeros_like(W), np.zeros_like(H)) * 2, np.nan)


def _steps(
    mean: MeanObjective, optimizer: Optimizer, state: State, steps: int, seed: int
) -> Iterator[State]:
    for step in range(state.step + 1, steps + 1):
        _, W, H, memory, _ = state
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            slope = mean.slope(W, H, memory, step, seed, lift=optimizer.name == "normalized")
            _require_bounded(slope.loss, state, optimizer)
            (down, sideways), memory = DIRECTIONS[optimizer.name](optimizer, slope)
            W, H = W - optimizer.rate * down, H - optimizer.rate * sideways
        state = State(step, W, H, memory, slope.log_loss)
        yield state


def _require_bounded(loss: float, state: State, optimizer: Optimizer) -> None:
    """Refuse to go on where the loss, or the squares of the factors, leave float64.

    Raises:
        FloatingPointError: naming the step.
    """
    largest = max(float(np.abs(part).max()) for part in (state.W, state.H))
    if not np.isfinite(loss) or largest > LONGEST:
        raise FloatingPointError(
            f"after step {state.step} the loss is {loss:.3g} and the largest weight {largest:.3g};"
            f" lower the rate of {optimizer.name}"
        )


def _recorded(steps: int) -> set[int]:
    """Return the steps that are recorded, eight a decade, whatever the last one is."""
    # One more than fits below: 10 ** (4 / 8) is above 3, to which it is rounded.
    count = int(8 * np.log10(max(steps, 1))) + 2
    return {0} | {round(10 ** (i / 8)) for i in range(count)} & set(range(steps + 1))
