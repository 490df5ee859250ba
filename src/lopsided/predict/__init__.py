"""Predict: the optimum of a problem in closed form.

`FORMS` lists every closed form, each a file in `forms/`: it says on which problems it speaks, and
what their optimum is. `geometry` asks them in turn. Beside them stand functions by the names that
papers use: `seli(counts)`, `etf(k)`, `squared(counts, ridge)`, and systems that are no optimum of a
`Problem`: codes, contextures, prototypes. Class counts may come in any form that `Counts.of`
takes.
"""

from __future__ import annotations

from lopsided.geometry import Geometry
from lopsided.predict.anchored import Contraction, contraction
from lopsided.predict.centers import multiple_centers
from lopsided.predict.codes import code_bounds, softmax_code
from lopsided.predict.compositional import compositional
from lopsided.predict.contexture import contexture
from lopsided.predict.form import Form
from lopsided.predict.forms import FORMS
from lopsided.predict.forms.balanced import balanced
from lopsided.predict.forms.contrastive import Contrastive, contrastive
from lopsided.predict.forms.cross_entropy import cross_entropy
from lopsided.predict.forms.etf import etf
from lopsided.predict.forms.free_bias import free_bias
from lopsided.predict.forms.label_sets import label_sets
from lopsided.predict.forms.nonnegative import nonnegative
from lopsided.predict.forms.regression import regression
from lopsided.predict.forms.seli import seli
from lopsided.predict.forms.spectral_contrastive import spectral_contrastive
from lopsided.predict.forms.squared import squared, squared_threshold
from lopsided.predict.forms.supports import Exactness, exactness, supports
from lopsided.predict.graph import GraphSolution, graph_solution
from lopsided.predict.kernels import nngp, ntk
from lopsided.predict.optimality import Optimality, certificate
from lopsided.predict.prototypes import prototype_means
from lopsided.predict.regression_error import regression_error
from lopsided.predict.spectra import layer_spectrum
from lopsided.predict.step import StepLimit, step, step_limit
from lopsided.predict.thresholds import minority_collapse_ridge
from lopsided.predict.uniform import uniform_energy
from lopsided.problem import Problem, require_problem


class NoFormError(ValueError):
    """No closed form speaks of a problem."""


def geometry(problem: Problem) -> Geometry:
    """Return the optimum of a problem by the first closed form that speaks of it.

    Raises:
        NoFormError: a ValueError, with every form's reason why not.

    Example:
        >>> from lopsided import Counts
        >>> geometry(Problem(Counts([50, 5]), ridge=0.0)).source.name
        'SELI'
    """
    require_problem(problem)
    reasons = {}
    for name, form in FORMS.items():
        if not (reason := form.speaks(problem)):
            return form.geometry(problem)
        reasons[name] = reason
    raise NoFormError(
        "no closed form speaks of this problem: "
        + "; ".join(f"{name}: {why}" for name, why in reasons.items())
    )


__all__ = [
    "FORMS",
    "Contraction",
    "Contrastive",
    "Exactness",
    "Form",
    "GraphSolution",
    "NoFormError",
    "Optimality",
    "StepLimit",
    "balanced",
    "certificate",
    "code_bounds",
    "compositional",
    "contexture",
    "contraction",
    "contrastive",
    "cross_entropy",
    "etf",
    "exactness",
    "free_bias",
    "geometry",
    "graph_solution",
    "label_sets",
    "layer_spectrum",
    "minority_collapse_ridge",
    "multiple_centers",
    "nngp",
    "nonnegative",
    "ntk",
    "prototype_means",
    "regression",
    "regression_error",
    "seli",
    "softmax_code",
    "spectral_contrastive",
    "squared",
    "squared_threshold",
    "step",
    "step_limit",
    "supports",
    "uniform_energy",
]
