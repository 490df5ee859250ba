"""What `lopsided measure` draws: the figures in one picture, and on the page."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from matplotlib.axes import Axes

    from lopsided.diagnosis import Diagnosis
    from lopsided.geometry import Geometry
    from lopsided.gram import Gram
    from lopsided.measure import Collapse
    from lopsided.measure.ood import Outside

    #: Puts a drawing on axes.
    Draw = Callable[[Axes], Axes]

#: Inches of a drawing on the page.
_PANEL = (4.6, 3.4)


def plot(collapse: Collapse, predictions: dict[str, Geometry], path: Path) -> None:
    """Write the figures of a measurement to a picture."""
    from matplotlib.figure import Figure

    from lopsided.plot import distances, save

    figure = Figure(figsize=(11, 9), layout="constrained")
    axes = figure.subplots(3, 2)
    for column, (title, norms, cosines) in enumerate(_drawings(collapse, predictions)):
        norms(axes[0, column]).set_title(f"norms of {title}")
        cosines[0](axes[1, column]).set_title(f"cosines of {title}, measured")
        if column == 0:
            cosines[1](axes[2, 0]).set_title(f"cosines of {title}, {next(iter(predictions))}")
    distances(collapse.geometry, predictions, axes[2, 1]).set_title("distances to predictions")
    save(figure, path)


def _drawings(
    collapse: Collapse, predictions: dict[str, Geometry]
) -> Iterator[tuple[str, Draw, tuple[Draw, Draw]]]:
    """Yield for classifiers and class means what draws the norms, and the cosines measured and of
    the first prediction, in one scale of colours.
    """
    from lopsided.plot import class_norms, gram
    from lopsided.plot.gram import NAMED, strongest

    counts, called = collapse.counts, [str(name) for name in collapse.names]
    law = next(iter(predictions.values()))
    parts = ("classifiers", "embeddings")
    pairs = [(getattr(collapse.geometry, part), getattr(law, part)) for part in parts]
    limit = strongest(*(matrix for pair in pairs for matrix in pair), counts=counts)
    names = called if counts.names is not None or collapse.k <= NAMED else None
    for part, pair in zip(parts, pairs, strict=True):
        others = {name: getattr(other, part) for name, other in predictions.items()}
        seen, expected = (
            functools.partial(gram, matrix, counts=counts, names=names, limit=limit)
            for matrix in pair
        )
        norms = functools.partial(class_norms, pair[0], others, counts, names=names)
        yield "classifiers" if part == "classifiers" else "class means", norms, (seen, expected)


def report(
    collapse: Collapse,
    predictions: dict[str, Geometry],
    path: Path,
    name: str,
    diagnosis: Diagnosis | None,
    outside: Outside | None = None,
) -> None:
    """Write the page of a measurement."""
    from lopsided.plot import distances
    from lopsided.report import Row, drawn, write
    from lopsided.report.measured import measured as page

    rows = []
    for title, norms, cosines in _drawings(collapse, predictions):
        label = f"Norms of the {title}"
        rows.append(Row([drawn(norms, label, label, _PANEL)]))
        panels = [
            drawn(draw, f"{label}, {whose}", f"{label}, {whose}", _PANEL)
            for label in (f"Cosines between {title}",)
            for draw, whose in zip(cosines, ("measured", next(iter(predictions))), strict=True)
        ]
        rows.append(Row(panels))
    label = "Distances to predictions"
    draw = functools.partial(distances, collapse.geometry, predictions)
    norms_of_both = Row([row.figures[0] for row in rows[::2]])
    figures = [norms_of_both, *rows[1::2], Row([drawn(draw, label, label, _PANEL)])]
    write(path, page(collapse, predictions, figures, f"Measured: {name}", diagnosis, outside))


def plot_grams(grams: Mapping[str, Gram], names: Sequence[str] | None, path: Path) -> None:
    """Write cosines of vectors that are no classes to a picture, side by side."""
    from matplotlib.figure import Figure

    from lopsided.plot import save

    figure = Figure(figsize=(4.2 * len(grams), 4.2), layout="constrained")
    axes = figure.subplots(1, len(grams), squeeze=False)[0]
    for ax, (title, draw) in zip(axes, _grams(grams, names), strict=True):
        draw(ax).set_title(title, fontsize=10)
    save(figure, path)


def report_grams(
    answer: Mapping[str, Any],
    grams: Mapping[str, Gram],
    names: Sequence[str] | None,
    path: Path,
    title: str,
) -> None:
    """Write the page of a measurement whose targets are no classes: verdict, cosines, figures."""
    from lopsided.report import Page, Row, Section, Table, Text, drawn, write

    panels = [drawn(draw, label, label, _PANEL) for label, draw in _grams(grams, names)]
    rows = [
        [name, "not defined" if value is None else f"{value:.4g}"]
        for name, value in answer["figures"].items()
    ]
    table = Table(answer["title"], ["figure", "measured"], rows)
    section = Section("measured", "", [Row(panels), table])
    write(path, Page(title, [Text(answer["verdict"])], [section]))


def _grams(grams: Mapping[str, Gram], names: Sequence[str] | None) -> Iterator[tuple[str, Draw]]:
    """Yield a title and what draws the cosines, all in one scale of colours; names are those of
    label sets, None of outputs.
    """
    from lopsided.plot import gram
    from lopsided.plot.gram import strongest

    limit = strongest(*grams.values())

    def draw(matrix: Gram, ax: Axes) -> Axes:
        gram(matrix, ax, names=names, limit=limit).set_xlabel(
            "output" if names is None else "label set"
        )
        return ax

    for title, matrix in grams.items():
        yield f"Cosines of {title}", functools.partial(draw, matrix)
