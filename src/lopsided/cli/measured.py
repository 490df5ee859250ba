"""What `lopsided measure` answers where targets are no classes: a regression, or several labels a
sample.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from math import isnan
from typing import TYPE_CHECKING, Any

from lopsided.cli import pictures
from lopsided.cli.output import bar, print_json, shown, table_console

if TYPE_CHECKING:
    from lopsided.arrays import Floats
    from lopsided.cli.measure import Measure
    from lopsided.gram import Gram
    from lopsided.measure import RegressionCollapse, TargetStore
    from lopsided.measure.storage.targets import Kind

_ALWAYS = ("features", "head", "json", "report", "plot", "processes", "scheduler")
#: Options that these measurements have.
_KNOWN = {
    "regression": _ALWAYS,
    "label sets": (*_ALWAYS, "ridge"),
}


def refuse(options: Measure, kind: Kind) -> None:
    """Refuse options that would be ignored.

    Raises:
        ValueError: naming them.
    """
    given = [
        f"--{field.name.replace('_', '-')}"
        for field in fields(options)
        if field.name not in ("training", *_KNOWN[kind])
        and getattr(options, field.name) != field.default
    ] + options.training.given
    if given:
        several = kind == "label sets"
        what = "several labels a sample" if several else "outputs of a regression"
        raise ValueError(
            f"the targets in {options.features} are {what}, not classes: leave out"
            f" {' and '.join(given)}"
            + ", or store of one-hot labels the argmax, which is a class"
            * several
        )


def tell(store: TargetStore, options: Measure) -> None:
    """Measure, draw and print."""
    from lopsided.measure.storage import torchrun

    regression = store.kind == "regression"
    engine = options.scheduler or options.processes
    answer, grams = (
        _regression(store, engine) if regression else _label_sets(store, options.ridge, engine)
    )
    if not torchrun.tells():
        return
    names = None if regression else ["+".join(map(str, labels)) for labels in answer["sets"]]
    if options.plot is not None:
        pictures.plot_grams(grams, names, options.plot)
    if options.report is not None:
        title = f"Measured: {shown(options.features.name)}"
        pictures.report_grams(answer, grams, names, options.report, title)
    if options.json:
        print_json(f"measure-{answer['kind'].replace(' ', '-')}", answer)
        return
    from rich.table import Table

    table = Table(box=None, header_style="bold", title=answer["title"], title_justify="left")
    table.add_column("figure")
    table.add_column("measured", justify="right", no_wrap=True)
    for name, value in answer["figures"].items():
        table.add_row(name, "not defined" if value is None else f"{value:.4g}")
    console = table_console()
    console.print(table)
    console.print(answer["verdict"])


def _regression(store: TargetStore, engine: str | int) -> tuple[dict[str, Any], dict[str, Gram]]:
    import numpy as np

    from lopsided import Gram, measure
    from lopsided.measure.regression import nearest_optimum

    with bar(f"measuring {store.n:,} samples", store.n) as progress:
        moments, found = measure.stored_regression(store, engine=engine, progress=progress)
    assert store.weight is not None
    gram, t = store.weight @ store.weight.T, len(store.weight)
    covariance = moments.scatters[1] / moments.n
    values, vectors = np.linalg.eigh(covariance)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    gap, taken, left = nearest_optimum(gram, covariance)
    laws = {
        "WW' to its law at the best gamma (NRC3)": found.nrc3,
        "WW' to its law at the best ridge": gap,
        "WW' to the root of the covariance": _distance(gram, root),
        "WW' to the identity": _distance(gram, np.eye(t)),
    }
    fit = min(laws, key=lambda name: laws[name])
    known = bool(np.isfinite(found.gamma))
    # NRC3 keeps all directions of the targets, of which an optimum leaves the weak ones out.
    clipped = known and left < t and gap < found.nrc3
    taken = taken if clipped else float(np.sqrt(found.gamma)) if known else 0.0
    ridge = float(np.sqrt(moments.n)) * taken if known else None
    if t == 1:
        words = "One output has one direction, in which WW' tells neither a law nor a ridge."
    elif ridge is None or fit == "WW' to the identity":
        words = "all directions of the targets alike, as whitened targets would be"
    else:
        what = f"sqrt({taken**2:.3g}) I"
        if clipped:
            what = f"{what} where that is positive, in {left:,} of {t:,} directions"
        more = " or more" * (clipped and left == 1)
        words = (
            f"the root of the targets' covariance minus {what}, the optimum of"
            f" predict.regression at ridge {ridge:.3g}{more} (sum normalisation, one layer)"
        )
    if t > 1:
        words = f"WW' is nearest to {words} (distance {laws[fit]:.3f} of at most 2)."
    values = np.maximum(np.sqrt(np.maximum(values, 0)) - taken, 0)
    grams = {
        "rows of the head, measured": Gram.of_vectors(store.weight),
        "rows of the head, by the law": Gram.of_vectors(vectors * np.sqrt(values)),
    }
    answer = {
        "title": f"{moments.n:,} samples, {t} output{'s' * (t > 1)}, {store.d:,} dimensions",
        "kind": store.kind,
        "figures": {
            "NRC1, energy outside t directions": found.nrc1,
            "NRC2, energy the head cannot see": found.nrc2,
            **laws,
            "best gamma": found.gamma if known else None,
        },
        "nrc1": found.nrc1,
        "nrc2": found.nrc2,
        "nrc3": found.nrc3,
        "gamma": found.gamma if known else None,
        "ridge": ridge,
        "verdict": f"{_collapsed(found, t, min(store.d, moments.n - 1))} {words}",
    }
    return answer, grams


def _collapsed(found: RegressionCollapse, t: int, room: int) -> str:
    """Say whether features that vary in so many dimensions at most have collapsed to t outputs."""
    if t >= room:
        return (
            f"Features that vary in {room:,} dimension{'s' * (room > 1)} at most lie in {t:,}"
            f" direction{'s' * (t > 1)} whatever the network does: that tells nothing of collapse."
        )
    # Of noise 1 - t / room lies outside.
    near = max(found.nrc1, found.nrc2) < min(0.01, 0.1 * (1 - t / room))
    return f"Features have {'' if near else 'not '}collapsed to the outputs' directions."


def _label_sets(
    store: TargetStore, ridge: float | None, engine: str | int
) -> tuple[dict[str, Any], dict[str, Gram]]:
    from lopsided import Problem, foresee, measure
    from lopsided.plain import plain

    if ridge is not None and store.weight is None:
        raise ValueError(
            "a prediction is compared with classifiers: give the head's weight, with the features"
            " or by --head"
        )
    with bar(f"measuring {store.n:,} samples", 2 * store.n) as progress:
        seen, collapse = measure.stored_sets(store, engine=engine, progress=progress)
    means = collapse.moments.means
    grams = {"sets, measured": seen.embeddings(means)}
    figures: dict[str, float | None] = {
        name: plain(getattr(collapse, name))
        for name in ("nc1", "scatter_ratio", "cdnv")
        if hasattr(collapse, name)
    }
    try:
        angles: Mapping[str, float] = seen.tag_wise(means)._asdict()
        apart = "" if isnan(angles["apart"]) else f", {angles['apart']:.3f} from sums of others,"
        words = (
            f"The embedding of a set is {angles['angle']:.3f} rad from the sum of those of its"
            f" labels{apart} and {angles['scale']:.2f} times as long."
        )
        figures |= {f"tag-wise {name}": plain(value) for name, value in angles.items()}
    except ValueError as error:
        words = f"Tag-wise angles are not defined: {error}."
    if all(len(labels) == 1 for labels in seen.sets):
        words = (
            "Each sample has one label: store the numbers of the labels, labels.argmax(axis=1), to"
            " be told of classes, the head and its errors."
        )
    if ridge is not None and store.weight is not None:
        law = seen.about_mean(foresee(Problem(seen.targets(), ridge=ridge)))
        found = seen.geometry(store.weight, means).distance(law)
        grams[f"sets, {law.source.name}"] = law.embeddings
        figures |= {
            f"{part} to {law.source.name}": plain(value) for part, value in found._asdict().items()
        }
    answer = {
        "title": f"{store.n:,} samples, {seen.m:,} sets of {seen.k} labels, {store.d:,} dimensions",
        "kind": store.kind,
        "sets": [list(labels) for labels in seen.sets],
        "counts": seen.counts.tolist(),
        "figures": figures,
        "verdict": words,
    }
    return answer, grams


def _distance(gram: Floats, law: Floats) -> float:
    import numpy as np

    return float(np.linalg.norm(gram / np.linalg.norm(gram) - law / np.linalg.norm(law)))
