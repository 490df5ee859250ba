"""Laws of the doors: counts and labels mean the same in every form that people keep them in."""

from __future__ import annotations

import io
import json
from collections import Counter, UserDict, defaultdict
from dataclasses import dataclass
from types import MappingProxyType, SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lopsided import Adjustment, Counts, Problem, Targets, measure, predict, steer
from lopsided.measure.metrics import minority_cosine
from lopsided.shape import contrast

VALUES = st.lists(st.integers(1, 10**6), min_size=2, max_size=9)


@dataclass
class Column:
    """What a column of a table with an index is to this library: pairs of name and value."""

    index: list
    values: list

    def items(self):
        return zip(self.index, self.values, strict=True)


FORMS = {
    "counts": Counts,
    "list": list,
    "tuple": tuple,
    "array": np.array,
    "whole floats": lambda values: np.array(values, float),
    "uint32": lambda values: np.array(values, np.uint32),
    "tensor": torch.tensor,
    "tensor of floats with a gradient": lambda values: torch.tensor(
        values, dtype=torch.float64, requires_grad=True
    ),
    "longdouble": lambda values: np.array(values, np.longdouble),
    "dictionary that was JSON": lambda values: json.loads(json.dumps(dict(enumerate(values)))),
    "counter that was JSON": lambda values: json.loads(
        json.dumps(dict(reversed(list(enumerate(values)))))
    ),
    "text": lambda values: ", ".join(map(str, values)),
    "pasted array": lambda values: str(np.array(values)),
    "lines": lambda values: "\n".join(map(str, values)) + "\n",
    "dictionary": lambda values: dict(enumerate(values)),
    "dictionary from the last class": lambda values: dict(reversed(list(enumerate(values)))),
    "counter": lambda values: Counter(dict(enumerate(values))),
    "column": lambda values: Column(list(range(len(values))), values),
    "column by size": lambda values: Column(
        *map(list, zip(*sorted(enumerate(values), key=lambda pair: -pair[1]), strict=True))
    ),
}

#: Every function that takes class counts, as one number that tells whether it understood them.
DOORS = {
    "seli": lambda counts: predict.seli(counts).classifiers.norms(),
    "free_bias": lambda counts: predict.free_bias(counts).classifiers.norms(),
    "nonnegative": lambda counts: predict.nonnegative(counts).classifiers.norms(),
    "contrastive": lambda counts: predict.contrastive(counts).classifiers.norms(),
    "cross_entropy": lambda counts: predict.cross_entropy(
        counts, Adjustment.cdt(counts, 0.5)
    ).classifiers.norms(),
    "optimality": lambda counts: predict.certificate(counts).primal,
    "squared": lambda counts: predict.squared(counts, 0.5).classifiers.norms(),
    "weighted": lambda counts: Adjustment.weighted(counts).weight,
    "effective_number": lambda counts: Adjustment.effective_number(counts).weight,
    "logit_adjusted": lambda counts: Adjustment.logit_adjusted(counts).shift,
    "ldt": lambda counts: Adjustment.ldt(counts, 0.5).scale,
    "vs": lambda counts: Adjustment.vs(counts, 0.5, 1.0).shift,
    "ldam": lambda counts: Adjustment.ldam(counts).additive_margin,
    "resolve": lambda counts: Adjustment(scale=2.0).resolve(counts).counts,
    "Problem": lambda counts: Problem(counts, ridge=1.0).counts.values,
    "from_weight_decay": lambda counts: Problem.from_weight_decay(counts, 1e-3, 1e-3).ridge,
    "Targets": lambda counts: Targets.of(counts).counts.values,
    "smoothed": lambda counts: Targets.smoothed(counts, 0.1).counts.values,
}


@pytest.mark.parametrize("form", FORMS)
@given(values=VALUES)
def test_counts_are_the_same_in_every_form(form, values):
    assert Counts.of(FORMS[form](values)) == Counts(values)


@pytest.mark.parametrize("form", FORMS)
def test_counts_themselves_take_what_is_an_array(form):
    given = FORMS[form]([50, 20, 20, 3])
    if not isinstance(given, str | dict | Column):
        assert Counts(given) == Counts([50, 20, 20, 3])


#: Text of numbers that may be read in two ways -> what is said.
AMBIGUOUS = {
    "1.000,5": "a point may part the thousands",
    "20.000; 3.000": "a point may part the thousands",
    "1.000.000 5": "a point may part the thousands",
    "1,000 5": "a comma may part two numbers",
    "10,5;3": "a comma may part two numbers",
    "1,5 2,5": "a comma may part two numbers",
    "1,000, 5": "a comma may part two numbers or the thousands",
    "50,,5": "the number before a comma is missing",
    ";50;5": "the number before a comma is missing",
    "1 500, 200": "a space may part two numbers or the thousands",
    "1 500\n200": "a space may part two numbers or the thousands",
    "1 000 500; 7 000": "a space may part two numbers or the thousands",
    "1 50\n2 5": "a number of each line may be its label",
    "0\t50\n1\t5\n2\t5": "a number of each line may be its label",
    "1. 50\n2. 5": "a number of each line may be its label",
    "[1, 50,\n2, 5]": "a number of each line may be its label",
    "     50 1\n      5 2": "a number of each line may be its label",
    " 1  2  3 \n50 20  5 ": "labels, and those in the line below them their counts",
    "1\t2\t3\n50\t20\t5": "labels, and those in the line below them their counts",
    " 1  2 \n50 20 \n 3 \n 5 ": "labels, and those in the line below them their counts",
    "k=10,ratio=100,minority=5": "k, ratio, minority are arguments of Counts.step",
    "k=100, largest=500, ratio=100": "--exponential on the command line",
    "1\u00a0500, 200": "a space that breaks no line",
    "1\u202f500 200": "a space that breaks no line",
}


@pytest.mark.parametrize("text", AMBIGUOUS)
@pytest.mark.parametrize("door", [Counts.of, Counts.from_shares])
def test_numbers_that_may_be_read_in_two_ways_are_refused(door, text):
    with pytest.raises(ValueError, match=AMBIGUOUS[text]):
        door(text)
    assert Counts.of("50.0, 20") == Counts.of("[50. 20.]") == Counts.of("50;20") == Counts([50, 20])
    many = np.array([1, *[500] * 40])
    assert Counts.of(str(many)) == Counts(many)
    assert Counts.of("1 500 200") == Counts([1, 500, 200])
    assert Counts.of("2 3 4\n50 20 5") == Counts([2, 3, 4, 50, 20, 5])
    assert Counts.of("1\n50\n2\n5") == Counts([1, 50, 2, 5])
    assert Counts.of("1 50\n3 5") == Counts.of("1\n50\n3\n5") == Counts([1, 50, 3, 5])


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"10": 3, "2": 5}, ValueError, r"labels 0 to 1, got \[2, 10\]"),
        (bytearray(b"\5\3"), TypeError, "got bytearray"),
        (io.StringIO("50\n5"), ValueError, "at least 2 whole numbers"),
        (io.BytesIO(b"50\n5"), ValueError, "at least 2 whole numbers"),
        ({"k": 9, "minority": 5, "ratio": 9, "rho": 1}, ValueError, "rho are arguments"),
        ({"largest": 500, "k": 100}, ValueError, "largest, k are arguments of Counts.zipf"),
        (
            torch.tensor([500.0, 3], dtype=torch.bfloat16),
            ValueError,
            "bfloat16 tells whole numbers",
        ),
        (torch.tensor([2.0**24, 3]), ValueError, "float32 tells whole numbers apart below"),
        (
            torch.tensor([17.0, 3], dtype=torch.float8_e4m3fn),
            ValueError,
            r"e4m3fn tells whole numbers apart below 2\*\*4",
        ),
        (np.array([3000.0, 3], np.float16), ValueError, "count 3000 of class 0 may have been"),
        (torch.tensor([5 + 1j, 3]), ValueError, "whole numbers"),
        (np.array([5 + 1j, 3]), ValueError, "whole numbers"),
    ],
)
def test_counts_that_are_none_or_lost_digits_are_refused(given, error, words):
    with pytest.raises(error, match=words):
        Counts.of(given)
    if not isinstance(given, dict):
        with pytest.raises(error, match=words):
            Counts(given)


def test_small_counts_of_half_precision_and_labels_written_as_texts_are_read():
    half = torch.tensor([5.0, 3], dtype=torch.bfloat16, requires_grad=True)
    assert Counts(half) == Counts.of(half) == Counts([5, 3])
    labels = [str(c) for c in range(11)] * 2
    assert Counts.from_labels([*labels, "10"]) == Counts([2] * 10 + [3])
    with pytest.raises(ValueError, match="each needs a sample, class 0 has none"):
        Counts.from_labels(["2", "10", "2"])


def test_texts_that_would_sort_as_no_labels_do_are_refused_unless_they_are_the_names():
    for labels in (["0.0", "2.0", "10.0"], ["-1", "1"], ["0", "1", "title"], ["cat", "nan"]):
        for door in (Counts.from_labels, lambda given: Counts.of(Counter(given))):
            with pytest.raises(ValueError, match="all whole numbers from 0 or all names"):
                door(labels)
        assert Counts.from_labels(labels, names=labels).names == tuple(labels)
    assert Counts.of({"0": 5, "other": 3}).names == ("0", "other")


@pytest.mark.parametrize("form", ["list", "array", "tensor", "text", "dictionary"])
@pytest.mark.parametrize("door", DOORS)
def test_every_door_takes_every_form(door, form):
    values = [50, 20, 20, 3]
    np.testing.assert_array_equal(DOORS[door](FORMS[form](values)), DOORS[door](Counts(values)))


def test_balanced_step_and_thresholds_take_lists():
    assert predict.balanced([5, 5], 0.1).counts == Counts([5, 5])
    assert predict.step([5, 5, 2]).counts == Counts([5, 5, 2])
    assert predict.minority_collapse_ridge([9, 4, 4]) == 2.0
    assert predict.contrastive([5, 2]).counts == Counts([5, 2])


def test_names_come_along_and_change_no_number():
    named = Counts.of({"dog": 50, "cat": 5})
    assert named.names == ("dog", "cat")
    assert named == Counts([50, 5])
    assert hash(named) == hash(Counts([50, 5]))
    assert Counts.of(named) is named
    assert predict.seli(named).counts.names == ("dog", "cat")
    # A counter's order is that of appearance: its classes are sorted, as labels' are.
    assert list(Counts.of(Counter("bbba"))) == list(Counts.from_labels(list("bbba"))) == [1, 3]
    assert (
        Counts.of(Column(["b", "a"], [3, 1])).names
        == Counts.from_labels(list("bbba")).names
        == ("a", "b")
    )


LABELS = {
    "list": list,
    "int32": lambda labels: np.array(labels, np.int32),
    "uint8": lambda labels: np.array(labels, np.uint8),
    "column": lambda labels: np.array(labels)[:, None],
    "tensor": torch.tensor,
    "column of a tensor": lambda labels: torch.tensor(labels)[:, None],
}


@pytest.mark.parametrize("form", LABELS)
@given(values=st.lists(st.integers(1, 9), min_size=2, max_size=5), seed=st.integers(0, 9))
def test_labels_are_the_same_in_every_form(form, values, seed):
    labels = (
        np.random.default_rng(seed).permutation(np.repeat(np.arange(len(values)), values)).tolist()
    )
    names = [f"class {c}" for c in range(len(values))]
    assert Counts.from_labels(LABELS[form](labels)) == Counts(values)
    assert Counts.from_labels(LABELS[form](labels), names=names).names == tuple(names)
    texts = Counts.from_labels([names[c] for c in labels])
    assert (texts, texts.names) == (Counts(values), tuple(names))
    backwards = Counts.from_labels(np.array([names[c] for c in labels], object), names=names[::-1])
    assert (backwards, backwards.names) == (Counts(values[::-1]), tuple(names[::-1]))


@given(
    shares=st.lists(st.floats(1e-6, 1), min_size=2, max_size=9),
    scale=st.sampled_from([1.0, 100.0, 1e-30]),
)
def test_shares_in_any_scale_keep_their_ratios_and_equal_ones_stay_equal(shares, scale):
    shares = np.array([*shares, shares[0]])
    counts = Counts.from_shares(shares * scale)
    assert counts[0] == counts[-1]
    relative = counts.values / counts.values.max() / (shares / shares.max())
    assert np.abs(relative - 1).max() < 1e-8
    exact = Counts.from_shares(counts.values, total=min(counts.n, 2**53))
    assert np.abs(exact.values - counts.values).max() <= 1


@given(values=VALUES)
def test_counts_are_read_like_an_array(values):
    counts, array = Counts(values), np.array(values)
    np.testing.assert_array_equal(np.asarray(counts), array)
    np.testing.assert_array_equal(counts[1:3], array[1:3])
    np.testing.assert_array_equal(counts[::-1], array[::-1])
    np.testing.assert_array_equal(counts[[0, -1]], array[[0, -1]])
    assert (len(counts), list(counts), counts[-1]) == (len(values), values, values[-1])
    assert isinstance(counts[0], int)


def test_an_array_of_a_billion_counts_is_refused_by_its_memory_and_a_slice_of_it_is_not():
    counts = Counts.step(k=10**12, minority=5, ratio=10)
    with pytest.raises(MemoryError, match="1,000,000,000,000 counts"):
        np.asarray(counts)
    assert counts[10**12 - 3 :].tolist() == [5, 5, 5]


@dataclass
class Categories:
    """The type of a categorical column of pandas and of its index, and of an Enum of polars."""

    categories: list


class Categorical(list):
    """A categorical column, or the index of its counts, whose type has the order of its codes."""

    dtype = Categories(["small", "large", "huge"])


class Table(np.ndarray):
    """A table of one column, as `frame[["label"]]` is one."""

    columns = ("label",)

    def __getitem__(self, title):
        return Categorical(self.ravel()) if title == "label" else super().__getitem__(title)


class OfArrow(list):
    """A column of pandas with a type of Arrow."""

    def __init__(self, labels):
        super().__init__(labels)
        self.array, self.dtype = self, SimpleNamespace(pyarrow_dtype="dictionary")

    def __arrow_array__(self):
        return dictionaries(self, parts=2)


def dictionaries(labels, parts=1):
    arrow = pytest.importorskip("pyarrow")
    numbers = [Categorical.dtype.categories.index(label) for label in labels]
    codes = arrow.array(numbers, arrow.int32())
    coded = arrow.DictionaryArray.from_arrays(codes, Categorical.dtype.categories)
    # A part has a dictionary of its own, of which the first is that of the whole.
    again = coded.cast(arrow.string()).dictionary_encode()
    return coded if parts == 1 else arrow.chunked_array([coded[:2], again[2:]])


CATEGORICAL = {
    "column": Categorical,
    "table of one column": lambda labels: np.array(labels)[:, None].view(Table),
    "dictionary of Arrow": dictionaries,
    "column of pandas with a type of Arrow": OfArrow,
    "dictionaries of Arrow in chunks": lambda labels: dictionaries(labels, parts=2),
}


@pytest.mark.parametrize("form", CATEGORICAL)
def test_a_categorical_column_numbers_its_classes_as_its_codes_do(form):
    labels = CATEGORICAL[form](["large", "small", "large", "huge", "large"])
    found, expected = Counts.from_labels(labels), Counts([1, 3, 1], ["small", "large", "huge"])
    assert (found, found.names) == (expected, expected.names)
    assert Counts.from_labels(labels, names=["large", "huge", "small"]) == Counts([3, 1, 1])
    with pytest.raises(ValueError, match="class 2 has none"):  # which the codes leave out too
        Counts.from_labels(CATEGORICAL[form](["large", "small"]))


@pytest.mark.parametrize("kind", [dict, UserDict, MappingProxyType, defaultdict])
def test_every_mapping_keeps_its_order_but_a_counter(kind):
    given = {"newt": 5, "cat": 50}
    given = kind(int, given) if kind is defaultdict else kind(given)
    assert Counts.of(given).to_records() == Counts([5, 50], ["newt", "cat"]).to_records()
    assert Counts.of(Counter(given)).names == ("cat", "newt")


def test_counts_of_a_categorical_column_are_in_the_order_of_its_codes():
    by_size = Categorical(["large", "small", "huge"])
    found = Counts.of(Column(by_size, [3, 1, 1]))
    assert (found, found.names) == (Counts([1, 3, 1]), ("small", "large", "huge"))
    with pytest.raises(TypeError, match=r"named by texts or numbered from 0, got .*nan"):
        Counts.of(Column(Categorical(["large", float("nan"), "huge"]), [3, 1, 1]))


class Labelled(np.ndarray):
    """An array of xarray, whose classes are in a coordinate."""

    coords = indexes = MappingProxyType({"class": [1, 0, 2]})

    def to_series(self):
        return Column(self.coords["class"], self.tolist())


def test_counts_that_are_shared_out_anew_keep_their_names():
    counts = Counts([50, 20, 5], ["cat", "dog", "eel"])
    assert Counts.from_shares(counts, total=15).called() == ["cat", "dog", "eel"]


def test_classes_in_a_coordinate_are_those_of_the_counts():
    values = np.array([20, 50, 5]).view(Labelled)
    assert Counts.of(values) == Counts([50, 20, 5])
    assert Counts.from_shares(values, total=75) == Counts([50, 20, 5])
    for door in (Counts, lambda margin: Adjustment(margin=margin)):
        with pytest.raises(ValueError, match=r"came with the index \[1, 0, 2\]"):
            door(values)


def test_a_class_may_be_called_as_a_table_calls_its_columns():
    counts = Column(["columns", "rows"], [5, 3])
    counts.columns = 5  # as pandas has the entry of that name
    assert Counts.of(counts).names == ("columns", "rows")


def test_texts_of_any_type_of_numpy_are_names():
    for kind in (object, str, np.dtypes.StringDType()):
        found = Counts.from_labels(np.array(["dog", "cat", "dog"], dtype=kind))
        assert (found, found.names) == (Counts([1, 2]), ("cat", "dog"))


def test_classes_without_samples_are_put_in_the_order_that_counts_are():
    by_size = {2: 50, 1: 9, 0: 0}
    for form in (by_size, Counter(by_size), Column(list(by_size), list(by_size.values()))):
        assert steer.counts_with_absent(form) == Counts([1, 9, 50])
    named = steer.counts_with_absent({"cat": 5, "newt": 0})
    assert (named, named.names) == (Counts([5, 1]), ("cat", "newt"))
    assert steer.counts_with_absent(named) is named


@pytest.mark.parametrize(
    "door",
    [
        lambda mask: contrast(predict.seli([50, 9, 2, 2]).classifiers, mask),
        lambda mask: minority_cosine(predict.seli([50, 9, 2, 2]).classifiers, mask),
        lambda mask: measure.Moments(4, 2, scatter="none").take(mask),
        lambda mask: measure.Decisions(4).take(mask),
        lambda mask: Counts([50, 9, 2, 2])[mask],
    ],
)
def test_a_mask_is_never_read_as_the_numbers_of_the_classes_0_and_1(door):
    with pytest.raises(IndexError, match="got bool"):
        door(np.array([False, False, True, True]))


@pytest.mark.parametrize(
    "door",
    [
        lambda masked: steer.BindingBatches(masked, 1),
        lambda masked: predict.supports(masked[:, None]),
        lambda masked: predict.multiple_centers([5, 3, 2], masked + 1, angle=0.1),
        lambda masked: steer.counts_with_absent(masked),
    ],
)
def test_no_door_drops_the_mask_of_an_array(door):
    with pytest.raises(TypeError, match="whose mask would be lost"):
        door(np.ma.array([1, 0, 1], mask=[False, False, True]))


@pytest.mark.parametrize(
    "form",
    [
        dict,
        lambda pairs: Counter(dict(pairs)),
        lambda pairs: Column(*map(list, zip(*pairs, strict=True))),
    ],
)
def test_the_sum_of_the_others_is_no_class(form):
    pairs = [("cat", 10), ("dog", 5)]
    with pytest.raises(ValueError, match="'Total' is no class but the sum of the others, 15"):
        Counts.of(form([*pairs, ("Total", 15)]))
    for total in ("Grand Total", "Total Result", "Gesamtergebnis", "sum", "all classes:"):
        for rows in ([*pairs, (total, np.uint8(15))], [(total, 15), *pairs]):
            with pytest.raises(ValueError, match=f"'{total}' is no class but the sum of the"):
                Counts.of(form(rows))
    for last in (("Total", 14), ("zebra", 15), ("summer", 15), ("all others", 15), ("dim sum", 15)):
        assert Counts.of(form([*pairs, last])).k == 3
    with pytest.raises(ValueError, match="'all' is no class but the sum of the others"):
        Counts.from_shares({"cat": 0.1, "dog": 0.2, "eel": 0.7, "all": 1.0})
