"""Whatever noun is given in the place of another, what ends is an error in words, not a traceback
of the inside.
"""

from __future__ import annotations

import contextlib
import inspect
from itertools import islice, product
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib import pyplot

import lopsided
from lopsided import Counts, Problem, measure, plot, predict, report, solve, steer

COUNTS = Counts([50, 20, 5])
LABELS = np.repeat([0, 1, 2], COUNTS.values)
FEATURES = np.random.default_rng(0).normal(size=(75, 4))


def nouns() -> dict[str, Any]:
    moments = measure.Moments(3, 4)
    moments.update(FEATURES, LABELS)
    stream = measure.Stream(3, 4)
    stream.update(torch.tensor(FEATURES), torch.tensor(LABELS))
    geometry = predict.seli(COUNTS)
    return {
        "counts": COUNTS,
        "geometry": geometry,
        "gram": geometry.classifiers,
        "problem": Problem(COUNTS, ridge=0.1),
        "solution": solve.minimize(Problem(COUNTS, ridge=0.1)),
        "moments": moments,
        "collapse": stream.compute(torch.eye(3, 4), counts=COUNTS),
        "numbers": [1, 2, 3],
        "array": np.eye(3),
        "word": "nothing of that name",
        "none": None,
    }


NOUNS = nouns()


def callables() -> list[Any]:
    found = []
    for home in (lopsided, predict, solve, measure, steer, plot, report):
        for name in home.__all__:
            noun = getattr(home, name)
            if not callable(noun) or (isinstance(noun, type) and issubclass(noun, Exception | str)):
                continue
            needed = [
                parameter
                for parameter in inspect.signature(noun).parameters.values()
                if parameter.default is parameter.empty
                and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
            ]
            if 0 < len(needed) <= 3:
                label = f"{home.__name__}.{name}"
                found.append(pytest.param(noun, len(needed), id=label))
    return found


@pytest.mark.parametrize(("call", "arguments"), callables())
def test_a_wrong_noun_is_refused_in_words(call, arguments):
    every = list(product(NOUNS.values(), repeat=arguments))
    order = np.random.default_rng(0).permutation(len(every))
    for i in islice(order, 200):
        try:
            call(*every[i])
        except (TypeError, ValueError, MemoryError, FileNotFoundError):
            pass
        finally:
            pyplot.close("all")


def methods() -> list[Any]:
    found = []
    for label, noun in NOUNS.items():
        for name in (
            "distance",
            "split",
            "cosine",
            "entries",
            "take",
            "update",
            "verdict",
            "table",
        ):
            method = getattr(noun, name, None)
            if inspect.ismethod(method) and type(noun).__module__.startswith("lopsided"):
                found.append(pytest.param(method, id=f"{label}.{name}"))
    return [*found, pytest.param(measure.Collapse.of, id="Collapse.of")]


@pytest.mark.parametrize("method", methods())
def test_methods_refuse_a_wrong_noun_in_words(method):
    needed = [
        parameter
        for parameter in inspect.signature(method).parameters.values()
        if parameter.default is parameter.empty
    ]
    for given in product(NOUNS.values(), repeat=max(1, len(needed))):
        with contextlib.suppress(TypeError, ValueError, IndexError, MemoryError):
            method(*given)
