"""Whatever noun is given in the place of another, what ends is an error in words, not a traceback
of the inside.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib import pyplot

import lopsided
from lopsided import (
    Adjustment,
    Counts,
    CrossEntropy,
    Problem,
    Squared,
    Targets,
    measure,
    plot,
    predict,
    report,
    solve,
    steer,
)

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
        "pairing": geometry.logits,
        "problem": Problem(COUNTS, ridge=0.1),
        "solution": solve.minimize(Problem(COUNTS, ridge=0.1)),
        "adjustment": Adjustment(),
        "cross-entropy": CrossEntropy(),
        "squared": Squared(),
        "targets": Targets.classes(COUNTS),
        "moments": moments,
        "second pass": measure.SecondPass(moments),
        "decisions": measure.Decisions(3),
        "regression": measure.RegressionMoments(2, 1),
        "sets": measure.LabelSets.of([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0]]),
        "collapse": stream.compute(torch.eye(3, 4), counts=COUNTS),
        "numbers": [1, 2, 3],
        "array": np.eye(3),
        "word": "nothing of that name",
        "none": None,
    }


NOUNS = nouns()


def functions() -> Iterator[Any]:
    homes = (lopsided, predict, solve, measure, steer, plot, report)
    for home in (*homes, measure.ood, steer.posthoc):
        for name in home.__all__:
            noun = getattr(home, name)
            if not callable(noun) or (isinstance(noun, type) and issubclass(noun, Exception | str)):
                continue
            yield pytest.param(noun, id=f"{home.__name__}.{name}")


def methods() -> Iterator[Any]:
    """Yield the public methods of each noun, of a copy: some take in what they are given."""
    for label, noun in NOUNS.items():
        if not type(noun).__module__.startswith("lopsided"):
            continue
        for name in dir(type(noun)):
            method = None if name.startswith("_") else inspect.getattr_static(noun, name)
            if inspect.isfunction(method) or isinstance(method, classmethod):
                yield pytest.param(
                    lambda *values, noun=noun, name=name, **options: getattr(deepcopy(noun), name)(
                        *values, **options
                    ),
                    getattr(noun, name),
                    id=f"{label}.{name}",
                )


def given(function: Any, cases: int) -> Iterator[tuple[list[Any], dict[str, Any]]]:
    """Yield nouns in the places of what a function needs, and of one of its options."""
    parameters = inspect.signature(function).parameters.values()
    needed = [p for p in parameters if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD]
    options = [p.name for p in parameters if p.default is not p.empty]
    pick, every = np.random.default_rng(0), list(NOUNS.values())
    for i in range(cases):
        values = [every[j] for j in pick.integers(len(every), size=len(needed))]
        chosen = options[pick.integers(len(options))] if options and i % 2 else None
        yield values, {} if chosen is None else {chosen: every[pick.integers(len(every))]}


def refused_in_words(call: Any, values: list[Any], options: dict[str, Any]) -> None:
    try:
        found = call(*values, **options)
        if inspect.isgenerator(found):
            list(found)
    except (TypeError, ValueError, IndexError, MemoryError, FileNotFoundError):
        pass
    finally:
        pyplot.close("all")


@pytest.mark.parametrize("call", list(functions()))
def test_a_wrong_noun_is_refused_in_words(call: Any) -> None:
    for values, options in given(call, 100):
        refused_in_words(call, values, options)


@pytest.mark.parametrize(("call", "method"), list(methods()))
def test_methods_refuse_a_wrong_noun_in_words(
    call: Any, method: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for values, options in given(method, 40):
        refused_in_words(call, values, options)


NETWORK = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Linear(4, 3))
DATA = [(torch.tensor(FEATURES, dtype=torch.float32), torch.tensor(LABELS))]
LAWS = [NOUNS["geometry"], predict.seli([9, 3, 1])]
FLAGS = {
    "trained": lambda flag: measure.trained(NETWORK, DATA, show_progress=flag),
    "layers": lambda flag: measure.layers(NETWORK, DATA, ["0"], show_progress=flag),
    "diagnose": lambda flag: measure.diagnose(NETWORK, DATA, show_progress=flag),
    "breakpoints": lambda flag: solve.breakpoints(NOUNS["problem"], directions=flag),
    "minimize": lambda flag: solve.minimize(NOUNS["problem"], strict=flag),
    "binding batches": lambda flag: steer.BindingBatches(LABELS, 8, drop_last=flag),
    "curves": lambda flag: plot.curves([1, 2], LAWS, label="R", log=flag),
    "collapsible": lambda flag: measure.collapsible(FEATURES, LABELS, bias=flag),
    "geometry": lambda flag: measure.geometry(
        NOUNS["moments"], np.eye(3, 4), center_classifiers=flag
    ),
}


@pytest.mark.parametrize("word", ["no", 1, None])
@pytest.mark.parametrize("flag", FLAGS)
def test_a_flag_is_true_or_false(flag: str, word: Any) -> None:
    with pytest.raises(TypeError, match="must be True or False"):
        FLAGS[flag](word)
