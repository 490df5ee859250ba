"""The state of a stream as tensors by name, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from lopsided.arrays import require_noun
from lopsided.measure.network.tensors import to_numpy
from lopsided.measure.state.decisions import Decisions
from lopsided.measure.state.moments import SUMMED, Moments
from lopsided.measure.state.scatter import Pooled
from lopsided.needs import torch

#: What is never negative in a state.
_COUNTED = (
    "counts",
    "spread",
    *(f"decisions.{name}" for name in ("counts", "errors", "answered", "compared", "agreed")),
    "decisions.confusions.missed",
)
#: Numbers of samples, class by class, of which the first are among the second.
_AMONG = {
    "decisions.counts": "counts",
    "decisions.errors": "decisions.counts",
    "decisions.compared": "decisions.counts",
    "decisions.agreed": "decisions.compared",
}
#: The parts of decisions that tell of each other.
_TOLD = (
    "counts",
    "errors",
    "answered",
    "smallest_margin",
    "margin_sum",
    "confusions",
    "confusions.missed",
)
#: How far the trace of the scatter may be from the sum of the spreads, which is the same.
_ROUNDED = 1e-6
#: The part of a state that grows.
_CONFUSIONS = "decisions.confusions"


def tensors_of(moments: Moments, decisions: Decisions) -> dict[str, Any]:
    """Return moments and decisions as tensors on the CPU."""
    arrays = {name: getattr(moments, name) for name in SUMMED}
    if isinstance(moments.scatter, Pooled):
        arrays["scatter"] = moments.scatter.matrix()
    arrays |= {f"decisions.{name}": part for name, part in decisions.state().items()}
    return {name: on_cpu(array) for name, array in arrays.items()}


def on_cpu(array: npt.NDArray[Any]) -> Any:
    """Return an array as a tensor of its own on the CPU."""
    return torch().tensor(np.ascontiguousarray(array), device="cpu")


def require_like(state: Mapping[str, Any], mine: Mapping[str, Any]) -> None:
    """Refuse a state that is not of one kind, shape and type with `mine`, or that no measurement
    gives.

    Raises:
        ValueError: naming what is wrong.
    """
    require_noun(state, Mapping, "the state", "state_dict() gives one")
    if strangers := [name for name, part in state.items() if not hasattr(part, "shape")]:
        raise ValueError(f"a state is of tensors, and its {strangers[0]} is none")
    have, want = _shapes(state), _shapes(mine)
    if have != want:
        wrong = next(name for name in {**want, **have} if want.get(name) != have.get(name))
        raise ValueError(
            f"the state's {wrong} has shape {have.get(wrong)}, this stream's {want.get(wrong)}"
        )
    for name, tensor in state.items():
        if tensor.dtype != mine[name].dtype:
            raise ValueError(
                f"the state's {name} is of {tensor.dtype}, a stream's of {mine[name].dtype}: a"
                " checkpoint that is cast loses the digits that a sum has; save the state as it is"
            )
    arrays = {name: to_numpy(tensor) for name, tensor in state.items()}
    for name, values in arrays.items():
        margin = name.endswith("smallest_margin")
        if (not np.isfinite(values).all() and not margin) or np.isnan(values).any():
            raise ValueError(f"the state's {name} has numbers that are not finite")
        if name in _COUNTED and (values < 0).any():
            raise ValueError(f"the state's {name} has negative numbers")
    for name, whole in _AMONG.items():
        if (more := arrays[name] > arrays[whole]).any():
            c = int(np.argmax(more))
            raise ValueError(
                f"the state's {name} of class {c} is {arrays[name][c]}, more than its {whole},"
                f" {arrays[whole][c]}"
            )
    _require_answers({name: arrays[f"decisions.{name}"] for name in _TOLD})
    if (np.abs(arrays["rests"]) > np.spacing(np.abs(arrays["means"]))).any():
        raise ValueError("the state's rests are larger than what rounding takes off its means")
    if "scatter" in arrays:
        _require_scatter(arrays["scatter"], float(arrays["spread"].sum()))


def _require_answers(told: Mapping[str, npt.NDArray[Any]]) -> None:
    """Refuse decisions of which one part contradicts another."""
    counts, errors, missed = told["counts"], told["errors"], int(told["confusions.missed"][0])
    (codes, numbers), k, seen = told["confusions"], len(counts), counts > 0
    inside = (codes >= 0) & (codes < k**2)  # others are refused as they are taken up
    paired = np.bincount(codes[inside] // k, numbers[inside], k)
    if told["answered"].sum() != counts.sum():
        raise ValueError(
            f"the state's decisions.answered adds up to {told['answered'].sum()}, and"
            f" decisions.counts to {counts.sum()}, which are the same in every measurement"
        )
    if (paired > errors).any() or (not missed and (paired != errors).any()):
        c = int(np.argmax(paired != errors))
        raise ValueError(
            f"the state's decisions.confusions have {paired[c]:.0f} errors of class {c}, and"
            f" decisions.errors {errors[c]}"
        )
    least, total = told["smallest_margin"], told["margin_sum"]
    with np.errstate(invalid="ignore"):
        below = seen & (total < counts * least - _ROUNDED * np.abs(counts * least))
    if below.any() or ((least <= 0) != (errors > 0)).any() or (np.isfinite(least) != seen).any():
        raise ValueError("the state's decisions.smallest_margin contradicts its other decisions")


def _require_scatter(scatter: npt.NDArray[Any], spread: float) -> None:
    trace = float(np.trace(scatter))
    if (scatter.diagonal() < 0).any() or abs(trace - spread) > _ROUNDED * spread:
        raise ValueError(
            f"the state's scatter has the trace {trace:g}, and its spread adds up to {spread:g},"
            " which are the same in every measurement"
        )


def load(state: Mapping[str, Any], moments: Moments, decisions: Decisions) -> None:
    """Put a state that `require_like` let through into moments and decisions.

    Raises:
        ValueError: if its confusions are of other classes.
    """
    for name in SUMMED:
        setattr(moments, name, to_numpy(state[name]).copy())
    if "scatter" in state:
        moments.scatter = Pooled(np.asfortranarray(np.triu(to_numpy(state["scatter"]))))
    decisions.load({name: to_numpy(state[f"decisions.{name}"]) for name in decisions.state()})


def _shapes(state: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Return shapes by name; of confusions there may be any number."""
    shapes = {name: tuple(tensor.shape) for name, tensor in state.items()}
    return {name: shape[: 1 if name == _CONFUSIONS else None] for name, shape in shapes.items()}
