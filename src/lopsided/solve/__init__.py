"""Solve: the global optimum of the unconstrained-features model at any ridge, with a proof."""

from __future__ import annotations

from lopsided.problem import Problem
from lopsided.solve.attention import AttentionMargin, attention_margin
from lopsided.solve.breakpoints import Breakpoint, breakpoints
from lopsided.solve.certificate import Certificate, certify
from lopsided.solve.codes import Code, Spherical, softmax_code, spherical
from lopsided.solve.descend.optimizers import DIRECTIONS, Optimizer
from lopsided.solve.descend.training import State, descent, train
from lopsided.solve.descend.trajectory import Trajectory
from lopsided.solve.losses import class_losses
from lopsided.solve.minimize import METHODS, minimize
from lopsided.solve.neighbors import GraphUFM, graph_classes, graph_ufm
from lopsided.solve.path import Match, largest_ridge, match, path
from lopsided.solve.peeled import layer_peeled
from lopsided.solve.relu import DeepSolution, deep_relu
from lopsided.solve.solution import Solution, Status

__all__ = [
    "DIRECTIONS",
    "METHODS",
    "AttentionMargin",
    "Breakpoint",
    "Certificate",
    "Code",
    "DeepSolution",
    "GraphUFM",
    "Match",
    "Optimizer",
    "Problem",
    "Solution",
    "Spherical",
    "State",
    "Status",
    "Trajectory",
    "attention_margin",
    "breakpoints",
    "certify",
    "class_losses",
    "deep_relu",
    "descent",
    "graph_classes",
    "graph_ufm",
    "largest_ridge",
    "layer_peeled",
    "match",
    "minimize",
    "path",
    "softmax_code",
    "spherical",
    "train",
]
