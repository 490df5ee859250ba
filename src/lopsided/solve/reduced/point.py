"""Point: values of the reduced variables, and the loss at their margins."""

from __future__ import annotations

from typing import NamedTuple

from lopsided.arrays import Floats


class Point(NamedTuple):
    """Values of the variables, or a gradient with respect to them.

    Attributes:
        across: (p, m) matrix Y; p rows of groups or classes, m columns of groups or contexts.
        within: (g,) s_j of the groups of at least two classes.
        bias: (p,) bias of each row.
    """

    across: Floats
    within: Floats
    bias: Floats


class Fit(NamedTuple):
    """The loss at some margins.

    Attributes:
        value: the sum over all samples.
        shares: (p, m) softmax mass of each cell, all copies together.
        residual: (p, m) derivative of the loss by the margins.
    """

    value: float
    shares: Floats
    residual: Floats
