"""The page of a measurement: it shows what matters, and nothing of what users name is taken for
HTML."""

import numpy as np
import pytest

from lopsided import Counts, predict
from lopsided.diagnosis import Diagnosis
from lopsided.measure import Collapse, Decisions, Moments
from lopsided.measure.shown import cell
from lopsided.report import Figure, write
from lopsided.report.diagnosed import ROWS as HELD_OUT
from lopsided.report.diagnosed import worst_classes
from lopsided.report.measured import ROWS, measured, shown_classes

COUNTS = Counts.exponential(200, 500, 100)


@pytest.fixture
def collapse():
    """Class 90 errs most, class 91 has the smallest margin, classifiers 100 and 120, means 103 and
    104 merge, class 95 scatters."""
    W, M = predict.seli(COUNTS).vectors(250, 0)
    W[120] = W[100]
    M[104] = M[103]
    labels = np.repeat(np.arange(200), 2)
    size = np.sqrt(np.mean(M**2)) * np.where(labels == 95, 1.0, 0.01)
    features = M[labels] + size[:, None] * np.random.default_rng(0).standard_normal((400, 250))
    moments, decisions = Moments(200, 250), Decisions(200)
    moments.update(features, labels)
    decisions.update(features @ W.T, labels)
    decisions.errors[90], decisions.smallest_margin[91] = 2, -50
    return Collapse.of(moments, W, None, decisions, counts=COUNTS)


def test_the_classes_that_fail_or_merge_have_a_row_whatever_their_size(collapse):
    shown = shown_classes(collapse)
    assert {0, 199, 90, 91, 95, 100, 120, 103, 104} <= set(shown.tolist())
    assert len(shown) <= ROWS
    assert (np.diff(COUNTS.values[shown]) <= 0).all()


def test_the_page_says_how_many_of_how_many_err_and_escapes_every_name(collapse, tmp_path):
    laws = {"<script>alert(1)</script>": predict.seli(COUNTS), "{{ 7 * 7 }}": predict.etf(200)}
    figures = [Figure("<i>caption", "<svg></svg>")]
    page = measured(collapse, laws, figures, "\x1b[31m<img src=x>\udcff")
    write(str(tmp_path / "page.html"), page)
    page = (tmp_path / "page.html").read_text()
    assert "<td>2 of 2</td>" in page
    assert "training samples</th>" in page
    assert f"{len(shown_classes(collapse))} of 200: the largest" in page
    assert "&lt;script&gt;" in page
    assert "&lt;i&gt;caption" in page
    assert "{{ 7 * 7 }}" in page
    assert "<title>\\x1b[31m&lt;img src=x&gt;\\udcff" in page
    assert not any(sign in page for sign in ("<script>alert", "<img", "<i>", "\x1b"))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        *((missing, "") for missing in (None, np.nan, np.inf, np.array([np.nan]))),
        *((nothing, "0") for nothing in (0.0, 1e-15)),
        *((whole, "1,234") for whole in (1234, np.int64(1234))),
        (0.12345, "0.123"),
        (np.array([1.0, np.nan, 2.0]), "1 … 2"),
        (np.array([np.inf, 3.0]), "3"),
    ],
)
def test_what_is_not_known_is_not_shown_as_a_number(value, words):
    assert cell(value) == words


def test_the_page_leads_with_the_diagnosis_and_lists_the_held_out_classes_that_say_most(
    collapse, tmp_path
):
    decisions, names = Decisions(200), [f"<b>{c}" for c in range(200)]
    labels = np.repeat(np.arange(200), 3)
    answers = np.where((labels == 150) | (labels == 160), 7, labels)
    decisions.update(np.eye(200)[answers], labels)
    counts = Counts(COUNTS.values, names)
    diagnosis = Diagnosis.of(collapse, decisions, None, counts)
    write(
        tmp_path / "page.html", measured(collapse, {"ETF": predict.etf(200)}, [], "net", diagnosis)
    )
    page = (tmp_path / "page.html").read_text()
    assert (
        page.index("600 held-out samples") < page.index("Geometry") < page.index("class by class")
    )
    assert "<td>3 of 3</td>" in page
    assert "&lt;b&gt;150" in page
    assert "<b>" not in page
    shown = worst_classes(decisions)
    assert set(shown[:2].tolist()) == {150, 160}
    assert 7 in shown
    assert len(shown) <= HELD_OUT
