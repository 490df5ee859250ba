"""Problem: what is to be minimised.

The unconstrained-features model (UFM) lets the features of n samples move freely. In the *sum*
normalisation used throughout, with weight matrices W_L .. W_1, an embedding h_j for each kind of
sample and w_j samples of it,

    F = sum_j w_j loss(W_L .. W_1 h_j + b, t_j) + ridge/2 (sum_l ||W_l||^2 + sum_j w_j ||h_j||^2) [+
    beta/2 ||b||^2]

Over feature dimensions d >= k - 1 and one layer its minimum is convex in the logits Z (k x m), with
N = diag(w_j):

    min over Z of sum_j w_j loss(z_j, t_j) + ridge ||Z N^{1/2}||_*        (nuclear norm: sum of the
    singular values)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from lopsided.adjustment import Adjustment
from lopsided.arrays import Floats, require_noun, require_number
from lopsided.counts import Counts, CountsLike
from lopsided.loss import CrossEntropy, Loss
from lopsided.objective import Objective, objective
from lopsided.targets import Targets

Bias = Literal["none", "free"] | float
#: Where embeddings may be: anywhere, at no negative coordinates (behind a ReLU), on the unit
#: sphere, or both of these.
Features = Literal["free", "nonnegative", "unit", "unit-nonnegative"]


#: The least ridge on a bias.
LEAST_BIAS = 1e-9


@dataclass(frozen=True, eq=False)
class Problem:
    """An unconstrained-features model: targets x loss x features x ridge.

    Attributes:
        targets: what is asked of the logits; class counts stand for the targets of classes.
        loss: of logits against targets; an `Adjustment` stands for its cross-entropy.
        ridge: factor of the ridge on every weight matrix and on the embeddings, sum normalisation;
            0: the hard-margin limit.
        bias: "none", "free", or the factor of a ridge on the bias.
        features: where embeddings may be.
        layers: L, linear layers above the features.
        width: feature dimensions d; None is as many as the optimum wants.

    Raises:
        ValueError: if a number is out of range, or the loss means nothing for the targets.
        TypeError: if targets or loss are of another type.

    Example:
        >>> Problem(Counts([50, 50, 5, 5]), ridge=1e-3).k
        4
    """

    targets: Targets
    loss: Loss = field(default_factory=CrossEntropy)
    ridge: float = field(kw_only=True)
    bias: Bias = field(default="none", kw_only=True)
    features: Features = field(default="free", kw_only=True)
    layers: int = field(default=1, kw_only=True)
    width: int | None = field(default=None, kw_only=True)

    if TYPE_CHECKING:  # the fields hold nouns, the door takes what stands for them

        def __init__(
            self,
            targets: Targets | CountsLike,
            loss: Loss | Adjustment | None = None,
            *,
            ridge: float,
            bias: Bias = "none",
            features: Features = "free",
            layers: int = 1,
            width: int | None = None,
        ) -> None: ...

    def __post_init__(self) -> None:
        object.__setattr__(self, "targets", Targets.of(self.targets))
        for name in ("ridge", "bias", "layers", "width"):
            object.__setattr__(self, name, _alone(getattr(self, name)))
        loss: Loss | Adjustment | None = self.loss
        if loss is None or isinstance(loss, Adjustment):
            object.__setattr__(self, "loss", CrossEntropy(loss or Adjustment()))
        if isinstance(self.loss, type) or not hasattr(self.loss, "refuses"):
            raise TypeError(
                f"loss must be CrossEntropy(), Squared() or an Adjustment, got {self.loss!r}"
            )
        if not _is_number(self.ridge) or not 0 <= self.ridge < np.inf:
            raise ValueError(f"ridge must be a finite number of at least 0, got {self.ridge!r}")
        if isinstance(self.bias, str):
            if self.bias not in ("none", "free"):
                raise ValueError(
                    f'bias must be "none", "free" or the factor of its ridge, got {self.bias!r}'
                )
        elif not _is_number(self.bias) or not LEAST_BIAS <= self.bias < np.inf:
            raise ValueError(
                'the bias must be "none", "free" or the factor of its ridge, a finite number of at'
                f' least {LEAST_BIAS:g} (of less, "free" is the limit), got'
                f" {self.bias!r}"
            )
        if self.features not in get_args(Features):
            raise ValueError(
                f"features must be one of {', '.join(get_args(Features))}, got {self.features!r}"
            )
        for name, value in (
            ("layers", self.layers),
            ("width", 1 if self.width is None else self.width),
        ):
            if not _is_number(value) or not 1 <= value < np.inf or value != int(value):
                raise ValueError(f"{name} must be a whole number of at least 1, got {value!r}")
        self._set_numbers()
        if reason := self.loss.refuses(self.targets):
            raise ValueError(reason)
        if self.counts is not None and self.adjustment is not None:
            self.adjustment.resolve(self.counts)

    def _set_numbers(self) -> None:
        """Keep plain numbers: one of a narrow type would round all that it is multiplied with."""
        object.__setattr__(self, "ridge", float(self.ridge))
        if not isinstance(self.bias, str):
            object.__setattr__(self, "bias", float(self.bias))
        object.__setattr__(self, "layers", int(self.layers))
        if self.width is not None:
            object.__setattr__(self, "width", int(self.width))

    @classmethod
    def from_weight_decay(
        cls,
        counts: CountsLike,
        lambda_w: float,
        lambda_h: float,
        adjustment: Adjustment | None = None,
        bias: Bias = "none",
        width: int | None = None,
    ) -> Problem:
        """Return the problem of a *mean* loss with weight decay on classifiers and on features.

        (1/n) sum_i loss_i + lambda_w/2 ||W||^2 + lambda_h/2 ||H||^2, times n, has the ridges n
        lambda_w and n lambda_h. Scaling W by (lambda_h / lambda_w)^{1/4} and H by its inverse
        leaves the logits and makes both equal ridge = n sqrt(lambda_w lambda_h). So with 1,000
        samples and weight decay 5e-4 on both, the ridge is 1000 * 5e-4 = 0.5. A ridge on the bias
        is in the sum normalisation: n times the decay of a mean loss.

        Raises:
            ValueError: if a decay is not positive and finite.

        Example:
            >>> Problem.from_weight_decay(Counts([500, 500]), 5e-4, 5e-4).ridge
            0.5
        """
        for name, decay in (("lambda_w", lambda_w), ("lambda_h", lambda_h)):
            if not 0 < require_number(decay, name) < np.inf:
                raise ValueError(f"{name} must be a positive finite number, got {decay}")
        counts = Counts.of(counts)
        return cls(
            counts,
            adjustment,
            ridge=counts.n * float(np.sqrt(float(lambda_w)) * np.sqrt(float(lambda_h))),
            bias=bias,
            width=width,
        )

    @classmethod
    def of_targets(
        cls,
        targets: npt.ArrayLike,
        weights: npt.ArrayLike | None = None,
        *,
        ridge: float,
        bias: Bias = "none",
        width: int | None = None,
    ) -> Problem:
        """Return the problem of soft labels; the arguments of `Targets.contexts`, then those of
        `Problem`.

        Raises:
            ValueError: as in `Targets.contexts`.

        Example:
            >>> Problem.of_targets([[1.0, 0.5, 0.0], [0.0, 0.5, 1.0]], [3, 2, 1], ridge=0.1).k
            2
        """
        return cls(Targets.contexts(targets, weights), ridge=ridge, bias=bias, width=width)

    @property
    def k(self) -> int:
        """Number of classes."""
        return self.targets.k

    @property
    def counts(self) -> Counts | None:
        """The class counts, where the kinds of samples are classes."""
        return self.targets.counts

    @property
    def adjustment(self) -> Adjustment | None:
        """Of the cross-entropy; None for another loss."""
        return self.loss.adjustment if isinstance(self.loss, CrossEntropy) else None

    def at(self, ridge: float) -> Problem:
        """Return this problem at another ridge."""
        return replace(self, ridge=ridge)

    def objective(
        self, layers: Sequence[Floats], embeddings: Floats, bias: Floats | None = None
    ) -> Objective:
        """Return the objective of explicit factors, and its derivatives.

        Args:
            layers: W_L, .., W_1; the first has k rows, each next as many rows as the one before has
                columns.
            embeddings: (m, d), one row a kind of sample.
            bias: (k,); None for zero.

        Raises:
            ValueError: if there are more or fewer matrices than layers, shapes do not fit, or there
                is a bias where the problem has none.
            TypeError: if factors are no real numbers.
        """
        if len(layers) != self.layers:
            raise ValueError(
                f"layers must be the {self.layers} weight matrices of this problem, got"
                f" {len(layers)}"
            )
        if bias is not None and self.bias == "none" and np.any(bias):
            raise ValueError("this problem has no bias, got one")
        beta = 0.0 if isinstance(self.bias, str) else self.bias
        found = objective(
            self.loss,
            self.targets,
            (self.ridge, beta),
            layers,
            embeddings,
            np.zeros(self.k) if bias is None else bias,
        )
        return found._replace(bias=np.zeros(self.k)) if self.bias == "none" else found


def require_problem(problem: object) -> None:
    """Refuse what is no problem, such as class counts alone, which say neither loss nor ridge.

    Raises:
        TypeError: naming what it is.
    """
    require_noun(
        problem,
        Problem,
        "the problem",
        "Problem(counts, ridge=0.0) is that of class counts in the limit of a vanishing ridge",
    )


def _alone(value: Any) -> Any:
    """Return the number that an array or a tensor without axes holds; all else as it is."""
    return value.item() if getattr(value, "ndim", None) == 0 else value


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
