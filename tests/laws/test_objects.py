"""Laws of every result: it survives pickling and copying, and numpy takes it for the array that it
stands for."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from lopsided import (
    Adjustment,
    CrossEntropy,
    Gram,
    Pairing,
    Problem,
    Targets,
    measure,
    predict,
    solve,
    steer,
)
from lopsided.counts import Counts

COUNTS = Counts([50, 20, 20, 3], names=list("abcd"))
CDT = Adjustment.cdt(COUNTS, 0.5)


def collapse():
    rng = np.random.default_rng(0)
    moments = measure.Moments(4, 3)
    moments.update(rng.standard_normal((93, 3)), np.repeat(np.arange(4), COUNTS.values))
    return measure.Collapse.of(moments, rng.standard_normal((4, 3)))


NOUNS = {
    "counts": lambda: COUNTS,
    "groups": lambda: COUNTS.groups,
    "adjustment": lambda: CDT,
    "parameters": lambda: CDT.resolve(COUNTS),
    "targets": lambda: Targets.smoothed(COUNTS, 0.1),
    "loss": lambda: CrossEntropy(CDT),
    "problem": lambda: Problem(COUNTS, CDT, ridge=0.1),
    **{
        name: lambda form=form: form.geometry(form.examples()[0])
        for name, form in predict.FORMS.items()
    },
    "non-negative at a ridge": lambda: predict.nonnegative(COUNTS, 0.5),
    "squared": lambda: predict.squared(COUNTS, 0.5),
    "balanced": lambda: predict.balanced([5, 5], 0.1),
    "step": lambda: predict.step([5, 5, 2]),
    "step limit": lambda: predict.step_limit(10),
    "optimality": lambda: predict.certificate(COUNTS),
    "supports": lambda: predict.supports(np.eye(3)),
    "regression": lambda: predict.regression([[3.0, 0.0], [-3.0, 0.0], [0.0, 1.0]], ridge=0.5),
    "label sets": lambda: predict.label_sets(3, {1: 5}, ridge=0.1),
    "solution": lambda: solve.minimize(Problem(COUNTS, ridge=0.1)),
    "path": lambda: solve.path(Problem(COUNTS, ridge=0.1), [1.0, 0.1]),
    "trajectory": lambda: solve.train(
        Problem([5, 3], ridge=0.1), solve.Optimizer("descent", 0.1), steps=3
    ),
    "moments": lambda: collapse().moments,
    "collapse": collapse,
    "measured geometry": lambda: collapse().geometry,
    **{
        f"design for {name}": lambda name=name: steer.design(COUNTS, name, family="cdt")
        for name in steer.TARGETS
    },
    "design for a geometry": lambda: steer.design(COUNTS, predict.etf(4), family="cdt"),
}


def numbers(thing):
    """Everything in a result that is a number, by walking through what its classes say they
    hold."""
    if isinstance(thing, Gram):
        return [numbers(thing.matrix()), numbers(thing.spectrum())]
    if isinstance(thing, Pairing):
        return numbers(thing.matrix())
    if isinstance(thing, np.ndarray):
        return thing.tolist()
    if isinstance(thing, list | tuple):
        return [numbers(part) for part in thing]
    if hasattr(thing, "__dataclass_fields__"):
        return [numbers(getattr(thing, name)) for name in thing.__dataclass_fields__]
    if hasattr(thing, "__dict__") and not callable(thing):
        return [numbers(part) for name, part in sorted(vars(thing).items())]
    return thing if isinstance(thing, str | int | float | np.generic) else type(thing)


@pytest.mark.parametrize("name", NOUNS)
def test_every_result_survives_pickling_and_copying(name):
    noun = NOUNS[name]()
    for again in (
        pickle.loads(pickle.dumps(noun)),  # noqa: S301
        copy.deepcopy(noun),
        copy.copy(noun),
    ):
        assert type(again) is type(noun)
        assert repr(numbers(again)) == repr(numbers(noun))


@pytest.mark.parametrize("name", [*predict.FORMS, "solution"])
def test_numpy_takes_grams_and_logits_for_their_matrices(name):
    made = NOUNS[name]()
    geometry = getattr(made, "geometry", made)
    for part in (geometry.classifiers, geometry.embeddings, geometry.logits):
        np.testing.assert_array_equal(np.asarray(part), part.matrix())
        assert np.asarray(part, np.float32).dtype == np.float32
        assert np.trace(part) == pytest.approx(part.matrix().trace())


@pytest.mark.parametrize("make", [Gram.of_vectors, Gram.of_matrix])
def test_a_gram_stays_as_it_was_when_the_array_it_was_made_of_is_written_to(make):
    array = np.eye(3)
    gram = make(array)
    array[:] = np.nan
    assert np.array_equal(gram.matrix(), np.eye(3))


def test_an_array_too_large_for_memory_is_refused_and_one_that_cannot_be_shared_too():
    gram = predict.seli(Counts.step(10**7, 5, 10)).classifiers
    with pytest.raises(MemoryError, match="GiB"):
        np.asarray(gram)
    with pytest.raises(ValueError, match="allowed a copy"):
        np.array(predict.etf(3).classifiers, copy=False)


@pytest.mark.parametrize(
    "name", ["counts", *predict.FORMS, "solution", "collapse", "measured geometry"]
)
def test_a_result_is_shown_in_a_line(name):
    shown = repr(NOUNS[name]())
    assert "\n" not in shown
    assert len(shown) < 200, shown


def test_what_a_result_hands_out_and_tells_again_later_is_not_written_to():
    """Lengths that are divided by the longest in place were those of the table from then on."""
    found = collapse()
    optimum = solve.minimize(Problem(COUNTS, ridge=1.0))
    told = {name: value for name, value in found.metrics()[0].items() if np.ndim(value)}
    assert "classifier_norms" in told
    assert "spreads" in told
    for array in (*told.values(), found.weight, optimum.W, optimum.M):
        with pytest.raises(ValueError, match="read-only"):
            array /= array.max()
