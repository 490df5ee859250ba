"""Solve: the global optimum of the unconstrained-features model at any ridge, with a proof."""

from __future__ import annotations

from lopsided.solve.certificate import Certificate, certify
from lopsided.solve.minimize import METHODS, minimize
from lopsided.solve.path import Breakpoint, Match, breakpoints, largest_ridge, match, path
from lopsided.solve.problem import Problem
from lopsided.solve.solution import Solution, Status

__all__ = [
    "METHODS",
    "Breakpoint",
    "Certificate",
    "Match",
    "Problem",
    "Solution",
    "Status",
    "breakpoints",
    "certify",
    "largest_ridge",
    "match",
    "minimize",
    "path",
]
