"""Pictures of geometries: what is drawn is what the geometry says."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from lopsided import (
    Adjustment,
    Counts,
    Geometry,
    Gram,
    Problem,
    Source,
    Targets,
    measure,
    plot,
    predict,
    solve,
)
from lopsided.plot.frame import _oriented, _project
from lopsided.plot.style import FAINT, MAJORITY, MIDDLE, MINORITY, class_colours, number
from lopsided.report import drawn
from lopsided.report.blocks import svg_of


@pytest.fixture
def ax():
    return Figure().subplots()


def rings(ax):
    return [line for line in ax.lines if line.get_marker() == "o" and line.get_markersize() == 6]


def texts(ax):
    return [text.get_text() for text in ax.texts]


def test_the_frame_of_three_classes_has_the_true_angles_and_lengths(ax):
    geometry = predict.seli(Counts([40, 7, 2]))
    plot.frame(geometry, ax)
    means = np.array([line.get_xydata()[0] for line in rings(ax)])
    assert Gram.of_vectors(means).distance(geometry.embeddings) < 1e-12
    assert [to_hex(line.get_color()) for line in rings(ax)] == [MAJORITY, MIDDLE, MINORITY]
    assert {"$w_0$", "$w_1$", "$w_2$"} <= set(texts(ax))


@pytest.mark.parametrize(
    "counts", [[9, 9, 9, 9], [100, 100, 1, 1], [1, 5, 50, 3], [8, 3, 1], [5, 2]]
)
def test_the_orientation_keeps_the_geometry(counts):
    geometry = predict.seli(Counts(counts))
    w, m = _oriented(geometry, list(np.argsort(counts)[::-1]))
    np.testing.assert_allclose(w @ w.T, geometry.classifiers.matrix(), atol=1e-8)
    np.testing.assert_allclose(m @ m.T, geometry.embeddings.matrix(), atol=1e-8)
    np.testing.assert_allclose(w @ m.T, geometry.logits.matrix(), atol=1e-8)


def test_the_projection_is_a_shadow_along_the_line_of_sight():
    points = np.random.default_rng(0).standard_normal((6, 3))
    places, nearness = _project(points)
    np.testing.assert_allclose(
        np.linalg.norm(places, axis=1) ** 2 + nearness**2, np.linalg.norm(points, axis=1) ** 2
    )


def test_the_frame_does_not_depend_on_the_order_of_the_classes():
    figure = Figure()
    one, other = figure.subplots(1, 2)
    plot.frame(predict.seli(Counts([100, 20, 3, 1])), one)
    plot.frame(predict.seli(Counts([1, 3, 20, 100])), other)
    a, b = (np.array([line.get_xydata()[0] for line in rings(ax)]) for ax in (one, other))
    np.testing.assert_allclose(a, b[::-1], atol=1e-7)


def test_names_in_the_frame_do_not_overlap():
    for counts in ([100, 100, 1, 1], [10, 10, 1], [50, 20, 9, 1], [7, 3], [5, 5, 5, 5]):
        figure = Figure(figsize=(4, 4))
        ax = plot.frame(predict.seli(Counts(counts)), figure.subplots())
        figure.draw_without_rendering()
        boxes = [text.get_window_extent() for text in ax.texts]
        assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_a_frame_of_five_classes_is_refused(ax):
    with pytest.raises(ValueError, match="at most 4 classes"):
        plot.frame(predict.etf(5), ax)


def test_a_frame_of_contexts_is_refused(ax):
    pairs = [[1, 1, 1, 0, 0, 0], [1, 0, 0, 1, 1, 0], [0, 1, 0, 1, 0, 1], [0, 0, 1, 0, 1, 1]]
    with pytest.raises(ValueError, match="4 classifiers and 6 embeddings of other samples"):
        plot.frame(predict.supports(pairs), ax)


def test_a_frame_of_vanished_vectors_is_refused_or_drawn_without_them(ax):
    source, zero = predict.etf(3).source, np.zeros((3, 2))
    with pytest.raises(ValueError, match="nothing to draw"):
        plot.frame(Geometry.of_vectors(zero, zero, source), ax)
    means = np.array([[1.0, 0.0], [-0.5, 0.8], [-0.5, -0.8]])
    plot.frame(Geometry.of_vectors(zero, means, source), ax)
    drawn = np.array([line.get_xydata()[0] for line in rings(ax)])
    np.testing.assert_allclose(drawn @ drawn.T, means @ means.T, atol=1e-8)


def test_the_heatmap_shows_the_cosines_and_leaves_out_the_diagonal(ax):
    counts = Counts([5, 50, 5, 50])
    gram = predict.seli(counts).classifiers
    plot.gram(gram, ax, counts=counts)
    drawn, order = ax.images[0].get_array(), [1, 3, 0, 2]
    wanted = gram.cosines()[np.ix_(order, order)]
    assert drawn.mask.diagonal().all()
    np.testing.assert_allclose(drawn.filled(1.0), wanted, atol=1e-12)
    assert texts(ax) == [
        number(wanted[0, 1]),
        number(wanted[0, 2]),
        number(wanted[0, 2]),
        number(wanted[2, 3]),
    ]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["50", "5"]


def test_the_heatmap_of_a_million_classes_draws_some_of_them(ax):
    counts = Counts.step(k=1_000_000, minority=3, ratio=10)
    plot.gram(predict.seli(counts).classifiers, ax, counts=counts)
    assert ax.images[0].get_array().shape == (200, 200)


def test_heatmaps_of_other_counts_are_refused(ax):
    with pytest.raises(ValueError, match="counts are of 3 classes, the vectors of 4"):
        plot.gram(predict.etf(4).classifiers, ax, counts=Counts([1, 2, 3]))


@pytest.mark.parametrize("named", [None, list("wxyz")])
def test_names_given_are_those_of_groups_too(ax, named):
    counts = Counts([50, 50, 5, 5], named)
    plot.gram(predict.seli(counts).classifiers, ax, counts=counts, names=list("abcd"))
    assert [label.get_text() for label in ax.get_xticklabels()] == ["a +1", "c +1"]


@pytest.mark.parametrize("names", [["a"], list("abcde")])
def test_names_of_other_classes_are_refused(ax, names):
    gram = predict.etf(4).classifiers
    for draw in (
        lambda: plot.gram(gram, ax, names=names),
        lambda: plot.class_norms(gram, {}, [1, 2, 3, 4], ax, names=names),
    ):
        with pytest.raises(ValueError, match=f"names are of {len(names)} classes"):
            draw()


def test_a_binned_heatmap_shows_the_mean_cosine_of_two_different_classes(ax):
    rng, counts = np.random.default_rng(0), Counts.exponential(230, 500, 100)
    vectors = rng.standard_normal((230, 20))
    vectors[100] = 0
    for gram in (Gram.of_vectors(vectors), predict.seli(counts).classifiers):
        ax.clear()
        plot.gram(gram, ax, counts=counts)
        drawn, cosines = ax.images[-1].get_array().filled(np.nan), gram.cosines()
        np.fill_diagonal(cosines, np.nan)
        order = np.argsort(-counts.values, kind="stable")
        bins = [order[np.arange(230) * 200 // 230 == b] for b in range(200)]
        for i, j in [
            (0, 0),
            (0, 1),
            (7, 7),
            (7, 120),
            (86, 87),
            (199, 199),
            (6, 6),
            (13, 13),
            (87, 87),
        ]:
            pairs = cosines[np.ix_(bins[i], bins[j])]
            wanted = np.nanmean(pairs) if np.isfinite(pairs).any() else np.nan
            np.testing.assert_allclose(drawn[i, j], wanted, atol=1e-12)
        alone = [np.count_nonzero(gram.norms()[part]) < 2 for part in bins]
        assert np.isnan(drawn.diagonal()).tolist() == alone


def test_the_marks_of_norms_are_whole_and_every_prediction_has_its_line(ax):
    counts = Counts.step(k=10, minority=5, ratio=10)
    spread = np.diag(np.linspace(0.98, 1.02, 10))
    laws = {name: predict.etf(10).classifiers for name in "abcdef"}
    for measured in (Gram.of_vectors(spread), predict.seli(counts).classifiers):
        ax.clear()
        plot.class_norms(measured, laws, counts, ax)
        ax.figure.draw_without_rendering()
        marks = next(line for line in ax.lines if line.get_marker() == "o")
        x, y = ax.transData.transform(marks.get_xydata()).T
        frame, radius = ax.get_window_extent(), marks.get_markersize() / 2 * ax.figure.dpi / 72
        assert y.max() + radius < frame.y1
        assert frame.x0 < x.min() - radius
        assert x.max() + radius < frame.x1
        assert [text.get_text() for text in ax.get_legend().get_texts()] == [*"abcdef", "measured"]


def test_classes_left_out_of_a_measurement_do_not_rename_the_others(ax):
    counts, labels = Counts([9, 9, 1]), ["0", "4", "7"]
    plot.class_norms(predict.etf(3).classifiers, {}, counts, ax, names=labels)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0", "4", "7"]
    plot.gram(Gram.of_vectors(np.eye(3)), ax, counts=counts, names=labels)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["0", "4", "7"]


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        ([9, 9, 1, 1], "samples a context"),
        ([9, 5, 1, 2], "context, from the largest to the smallest"),
        (np.arange(1, 31), "samples of a context, from the largest to the smallest"),
        ({"a": 9, "b": 9, "c": 1}, "context, from the largest to the smallest"),
    ],
)
def test_vectors_are_of_what_they_are_said_to_be(counts, told, ax):
    counts = Counts.of(counts)
    plot.gram(predict.seli(counts).classifiers, ax, counts=counts, of="context")
    assert ax.get_xlabel() == told


def test_distances_to_no_prediction_are_refused(ax):
    with pytest.raises(ValueError, match="no prediction to draw a distance to"):
        plot.distances(predict.etf(3), {}, ax)


def test_curves_draw_the_published_numbers_and_leave_room_for_marks():
    axes = list(Figure().subplots(1, 3))
    ratios = [1, 10, 100]
    theory = [predict.seli(Counts.step(k=10, minority=1, ratio=ratio)) for ratio in ratios]
    plot.curves(ratios, theory, axes, label="R", measured={"network": ([10], theory[1:2])})
    lines = [{line.get_label(): line.get_ydata() for line in ax.lines} for ax in axes]
    np.testing.assert_allclose(lines[0]["classifiers"], [1, 2.672, 5.766], atol=5e-4)
    np.testing.assert_allclose(lines[0]["class means"], [1, 0.3508, 0.1156], atol=5e-5)
    np.testing.assert_allclose(lines[1]["minority"], [-0.1111, 0.0334, 0.3380], atol=5e-5)
    np.testing.assert_allclose(lines[2]["across"][1], -0.0854, atol=5e-5)
    assert all(ax.get_legend().get_texts()[-1].get_text() == "network" for ax in axes)


def test_curves_draw_the_mean_of_the_classes_of_one_count():
    """Against loops over pairs, for networks, whose classes of one count are not alike."""
    rng, places = np.random.default_rng(0), [1, 2, 3]
    counts = [Counts([50, 5, 9, 50, 5, 50]), Counts([50, 50, 5, 5]), Counts([7, 7, 7])]
    networks = [
        Geometry.of_vectors(rng.normal(size=(c.k, 9)), rng.normal(size=(c.k, 9)), Source("net"), c)
        for c in counts
    ]
    axes = list(Figure().subplots(1, 3))
    theory = [predict.seli(c) for c in counts]
    plot.curves(places, theory, axes, label="", measured={"net": (places, networks)})
    for ax, part in zip(axes[1:], ("classifiers", "embeddings"), strict=True):
        for i, (network, law) in enumerate(zip(networks, theory, strict=True)):
            n = network.counts.values
            large, small = (np.flatnonzero(n == end) for end in (n.max(), n.min()))
            for j, geometry in enumerate((law, network)):
                gram = getattr(geometry, part)
                square = gram.squared_norms()
                ratio = axes[0].lines[2 * j + (part == "embeddings")].get_ydata()[i]
                assert ratio == pytest.approx(square[large].mean() / square[small].mean())
                for line, (a, b) in enumerate(((large, large), (small, small), (large, small))):
                    cosines = [gram.cosine(c, e) for c in a for e in b if c != e]
                    drawn = ax.lines[3 * j + line].get_ydata()[i]
                    assert drawn == pytest.approx(np.mean(cosines))


def test_a_network_that_is_its_law_lies_on_its_curves():
    """Also where the class means of the law are not about their own mean, as a network's are."""
    counts, gammas = Counts([50, 50, 5, 5]), [0.3, 0.5]
    laws = [predict.cross_entropy(counts, Adjustment.ldt(counts, gamma)) for gamma in gammas]
    networks = []
    for law in laws:
        W, M = law.vectors()
        moments = measure.Moments(*M.shape)
        moments.update(M + 1.0, np.arange(counts.k))
        networks.append(measure.geometry(moments, W, counts=counts))
    axes = list(Figure().subplots(1, 3))
    plot.curves(gammas, laws, axes, label="", measured={"net": (gammas, networks)})
    for ax, lines in zip(axes, (2, 3, 3), strict=True):
        for law, network in zip(ax.lines[:lines], ax.lines[lines : 2 * lines], strict=True):
            np.testing.assert_allclose(network.get_ydata(), law.get_ydata(), atol=1e-9)


def test_lines_run_along_the_axis_whatever_the_order_of_what_is_given():
    """`solve.path` keeps the order of the ridges, which may be any."""
    counts, ridges = Counts([20, 20, 2, 2]), [0.1, 3.0, 0.01, 1.0]
    optima = solve.path(Problem(counts, ridge=1.0), ridges)
    for goal in (None, predict.seli(counts)):
        lines = plot.ridge_path(optima, Figure().subplots(), goal).lines
        again = plot.ridge_path(optima[::-1], Figure().subplots(), goal).lines
        for line, other in zip(lines, again, strict=True):
            assert line.get_xdata().tolist() == sorted(ridges, reverse=True)
            assert line.get_ydata().tolist() == other.get_ydata().tolist()
    ratios = [10, 1, 100]
    theory = [predict.seli(Counts.step(k=4, minority=1, ratio=ratio)) for ratio in ratios]
    norms, *_ = plot.curves(ratios, theory, list(Figure().subplots(1, 3)), label="R")
    line = norms.lines[0]
    assert line.get_xdata().tolist() == sorted(ratios)
    assert line.get_ydata().tolist() == sorted(line.get_ydata())


def test_curves_run_along_an_exponent_too():
    axes = list(Figure().subplots(1, 3))
    counts, gammas = Counts.step(k=10, minority=5, ratio=10), np.linspace(0, 1, 5)
    plot.curves(
        gammas,
        [predict.cross_entropy(counts, Adjustment.cdt(counts, gamma)) for gamma in gammas],
        axes,
        label="γ",
        log=False,
    )
    assert axes[0].get_xscale() == "linear"


@pytest.mark.parametrize(
    ("places", "geometries", "axes", "message"),
    [
        ([1], [predict.seli(Counts([2, 1]))], 2, "need 3 axes, got 2"),
        ([1, 2], [predict.seli(Counts([2, 1]))], 3, "one geometry a place"),
        ([1], [predict.etf(3)], 3, "ETF has no class counts"),
        ([0], [predict.seli(Counts([2, 1]))], 3, "positive on a logarithmic axis.* got 0"),
        ([np.nan], [predict.seli(Counts([2, 1]))], 3, "places must be .* got nan"),
        ([], [], 3, "no geometry to draw"),
    ],
)
def test_curves_refuse_what_they_cannot_draw(places, geometries, axes, message):
    with pytest.raises(ValueError, match=message):
        plot.curves(places, geometries, list(Figure().subplots(1, axes)), label="R")


def test_on_a_page_what_has_no_cosine_is_grey_too_and_the_page_is_seen_through_the_rest():
    no_class = Gram.of_vectors([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    shown = [
        drawn(draw, "label").svg
        for draw in (lambda ax: plot.gram(no_class, ax), lambda ax: plot.counts([9, 5], ax))
    ]
    assert [f"fill: {FAINT}" in svg for svg in shown] == [True, False]
    assert "fill: #ffffff" not in shown[1]


def test_every_training_path_is_drawn_in_a_colour_of_its_own(ax):
    steps, distances = np.array([0, 1, 2]), np.ones((3, 3))
    path = SimpleNamespace(steps=steps, distances=distances)
    plot.training_paths({str(i): path for i in range(12)}, ax)
    assert len({to_hex(line.get_color()) for line in ax.lines}) == 12


def test_every_prediction_is_drawn_in_a_colour_of_its_own():
    geometry, predictions = predict.seli([9, 5, 1]), {str(i): predict.etf(3) for i in range(6)}
    grams = {name: other.classifiers for name, other in predictions.items()}
    norms = plot.class_norms(geometry.classifiers, grams, [9, 5, 1], Figure().subplots())
    bars = plot.distances(geometry, predictions, Figure().subplots())
    assert len({to_hex(line.get_color()) for line in norms.lines}) == 7  # and the measured
    assert len({to_hex(bar.get_facecolor()) for bar in bars.patches}) == 6


@pytest.mark.parametrize(("number", "high"), [(1, 6), (2, 6), (3, 6), (4, 9), (7, 9)])
def test_the_legend_of_distances_covers_neither_their_numbers_nor_a_title(number, high):
    figure = Figure(figsize=(11, high), layout="constrained")
    ax = figure.subplots(3, 2)[2, 1]
    predictions = {f"UFM, ridge {i}": predict.etf(3) for i in range(number)}
    plot.distances(predict.seli([9, 5, 1]), predictions, ax).set_title("distances to predictions")
    figure.draw_without_rendering()
    legend = ax.get_legend().get_window_extent()
    assert not any(legend.overlaps(text.get_window_extent()) for text in (*ax.texts, ax.title))
    assert not any(legend.overlaps(bar.get_window_extent()) for bar in ax.patches)


def test_many_classes_in_two_pictures_have_room_to_say_what_they_are():
    law = predict.seli(counts := Counts.zipf(k=1000, largest=10_000))
    figure = Figure(figsize=(8.4, 4.2), layout="constrained")
    left, right = (plot.gram(law.classifiers, ax, counts=counts) for ax in figure.subplots(1, 2))
    figure.draw_without_rendering()
    first, second = (ax.xaxis.label.get_window_extent() for ax in (left, right))
    assert left.get_xlabel().endswith("200 bins of 1,000")
    assert not first.overlaps(second)
    assert first.x0 >= 0


def test_legends_hold_every_name():
    odd, law, steps = ["_silence_", "US$ 5$", "a$^$"], predict.seli([9, 5, 1]), np.arange(3)
    optima = solve.path(Problem(Counts([9, 5, 1], odd), ridge=1.0), [1.0, 0.1])
    path = SimpleNamespace(steps=steps, distances=np.ones((3, 3)))
    drawn = [
        plot.ridge_path(optima, Figure().subplots()),
        plot.training_paths({"_silence_": path}, Figure().subplots()),
        plot.class_norms(
            law.classifiers, {"_silence_": law.classifiers}, [9, 5, 1], Figure().subplots()
        ),
        plot.distances(law, {"_silence_": law}, Figure().subplots()),
        plot.curves(
            [1],
            [law],
            Figure().subplots(1, 3),
            label="R",
            measured={"_silence_": ([1], [law])},
        )[0],
    ]
    for axes in drawn:
        axes.figure.draw_without_rendering()  # a dollar of a class is no mathematics
        assert "_silence_" in [text.get_text().strip() for text in axes.get_legend().get_texts()]
    named = [text.get_text() for text in drawn[0].get_legend().get_texts()]
    assert sorted(name.strip().replace("\\", "") for name in named) == sorted(odd)


@pytest.mark.parametrize("limit", [0, -1.0, float("nan"), float("inf")])
def test_no_scale_of_colours_is_turned_around(ax, limit):
    with pytest.raises(ValueError, match="strongest colour must be positive, got limit="):
        plot.gram(predict.etf(3).classifiers, ax, limit=limit)


def test_classes_are_coloured_by_their_size():
    assert class_colours(Counts([9, 5, 1]), 3) == [MAJORITY, MIDDLE, MINORITY]
    assert class_colours(Counts([5, 5]), 2) == class_colours(None, 2) == [MAJORITY] * 2


def test_numbers_are_written_as_papers_write_them():
    assert [number(value) for value in (-0.14395, 0.03, -1.0, 0.0, 0.999)] == [
        "−.14",
        ".03",
        "−1.00",
        ".00",
        "1.00",
    ]


def test_a_saved_picture_is_the_same_every_time(tmp_path):
    def draw(name):
        figure = Figure()
        plot.frame(predict.seli(Counts([9, 1, 1])), figure.subplots())
        plot.save(figure, tmp_path / name)
        return (tmp_path / name).read_bytes()

    assert draw("a.svg") == draw("b.svg")
    assert draw("a.pdf").startswith(b"%PDF")
    with pytest.raises(ValueError, match=r"\.svg, \.png or \.pdf"):
        draw("a.txt")


@pytest.mark.parametrize("kind", ["svg", "png", "pdf"])
def test_signs_that_the_font_lacks_are_told_where_they_become_boxes(kind, tmp_path, caplog):
    figure = Figure(layout="constrained")
    figure.subplots().set_title("猫 and 犬 and 猫")
    assert "猫 and 犬 and 猫" in svg_of(figure, "cats")  # there the reader's fonts draw
    assert not caplog.messages
    plot.save(figure, tmp_path / f"a.{kind}")
    (told,) = caplog.messages
    assert told.startswith(f"the font lacks 猫 犬, of which {tmp_path / f'a.{kind}'} has boxes")


def test_a_path_leaves_out_no_solution(ax):
    optima = [solve.minimize(Problem([9, 2], ridge=ridge)) for ridge in (1.0, 0.0)]
    with pytest.raises(ValueError, match="got 1, 0; give the limit of ridge 0 as the goal"):
        plot.ridge_path(optima, ax)
    with pytest.raises(ValueError, match="got none"):
        plot.ridge_path([], ax)


@pytest.mark.parametrize(
    "targets",
    [
        Targets.contexts([[0.5, 0.2, 0.0, 0.1], [0.5, 0.3, 1.0, 0.2], [0.0, 0.5, 0.0, 0.7]]),
        Targets.label_sets([{0}, {1}, {2}, {0, 1}], k=3, weights=[4, 3, 1, 2]),
        Targets.smoothed([50, 5, 5], 0.1),
    ],
    ids=["contexts", "label sets", "smoothed"],
)
def test_a_path_of_any_targets_has_a_line_for_each_classifier(targets):
    optima = solve.path(Problem(targets, ridge=1.0), [1.0, 0.1])
    lines = plot.ridge_path(optima, Figure().subplots()).lines
    norms = np.array([one.geometry.classifiers.norms() for one in optima])
    assert (
        np.unique(norms.round(9), axis=1).T.tolist()
        == np.unique([line.get_ydata().round(9) for line in lines], axis=0).tolist()
    )


def test_a_path_tells_classes_of_one_count_by_the_first_and_how_many_more_there_are():
    optima = solve.path(Problem([9, 9, 9, 2, 1], ridge=1.0), [1.0, 0.1])
    legend = plot.ridge_path(optima, Figure().subplots()).get_legend()
    told = [text.get_text() for text in legend.get_texts()]
    assert sorted(told) == ["class 0 +2", "class 3", "class 4"]


def test_a_path_draws_every_class_that_is_unlike_others_of_its_count_at_some_ridge():
    optima = solve.path(Problem([90] * 3 + [10] * 3, ridge=1.0, width=2), [20.0, 9.0, 1.0])
    lines = plot.ridge_path(optima, Figure().subplots()).lines
    drawn = sorted(line.get_ydata()[-1] for line in lines)
    assert drawn == pytest.approx(sorted(optima[-1].geometry.classifiers.norms()))


def test_distances_along_a_path_name_what_they_are_to():
    counts = Counts([20, 20, 2, 2])
    optima = solve.path(Problem(counts, ridge=1.0), [1.0, 0.1])
    goals = {"ETF": predict.etf(4), "SELI": predict.seli(counts)}
    goals |= {"a $ in a name": replace(predict.etf(4), source=Source("a $ in a name"))}
    for name, goal in goals.items():
        axes = plot.ridge_path(optima, Figure().subplots(), goal)
        axes.figure.canvas.draw()
        assert axes.get_ylabel() == f"distance to {name}"
    assert plot.ridge_path(optima, Figure().subplots()).get_ylabel() == "norm of the classifier"


def test_what_is_no_class_is_not_called_one():
    law = predict.supports([[1, 0, 1], [1, 1, 0], [0, 1, 1], [0, 0, 1]])
    bars = plot.distances(law, {"law": law}, Figure().subplots())
    assert [text.get_text() for text in bars.get_yticklabels()] == [
        "classifiers",
        "embeddings",
        "logits",
    ]
    assert "class means" not in law._repr_html_()
    assert "a class" not in law._repr_html_()
