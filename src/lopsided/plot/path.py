"""Figures of the solver: the path of optima over ridges, and training paths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce

import numpy as np
from matplotlib.axes import Axes

from lopsided.arrays import require_noun
from lopsided.geometry import Geometry
from lopsided.naming import tight
from lopsided.plot.style import (
    FAINT,
    GREY,
    INK,
    MAJORITY,
    MIDDLE,
    MINORITY,
    legible,
    on_axes,
    shades,
)
from lopsided.solve import Solution, Trajectory

_COLOURS = (MAJORITY, MINORITY, MIDDLE, "#7b4b94", INK, "#b03060", GREY)


def ridge_path(
    solutions: Sequence[Solution], ax: Axes | None = None, goal: Geometry | None = None
) -> Axes:
    """Draw the norms of the classifiers against the ridge, one line for classes that are alike at
    every ridge, or with a goal the distances to it.

    Args:
        solutions: of one problem at several ridges, as `solve.path` returns them, in any order.
        ax: to draw on; by default new ones.
        goal: the geometry to measure distances to.

    Returns:
        The axes.

    Raises:
        TypeError: if a solution is none.
        ValueError: if there is no solution, or one is at ridge 0, which has no place on the axis.
    """
    for solution in solutions:
        require_noun(solution, Solution, "each point of a path", "solve.path returns them")
    ridges = np.array([s.problem.ridge for s in solutions])
    if not ridges.all() or not len(ridges):
        raise ValueError(
            f"a path is of solutions at positive ridges, got"
            f" {', '.join(f'{ridge:g}' for ridge in ridges) or 'none'}; give the limit of ridge 0"
            " as the goal"
        )
    order = np.argsort(-ridges, kind="stable")  # lest a line go back and forth
    ridges, solutions = ridges[order], [solutions[i] for i in order]
    ax = on_axes(ax)
    if goal is not None:
        rows = np.array([s.geometry.distance(goal) for s in solutions])
        for name, values, colour in zip(
            ("classifiers", "embeddings", "logits"), rows.T, shades(3, _COLOURS), strict=True
        ):
            ax.plot(ridges, values, color=colour, lw=1.8, label=name)
        ax.set_ylabel(f"distance to {tight([goal.source.name], 40)}", parse_math=False)
        ax.set_ylim(bottom=0)
    else:
        counts = solutions[0].problem.counts
        # Classes that are alike at every ridge: in a narrow network those of one count need not be.
        groups = reduce(
            lambda alike, one: alike.join(one.geometry.classifiers.groups)[0],
            solutions,
            solutions[0].geometry.classifiers.groups,
        )
        first = groups.first
        norms = np.array([s.geometry.classifiers.norms()[first] for s in solutions])
        names = (
            [
                f"class {c}" + (f" +{size - 1:,}" if size > 1 else "")
                for c, size in zip(first, groups.sizes, strict=True)
            ]
            if counts is None or counts.names is None
            else [tight(called) for called in counts.called_by_group(groups)]
        )
        few = len(first) <= len(_COLOURS)
        ends = {0, len(first) // 2, len(first) - 1}
        for i, (values, colour) in enumerate(
            zip(norms.T, shades(len(first), _COLOURS), strict=True)
        ):
            # Dollars in the name of a class are no mathematics.
            label = legible(names[i].replace("$", r"\$")) if few or i in ends else None
            ax.plot(ridges, values, color=colour, lw=1.8, label=label, zorder=2)
        ax.set_ylabel("norm of the classifier")
    ax.set_xscale("log")
    ax.invert_xaxis()
    ax.set_xlabel("ridge")
    ax.grid(axis="y", lw=0.4, color=FAINT)
    ax.legend(frameon=False)
    return ax


def training_paths(paths: Mapping[str, Trajectory], ax: Axes | None = None, part: int = 0) -> Axes:
    """Draw distance against steps for several optimisers.

    Args:
        paths: name -> path.
        ax: to draw on; by default new ones.
        part: which distance: 0 classifiers, 1 class means, 2 logits.

    Returns:
        The axes.

    Raises:
        TypeError: if the paths have no names.
        ValueError: if `part` is none of these.
    """
    require_noun(paths, Mapping, "paths", "give each a name")
    if part not in (0, 1, 2):
        raise ValueError(f"part must be 0 (classifiers), 1 (class means) or 2 (logits), got {part}")
    ax = on_axes(ax)
    for (name, path), colour in zip(paths.items(), shades(len(paths), _COLOURS), strict=True):
        ax.plot(path.steps[1:], path.distances[1:, part], color=colour, lw=1.8, label=legible(name))
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel("step")
    ax.set_ylabel(f"distance of {('classifiers', 'class means', 'logits')[part]} to the reference")
    ax.grid(axis="y", lw=0.4, color=FAINT)
    ax.legend(frameon=False)
    return ax
