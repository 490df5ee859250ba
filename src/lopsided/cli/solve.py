"""lopsided solve."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Optional

from lopsided.cli.classes import Classes
from lopsided.cli.loss import LossOptions
from lopsided.cli.output import print_csv, print_json, require_one_form, require_picture

if TYPE_CHECKING:
    from lopsided.geometry import Geometry
    from lopsided.solve import Problem, Solution

_POINTS = 17


@dataclass(frozen=True)
class Solve:
    """Solve the unconstrained-features model to its global optimum, with a proof."""

    classes: Classes
    loss: LossOptions
    ridge: Optional[float] = None
    """ridge on classifiers and features of the summed loss; 0 for the limit of a vanishing ridge"""
    weight_decay: Optional[float] = None
    """instead of --ridge: weight decay of a mean loss, on classifiers and features; a number given
    as --bias is a ridge of the summed loss all the same, the samples times the decay"""
    width: Optional[int] = None
    """feature dimensions; as many as the optimum wants if not given"""
    starts: Optional[int] = None
    """local minima compared where the width is too small for a proof; more find better"""
    path: bool = False
    """solve a path of ridges down from where the optimum is zero"""
    json: bool = False
    """print JSON"""
    csv: bool = False
    """print CSV, a row a class, or with --path a row a ridge"""
    plot: Optional[Path] = None
    """write a figure of the path (svg, png or pdf)"""

    def run(self) -> None:
        """Print the optimum, or the path."""
        import numpy as np

        from lopsided import solve
        from lopsided.cli import solved

        if self.starts is not None and self.width is None:
            raise ValueError("--starts compares optima of a narrow network, add --width")
        if self.starts is not None and self.path:
            raise ValueError("--starts compares optima at one ridge, leave out --path or --starts")
        require_one_form(self.json, self.csv)
        if self.plot is not None and not self.path:
            raise ValueError("--plot draws a path of ridges, add --path")
        require_picture(self.plot, [self.classes.file])
        problem = self._problem()
        limit = solved.limit_of(problem)
        if not self.path:
            self._tell(solve.minimize(problem, starts=self.starts), limit)
            return
        top = solve.largest_ridge(problem)
        solutions = solve.path(problem, np.geomspace(0.99 * top, 1e-8 * top, _POINTS).tolist())
        if self.json:
            rows = [solved.summary(solution, limit) for solution in solutions]
            print_json("solve-path", {"solutions": rows})
        elif self.csv:
            print_csv([solved.flat(solved.summary(solution, limit)) for solution in solutions])
        else:
            solved.print_path(solutions, limit)
        if self.plot is not None:
            from matplotlib.figure import Figure

            from lopsided.plot import ridge_path, save

            figure = Figure(figsize=(5.2, 3.4), layout="constrained")
            axes = ridge_path(solutions, figure.subplots(), limit)
            if limit is not None:
                axes.set_ylabel("distance to the limit of a vanishing ridge")
            save(figure, self.plot)

    def _tell(self, solution: Solution, limit: Geometry | None) -> None:
        from lopsided.cli import solved

        if self.csv:
            print_csv(solution.to_records())
        elif self.json:
            print_json("solve", solved.summary(solution, limit))
        else:
            solved.print_one(solution, limit)

    def _problem(self) -> Problem:
        from lopsided import solve

        counts = self.classes.resolve()
        if [self.ridge is not None, self.weight_decay is not None, self.path].count(True) != 1:
            raise ValueError("give one of --ridge, --weight-decay, and --path for all ridges")
        bias, (_, adjustment) = self.loss.of_bias(), self.loss.adjustment(counts)
        if self.weight_decay is not None:
            decay = self.weight_decay
            return solve.Problem.from_weight_decay(
                counts, decay, decay, adjustment, bias=bias, width=self.width
            )
        return solve.Problem(
            counts,
            adjustment,
            ridge=1.0 if self.ridge is None else self.ridge,
            bias=bias,
            width=self.width,
        )
