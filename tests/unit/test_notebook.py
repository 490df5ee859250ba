"""Results in the hand: cells of a notebook, pictures, and rows for a table."""

from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.figure import Figure

from lopsided import Counts, Problem, measure, predict, solve, steer
from lopsided.diagnosis import Diagnosis

COUNTS = Counts([50, 50, 20, 5], ["cat", '<script>"', "eel", "fish & chips"])


def _collapse():
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(4), COUNTS.values)
    moments = measure.Moments(k=4, d=6)
    moments.update(rng.standard_normal((COUNTS.n, 6)), labels)
    return measure.Collapse.of(moments, weight=rng.standard_normal((4, 6)), counts=COUNTS)


SELI, COLLAPSE = predict.seli(COUNTS), _collapse()
SHOWN = {
    "Counts": COUNTS,
    "Gram": SELI.classifiers,
    "Geometry": SELI,
    "Solution": solve.minimize(Problem(COUNTS, ridge=1e-2)),
    "Design": steer.design(COUNTS, "etf-classifiers", "ldt"),
    "Collapse": COLLAPSE,
    "Diagnosis": Diagnosis.of(COLLAPSE, None, None, COUNTS),
}


@pytest.mark.parametrize("name", SHOWN)
def test_a_cell_is_sound_markup_in_which_names_are_text(name):
    cell = ElementTree.fromstring(SHOWN[name]._repr_html_())
    assert name in "".join(cell.itertext())
    assert cell.find(".//{http://www.w3.org/2000/svg}rect") is not None
    assert not list(cell.iter("script"))
    assert cell.get("class") == "tex2jax_ignore mathjax_ignore"  # of names such as $5 and $10
    if name != "Gram":
        assert '<script>"' in "".join(cell.itertext())


def test_a_cell_of_many_classes_shows_some_and_says_so():
    html = predict.seli(Counts.zipf(5000, 10**6))._repr_html_()
    assert "24 of 5,000" in html
    assert len(html) < 200_000


def test_a_cosine_that_is_not_defined_has_no_colour():
    zero = solve.minimize(Problem([50, 5], ridge=1e4))
    assert "not defined" in zero._repr_html_()


@pytest.mark.parametrize("name", SHOWN)
def test_a_result_draws_itself_on_the_axes_given(name):
    ax = Figure().subplots()
    assert SHOWN[name].plot(ax) is ax
    assert ax.has_data() or ax.patches or ax.images


def test_more_than_four_classes_are_drawn_by_their_cosines():
    ax = predict.seli([50, 20, 10, 5, 1]).plot(Figure().subplots())
    assert ax.get_title() == "cosines of classifiers, SELI"
    assert len(ax.images) == 1


def test_records_are_rows_of_plain_numbers_a_class():
    for noun in (COUNTS, SELI, SHOWN["Solution"], COLLAPSE, SHOWN["Diagnosis"]):
        rows = noun.to_records()
        assert [row["class"] for row in rows] == list(COUNTS.names)
        assert [row["count"] for row in rows] == [50, 50, 20, 5]
        assert {type(value) for row in rows for value in row.values()} <= {str, int, float}
    assert SELI.to_records()[3]["classifier_norm"] == SELI.classifiers.norms()[3]
    assert COLLAPSE.to_records()[2]["measured"] == 20
    biased = solve.minimize(Problem(COUNTS, ridge=1e-2, bias="free"))
    assert [row["bias"] for row in biased.to_records()] == biased.bias.tolist()


def test_records_are_of_classes():
    contexts = predict.supports(np.array([[1, 1], [0, 1], [1, 0]]))
    with pytest.raises(ValueError, match="not the same classes"):
        contexts.to_records()


def test_numpy_takes_a_gram_for_its_matrix():
    np.testing.assert_array_equal(np.asarray(SELI.classifiers), SELI.classifiers.matrix())
