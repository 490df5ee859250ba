"""What the nouns refuse, and how they say so."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import os
import subprocess
import sys

import numpy as np
import pytest

import lopsided
from damage import mutated
from lopsided import (
    Adjustment,
    Counts,
    CrossEntropy,
    Geometry,
    Gram,
    Pairing,
    Problem,
    Source,
    Squared,
    Targets,
    distance,
    predict,
    solve,
)
from lopsided.groups import Groups


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([5], "at least 2"),
        ([], "at least 2"),
        ([[1, 2], [3, 4]], "at least 2"),
        ([5, 0, 3], "got 0 for class 1"),
        ([-1, 2], "got -1 for class 0"),
        ([2, 2.5], "got 2.5 for class 1"),
        ([2, float("nan")], "got nan for class 1"),
        ([2, float("inf")], "got inf for class 1"),
        ([2, 2**53 + 2], "for class 1"),
        (["a", "b"], "whole numbers"),
        ([5, True], "whole numbers"),
        ([2, 2**70], "for class 1"),
        ([[1], [1, 2]], "at least 2"),
        ([0.3688, 0.0609, 0.5703], "got 0.3688 for class 0.*Counts.from_shares"),
        ({2, 5}, "at least 2"),
    ],
)
def test_counts_refuse_what_is_no_count(values, message):
    for make in (Counts, Counts.of):
        with pytest.raises(ValueError, match=message):
            make(values)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Counts.of("50, many"), ValueError, "got '50, many'"),
        (lambda: Counts.of("1,200, 50"), ValueError, "thousands"),
        (
            lambda: Counts.of({1: 5, 2: 3}),
            ValueError,
            r"labels 0 to 1, got \[1, 2\]; labels that start at 1",
        ),
        (lambda: Counts.of({"cat": 5, 0: 3}), TypeError, "named by texts or numbered"),
        (lambda: Counts.of({"cat": 5, "dog": 0}), ValueError, "got 0 for class 1"),
        (
            lambda: Counts({"cat": 5, "dog": 3}),
            ValueError,
            "Counts.of takes counts with their names",
        ),
        (lambda: Counts([5, 3], names=["cat"]), ValueError, "each of the 2 classes, got 1"),
        (lambda: Counts([5, 3], names="ab"), TypeError, "got 'ab'"),
        (lambda: Counts([5, 3], names=[0, 1]), TypeError, "texts"),
        (lambda: Counts.from_shares([1, 0]), ValueError, "got 0.0 for class 1"),
        (
            lambda: Counts.from_shares([1, 1e-17]),
            ValueError,
            "share 1e-17 of class 1 is less than half of one sample",
        ),
        (lambda: Counts.from_shares([1, 2], total=1.5), ValueError, "got 1.5"),
        (lambda: Counts([5, 3])[1.0], IndexError, "whole numbers from 0 to 1"),
        (lambda: Counts([5, 3])[2], IndexError, "classes are 0 to 1"),
    ],
)
def test_other_forms_of_counts_are_refused_with_what_came(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Counts.step(k=1, minority=1, ratio=2), "at least 2 classes"),
        (lambda: Counts.step(k=5, minority=1, ratio=2), "whole number of minority classes"),
        (lambda: Counts.step(k=4, minority=1, ratio=0.5), "ratio must be at least 1"),
        (lambda: Counts.step(k=4, minority=3, ratio=1.5), "whole"),
        (lambda: Counts.exponential(k=10, largest=50, ratio=100), "got 0 for class 8"),
        (lambda: Counts.exponential(k=10, largest=50, ratio=float("nan")), "ratio must be"),
        (lambda: Counts.zipf(k=10, largest=5), "got 0 for class 5"),
        (lambda: Counts.zipf(k=2, largest=1, exponent=1e300), "got 0 for class 1"),
        (lambda: Counts.zipf(k=10, largest=2**60), "largest must be"),
        (lambda: Counts.from_labels([0, 1, -1]), "got -1 for sample 2"),
        (lambda: Counts.from_labels([0, 3], k=3), "got 3 for sample 1"),
        (lambda: Counts.from_labels([0, 2]), "class 1 has none"),
        (
            lambda: Counts.from_labels(io.StringIO("ox\ncat\nox").readlines()),
            r"'ox' and 'ox\\n' differ by the end of a line",
        ),
        (lambda: Counts.from_labels(io.StringIO("0\n1\n")), "a vector with at least one label"),
        (lambda: Counts.from_labels(["01", "1", "0"]), "'01' and '1' are one number"),
        (lambda: Counts.from_labels([1, 2, 2]), "class 0 has none.*np.unique"),
        (lambda: Counts.from_labels([0, 10**15]), "class 1 has none.*renumbered"),
        (lambda: Counts.from_labels([0, 1], k=3), "class 2 has none"),
        (lambda: Counts.from_labels(["a", "b"], names=["a", "c"]), "among the 2 names, got 'b'"),
        (lambda: Counts.from_labels([0, 1], names=["a", "a"]), "'a' comes twice"),
        (lambda: Counts.from_labels(["cat", "", "dog"]), "the name '' is blank"),
        (lambda: Counts([5, 3], names=["cat", ""]), "the name '' is blank"),
        (lambda: Counts.of({"": 5, "dog": 3}), "the name '' is blank"),
        (lambda: Counts.from_labels(["\ufeffcat", "cat", "dog"]), "the byte-order mark of a file"),
        (lambda: Counts.of({"\ufeffcat": 5, "dog": 3}), "the byte-order mark of a file"),
        (lambda: Counts.from_labels([[0, 1], [1, 0]]), "shape"),
        (lambda: Counts.from_labels([0, None]), "whole numbers or texts"),
        (lambda: Counts.from_labels([0, "a"]), "whole numbers or texts"),
        (lambda: Counts.from_labels([0, 1], k=2.5), "got 2.5"),
        (lambda: Counts.from_shares([0.5]), "at least 2 positive numbers"),
        (lambda: Counts.from_labels([0.0, 1.0]), "whole numbers"),
        (lambda: Counts.from_labels([]), "at least one label"),
    ],
)
def test_profiles_refuse_what_makes_no_counts(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("minority", "ratio"),
    [(np.uint8(200), 100), (5, np.int8(100)), (np.float16(1000), np.float16(100))],
)
def test_profiles_multiply_beyond_a_narrow_type(minority, ratio):
    assert Counts.step(4, minority, ratio) == Counts.step(4, int(minority), int(ratio))


@pytest.mark.parametrize("kind", [np.float32, np.float16])
@pytest.mark.parametrize(
    "make",
    [
        lambda a: Adjustment.effective_number([100, 5], a).weight,
        lambda a: Adjustment.weighted([100, 5], a).weight,
        lambda a: Adjustment.vs([100, 5], a, a).scale,
        lambda a: predict.compositional(4, 2, a).embeddings.matrix(),
        lambda a: predict.uniform_energy(5, a),
        lambda a: predict.contraction([9, 5], a, a).along,
        lambda a: predict.graph_solution(4, 3, a, 2).objective,
        lambda a: predict.nonnegative([9, 5], a).embeddings.matrix(),
    ],
)
def test_a_number_of_a_narrow_type_is_not_rounded_further(make, kind):
    assert np.array_equal(make(kind(0.37)), make(float(kind(0.37))))


@pytest.mark.parametrize(
    "make",
    [
        lambda n: predict.graph_solution(4, n, 0.01, 2).objective,
        lambda n: predict.compositional(n, 2, 0.1).embeddings.matrix(),
        lambda n: predict.uniform_energy(n, 0.5),
        lambda n: predict.code_bounds(n, 5),
        lambda n: predict.step_limit(n).classifiers,
        lambda n: solve.graph_classes(np.eye(2), [2, 2], 0.1, n, starts=1).objective,
        lambda n: solve.deep_relu([2, 2], 0.1, 2, n, starts=1).objectives,
        lambda n: solve.spherical([5, 5, 5], n, [0.3], starts=1)[0].margins,
        lambda n: lopsided.measure.RegressionMoments(n, n).scatters[0].shape,
    ],
)
@pytest.mark.parametrize("kind", [np.uint8, np.int8, np.uint64])
def test_whole_numbers_of_a_narrow_type_do_not_leave_it(make, kind):
    assert np.array_equal(make(kind(100)), make(100))


@pytest.mark.parametrize("k", range(2, 9))
def test_an_exponential_tail_of_whole_numbers_has_them(k):
    for b in range(2, 40):
        for least in (1, 3, 50):
            tail = [least * b**c for c in reversed(range(k))]
            assert Counts.exponential(k, tail[0], b ** (k - 1)).values.tolist() == tail


@pytest.mark.parametrize("loss", [CrossEntropy(), Squared()])
@pytest.mark.parametrize("shape", [(3, 1), (1, 3), (3,), ()])
def test_logits_are_not_spread_over_targets(loss, shape):
    with pytest.raises(ValueError, match=r"shape \(3, 3\), classes by columns"):
        loss.value(np.zeros(shape), Targets.classes([5, 3, 2]))


@pytest.mark.parametrize("given", ["cdt", None, [1.0, 2.0]])
def test_a_cross_entropy_has_an_adjustment(given):
    with pytest.raises(TypeError, match="must be an Adjustment"):
        CrossEntropy(given)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"scale": [1, 0]}, "scale must be positive finite numbers, got 0.0 for class 1"),
        ({"margin": [1, -2]}, "margin must be positive"),
        ({"weight": [np.nan, 1]}, "got nan for class 0"),
        ({"shift": [np.inf, 1]}, "shift must be finite"),
        ({"scale": [1, 2], "shift": [1, 2, 3]}, "one length"),
        ({"scale": [[1, 2]]}, "one number a class"),
    ],
)
def test_adjustments_refuse_impossible_parameters(arrays, message):
    with pytest.raises(ValueError, match=message):
        Adjustment(**arrays)


def test_an_adjustment_for_other_classes_is_refused():
    with pytest.raises(ValueError, match="scale has 2 entries, but there are 3 classes"):
        Adjustment(scale=[1, 2]).resolve(Counts([1, 2, 3]))


def test_matrices_of_different_classes_or_none_have_no_distance():
    three, four = predict.etf(3), predict.etf(4)
    with pytest.raises(ValueError, match="3 classes with 4 classes"):
        distance(three, four)
    with pytest.raises(ValueError, match="no direction"):
        distance(three.classifiers, Gram.of_vectors(np.zeros((3, 2))))
    with pytest.raises(TypeError, match="Geometry and Gram"):
        distance(three, three.classifiers)


def test_vectors_say_which_width_would_do():
    with pytest.raises(ValueError, match="spans 3 dimensions, d=2 is too small"):
        predict.etf(4).vectors(2)


def test_grams_refuse_what_is_no_gram():
    with pytest.raises(ValueError, match="class 1 is not finite"):
        Gram.of_vectors([[1, 2], [np.nan, 1]])
    with pytest.raises(ValueError, match="shape"):
        Gram.of_vectors([1, 2])
    for make in (Gram.of_vectors, Gram.of_matrix):
        with pytest.raises(ValueError, match="at least one vector"):
            make(np.ones((0, 0)))
    with pytest.raises(ValueError, match="symmetric"):
        Gram.of_matrix([[1, 2], [3, 4]])
    with pytest.raises(ValueError, match="that of 0 and 1 is inf"):
        Gram.of_matrix([[1, np.inf], [np.inf, 1]])
    with pytest.raises(ValueError, match="one shape"):
        Geometry.of_vectors(np.ones((3, 2)), np.ones((3, 3)), Source("x"))


@pytest.mark.parametrize("kind", [np.float64, np.float32, np.float16])
def test_inner_products_that_no_vectors_have_are_refused_and_rounded_ones_taken(kind):
    short = 1e-6 if kind is np.float64 else 1.0
    for impossible in (
        [
            [1, 0, 0],
            [0, short**2, 1.5 * short**2],
            [0, 1.5 * short**2, short**2],
        ],  # a cosine of 1.5
        [[1, -0.9, -0.9], [-0.9, 1, -0.9], [-0.9, -0.9, 1]],
        [[0, 1, 0], [1, 0, 0], [0, 0, 1]],  # a vector of length zero with an inner product
    ):
        with pytest.raises(ValueError, match=r"least eigenvalue of the cosines is -\S+, below -"):
            Gram.of_matrix(np.array(impossible, kind))
    vectors = np.random.default_rng(0).normal(size=(60, 3)).astype(kind) * np.geomspace(1, 30, 60)[
        :, None
    ].astype(kind)
    vectors[7] = 0
    for rank in (vectors, vectors - vectors.mean(axis=0), 0 * vectors):
        assert Gram.of_matrix(rank @ rank.T).k == 60


def test_rounding_makes_no_gram_asymmetric():
    single = np.array([[1.0, 1e-8], [-1e-8, 1.0]], np.float32)
    assert Gram.of_matrix(single).matrix() == pytest.approx(np.eye(2))
    with pytest.raises(ValueError, match=r"entries \(0, 1\) and \(1, 0\) are 1e-08 and -1e-08"):
        Gram.of_matrix(single.astype(np.float64))


def test_a_geometry_takes_counts_as_they_come_and_a_source():
    assert Geometry.of_vectors(np.eye(2), np.eye(2), Source("x"), [5, 2]).counts == Counts([5, 2])
    with pytest.raises(TypeError, match=r"make one: Source\(name\)"):
        Geometry.of_vectors(np.eye(2), np.eye(2), "x")


def test_a_geometry_with_a_class_of_zeros_is_json():
    told = predict.squared([100, 25, 2], ridge=2.0).to_dict()
    assert json.loads(json.dumps(told, allow_nan=False))["alignment"][-1] is None


@pytest.mark.parametrize("ending", ["json", "npz"])
@pytest.mark.parametrize("content", [b"", b"[]", b"{}"])
@pytest.mark.parametrize("kind", [Geometry, solve.Trajectory])
def test_what_is_no_saved_geometry_or_path_is_named(kind, content, ending, tmp_path):
    predict.etf(2).save(tmp_path / "it")
    if kind is solve.Trajectory:
        problem = Problem([2, 1], ridge=0.0)
        solve.train(problem, solve.Optimizer("descent", 0.1), 1).save(tmp_path / "it")
    kind.load(tmp_path / "it")
    (tmp_path / f"it.{ending}").write_bytes(content)
    with pytest.raises(ValueError, match=rf"it.{ending} is damaged"):
        kind.load(tmp_path / "it")


def test_the_arrays_of_one_save_are_not_read_with_the_facts_of_another(tmp_path):
    problem = Problem([2, 1], ridge=0.0)
    for kind, one, other in (
        (Geometry, predict.etf(2), predict.etf(3)),
        (
            solve.Trajectory,
            *(solve.train(problem, solve.Optimizer("descent", rate), 1) for rate in (0.1, 0.2)),
        ),
    ):
        one.save(tmp_path / "it")
        kept = (tmp_path / "it.json").read_bytes()
        other.save(tmp_path / "it")
        kind.load(tmp_path / "it")
        (tmp_path / "it.json").write_bytes(kept)  # as a kill between the two files leaves it
        with pytest.raises(ValueError, match=r"it\.npz is of another save"):
            kind.load(tmp_path / "it")


@pytest.mark.parametrize("seed", range(40))
def test_facts_that_were_changed_are_refused_or_say_the_same(tmp_path, seed):
    geometry = predict.seli(Counts([50, 5], names=["cat", "dog"]))
    geometry.save(tmp_path / "it")
    place = tmp_path / "it.json"
    place.write_bytes(mutated(place.read_bytes(), np.random.default_rng(seed)))
    with contextlib.suppress(ValueError):
        found = Geometry.load(tmp_path / "it")
        assert (found.source, found.counts.names) == (geometry.source, geometry.counts.names)


@pytest.mark.parametrize("ending", ["json", "npz"])
@pytest.mark.parametrize("kind", [Geometry, solve.Trajectory])
def test_pipes_in_the_place_of_saved_files_are_refused(tmp_path, kind, ending):
    predict.seli([50, 5]).save(tmp_path / "it")
    if kind is solve.Trajectory:
        solve.train(Problem([50, 5], ridge=0.1), solve.Optimizer("descent", 0.1), 1).save(
            tmp_path / "it"
        )
    place = tmp_path / f"it.{ending}"
    place.unlink()
    os.mkfifo(place)
    with pytest.raises(ValueError, match=rf"it\.{ending} is a named pipe, not a file"):
        kind.load(tmp_path / "it")


@pytest.mark.parametrize(
    ("ending", "content"),
    [("npz", None), ("json", b'{"rate": 0.1}'), ("json", b"[]"), ("json", b"{"), ("npz", b"PK")],
)
def test_what_no_save_wrote_is_not_written_over(tmp_path, ending, content):
    place, geometry = tmp_path / f"run.{ending}", predict.seli([50, 5])
    if content is None:
        np.savez(place, features=np.eye(2), labels=[0, 1], counts=[50, 5])
        content = place.read_bytes()
    place.write_bytes(content)
    path = solve.train(Problem([50, 5], ridge=0.1), solve.Optimizer("descent", 0.1), 1)
    for noun in (geometry, path):
        with pytest.raises(ValueError, match=rf"run\.{ending} is there and no save wrote it: move"):
            noun.save(tmp_path / "run")
    assert place.read_bytes() == content
    assert [*tmp_path.iterdir()] == [place]
    place.write_bytes(b"")  # as who makes a name for it leaves a file
    for noun in (geometry, path, path, geometry):
        noun.save(tmp_path / "run")
        facts = json.loads((tmp_path / "run.json").read_text())
        (tmp_path / "run.json").write_text(json.dumps(facts, sort_keys=True))  # as tools do


def test_saved_facts_larger_than_memory_are_refused_unread(tmp_path):
    predict.seli([50, 5]).save(tmp_path / "it")
    os.truncate(tmp_path / "it.json", 2**43)
    with pytest.raises(MemoryError, match="8,192"):
        Geometry.load(tmp_path / "it")


def test_saved_arrays_that_would_grow_in_memory_are_refused_unread(tmp_path):
    (geometry := predict.seli([50, 5])).save(tmp_path / "it")
    arrays = dict(np.load(tmp_path / "it.npz"))
    np.savez_compressed(tmp_path / "it.npz", **arrays | {"counts": np.ones(10**6, np.int64)})
    facts = {"source": dataclasses.asdict(geometry.source), "names": None}
    (tmp_path / "it.json").write_text(json.dumps(facts))  # as of older versions
    with pytest.raises(ValueError, match=r"it\.npz is damaged \(its arrays take 8,00"):
        Geometry.load(tmp_path / "it")


def test_absurd_matrices_are_refused_with_the_memory_they_need():
    gram = predict.seli(Counts.step(k=10**7, minority=5, ratio=10)).classifiers
    with pytest.raises(MemoryError, match="GiB"):
        gram.matrix()


def test_classes_that_do_not_exist_are_refused():
    with pytest.raises(IndexError, match="classes are 0 to 2"):
        predict.etf(3).classifiers.cosine(0, 3)


@pytest.mark.parametrize("kind", [np.uint8, np.int8, np.uint16, np.uint64])
def test_classes_are_named_by_labels_of_any_width(kind):
    gram, classes = predict.seli(Counts.step(k=300, minority=1, ratio=9)).classifiers, [0, 1, 120]
    labels = np.array(classes, kind)
    assert np.array_equal(
        gram.cosine(labels, labels[:, None]), gram.cosines()[:121][classes][:, classes]
    )


def test_the_cosine_of_a_zero_vector_is_not_a_number():
    gram = Gram.of_vectors([[1.0, 0.0], [0.0, 0.0]])
    assert np.isnan(gram.cosine(0, 1))
    assert np.isnan(gram.cosines()[0, 1])


def test_saved_python_objects_are_refused_unread(tmp_path):
    matrix = Pairing.paired(Groups.single(2), np.ones((1, 1)), np.ones((1, 1)), np.ones(1))
    geometry = Geometry(predict.etf(2).classifiers, predict.etf(2).embeddings, matrix, Source("x"))
    geometry.save(tmp_path / "g")
    facts = json.loads((tmp_path / "g.json").read_text())
    del facts["sha256"], facts["sha256 of the rest"]  # as of older versions
    (tmp_path / "g.json").write_text(json.dumps(facts))
    assert Geometry.load(tmp_path / "g").source.name == "x"
    np.savez(tmp_path / "g.npz", **{"classifiers.labels": np.array([{}], object)})
    with pytest.raises(ValueError, match="allow_pickle"):
        Geometry.load(tmp_path / "g")


def test_lopsided_and_its_prediction_never_import_torch():
    code = (
        "import sys, lopsided; lopsided.predict.seli(lopsided.Counts([5, 3])); assert 'torch' not"
        " in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_package_names_what_it_does_not_have():
    with pytest.raises(AttributeError, match="no attribute 'foo'"):
        lopsided.foo  # noqa: B018


@pytest.mark.parametrize(
    "make", [Adjustment.cdt, Adjustment.ldt, Adjustment.weighted, Adjustment.logit_adjusted]
)
def test_exponents_that_are_no_numbers_are_refused_even_for_equal_counts(make):
    with pytest.raises(ValueError, match="must be finite"):
        make(Counts([5, 5]), float("nan"))


def test_a_geometry_keeps_its_numbers_when_the_vectors_it_was_made_of_are_trained_on():
    W, M = np.eye(3), np.ones((3, 3)) - np.eye(3)
    made = [
        Geometry.of_vectors(W, M, Source("network")).logits,
        Geometry.of_factors(W, M, Source("network")).logits,
        Pairing.of_matrix(W),
        Pairing.of_factors(W, M),
    ]
    before = [pairing.matrix() for pairing in made]
    W *= 5.0
    for pairing, matrix in zip(made, before, strict=True):
        np.testing.assert_array_equal(pairing.matrix(), matrix)


def test_what_a_noun_holds_is_not_written_to():
    seli = predict.seli([50, 5])
    held = [seli.counts.distinct, seli.counts.groups.labels, seli.counts.groups.sizes]
    for array in [*held, seli.logits.left, seli.logits.own, seli.classifiers.diagonal]:
        with pytest.raises(ValueError, match="read-only"):
            array *= 2


class Column(list):
    """A column of a table, sorted by size as `value_counts` does."""

    index = (2, 0, 1)


@pytest.mark.parametrize("take", [Counts, lambda x: Adjustment(weight=x), solve.layer_peeled])
def test_a_column_in_another_order_gives_no_class_the_number_of_another(take):
    wanted = r"index \[2, 0, 1\].*in the order of the labels 0 to 2"
    with pytest.raises(ValueError, match=wanted):
        take(Column([50, 20, 5]), **({"e_w": 1, "e_h": 1} if take is solve.layer_peeled else {}))


def test_counts_of_counts_keep_their_names_but_for_others_that_are_given():
    named = Counts([5, 3], names=["cat", "dog"])
    assert Counts(named).names == ("cat", "dog")
    assert Counts(named, names=["ox", "owl"]).names == ("ox", "owl")
    assert Counts(Counts([5, 3])).names is None


def test_a_space_is_a_character_and_no_blank_name():
    assert Counts.from_labels(list("a b b\n")).names == ("\n", " ", "a", "b")


@pytest.mark.parametrize("names", [{"cat", "dog"}, {"dog": 1, "cat": 0}])
def test_names_without_an_order_are_refused(names):
    with pytest.raises(TypeError, match="sequence of texts"):
        Counts([5, 3], names)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (lambda: Counts([5, 3, 2], ["a", "b", "c"]).called([True, False, True]), "flatnonzero"),
        (lambda: Counts.step(10, 5, 10, rho=1e-300), "between 1 and 9"),
        (lambda: Adjustment(scale=[1, 2], per_sample="no"), "True or False"),
        (lambda: Adjustment.ldam([5, 3], max_margin=[0.5]), "one number"),
        (lambda: Targets.label_sets([[1, 0, 0], [0, 1, 0]], 3), "each label once"),
        (lambda: predict.etf(3).split(predict.etf(3), cutoff=0.0), "cutoff must be a share"),
        (lambda: solve.path(Problem([5, 3], ridge=1.0), [1.0], tolerance=-1), "tolerance must"),
        (lambda: solve.path(Problem([5, 3], ridge=1.0), [1.0], method="none"), "method must"),
        (lambda: solve.minimize(Problem([5, 3], ridge=1.0), tolerance=1), "below 1"),
    ],
)
def test_arguments_that_mean_something_else_are_refused(asked, message):
    with pytest.raises((ValueError, TypeError, IndexError), match=message):
        asked()


@pytest.mark.parametrize("other", [Problem([9, 5], ridge=0.5), Problem([5, 9], ridge=0.1)])
def test_a_path_is_resumed_on_its_own_problem_only(other):
    adam = solve.Optimizer("adam", 0.05)
    path = solve.train(Problem([9, 5], ridge=0.1), adam, 20)
    with pytest.raises(ValueError, match="same problem"):
        solve.train(other, adam, 40, resume=path)
