"""What `lopsided predict` answers: one geometry by groups of classes of equal count, or several
losses side by side.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from lopsided.arrays import Floats, Ints
from lopsided.cli.output import table_console
from lopsided.naming import listed, short, tight
from lopsided.plain import plain

if TYPE_CHECKING:
    from lopsided import Counts, Geometry, Gram

#: Cosines are told between at most so many groups.
COSINES = 9
#: A distance takes time quadratic in the groups, a spectrum without closed form cubic: for more
#: groups they are not computed.
DISTANCES, SPECTRUM = 4000, 1500


def summary(geometry: Geometry, counts: Counts) -> dict[str, Any]:
    """Return a geometry as plain data; its keys are the JSON of `lopsided predict`.

    `groups` holds all classes of one count, largest first; `cosines_between` the counts of the rows
    and columns of `cosines`, whose diagonal is between two different classes of that count. Where
    classes have names, groups hold them. What is not defined, such as the angle of a zero vector,
    is None.
    """
    first, last = counts.groups.first[::-1], _last(counts)[::-1]
    parts = {"classifiers": geometry.classifiers, "embeddings": geometry.embeddings}
    squares = {name: part.squared_norms()[first] for name, part in parts.items()}
    alignment = geometry.alignment()[first]
    shown = selection(len(first), COSINES)
    groups = zip(counts.distinct[::-1].tolist(), counts.groups.sizes[::-1].tolist(), strict=True)
    names = None if counts.names is None else counts.called_by_group()[::-1]
    return {
        "source": asdict(geometry.source),
        "classes": counts.k,
        "samples": counts.n,
        "ratio": counts.ratio,
        "groups": [
            {
                "count": count,
                "size": size,
                **({} if names is None else {"names": names[g]}),
                "classifier_squared_norm": float(squares["classifiers"][g]),
                "embedding_squared_norm": float(squares["embeddings"][g]),
                "alignment": plain(alignment[g]),
            }
            for g, (count, size) in enumerate(groups)
        ],
        "cosines_between": counts.distinct[::-1][shown].tolist(),
        **{
            name: {
                "squared_norm_ratio": _ratio(squares[name]),
                "cosines": _cosines(part, first[shown], last[shown]),
                "spectrum": _spectrum(part),
            }
            for name, part in parts.items()
        },
    }


def summary_of_samples(geometry: Geometry) -> dict[str, Any]:
    """Return a geometry whose columns are no classes as plain data: outputs or tokens, and the
    directions of their logits.
    """
    shown = selection(geometry.k, COSINES)
    return {
        "source": asdict(geometry.source),
        "classifiers": {
            "number": geometry.k,
            "squared_norms": geometry.classifiers.squared_norms().tolist(),
            "cosines_between": shown.tolist(),
            "cosines": [plain(row) for row in geometry.classifiers.cosine(shown[:, None], shown)],
        },
        "embeddings": {
            "number": geometry.m,
            "squared_norms": geometry.embeddings.squared_norms().tolist(),
        },
        "directions": geometry.directions().values.tolist() if geometry.logits.frobenius() else [],
    }


def print_samples(answer: Mapping[str, Any]) -> None:
    """Print such a summary as tables that fit 80 columns."""
    from rich.table import Table

    console, source, rows = table_console(), answer["source"], answer["classifiers"]
    console.print(
        f"[bold]{source['name']}[/]: {rows['number']} classifiers by"
        f" {answer['embeddings']['number']} embeddings"
    )
    console.print(
        f"{source['reference']}; holds for: {source['assumptions']}\n", style="dim", markup=False
    )
    table = Table(box=None, header_style="bold")
    for title in ("row", "‖w‖²", *(f"cos with {c}" for c in rows["cosines_between"][:5])):
        table.add_column(title, justify="right", no_wrap=True)
    for i, c in enumerate(rows["cosines_between"]):
        table.add_row(
            str(c),
            f"{rows['squared_norms'][c]:.6g}",
            *(_cosine(value) for value in rows["cosines"][i][:5]),
        )
    console.print(table)
    sizes = [f"{value:.6g}" for value in answer["directions"][:8]]
    more = len(answer["directions"]) - len(sizes)
    console.print(
        f"\ndirections of the logits: {', '.join(sizes) or 'none, all is zero'}"
        + (f", {more} more" if more else "")
    )


def compare(counts: Counts, geometries: Mapping[str, Geometry]) -> list[dict[str, Any]]:
    """Return a row a loss: squared norm ratios, minority cosines, alignment of the rarest class,
    distances to the ETF.
    """
    from lopsided import predict

    etf = predict.etf(counts.k)
    first, last = counts.groups.first, _last(counts)
    # The two rarest classes, or the rarest and the next rarest where it is alone.
    rare = (first[0], last[0] if last[0] != first[0] else first[1])
    rows: dict[int, dict[str, Any]] = {}
    for geometry in geometries.values():
        if id(geometry) in rows:
            continue
        classifiers, embeddings = geometry.classifiers, geometry.embeddings
        rows[id(geometry)] = {
            "classifier_norm_ratio": _ratio(classifiers.squared_norms()[first[::-1]]),
            "embedding_norm_ratio": _ratio(embeddings.squared_norms()[first[::-1]]),
            "classifier_minority_cosine": plain(classifiers.cosine(*rare)),
            "embedding_minority_cosine": plain(embeddings.cosine(*rare)),
            "minority_alignment": plain(geometry.alignment()[first[0]]),
            "distance_to_etf": (
                geometry.distance(etf)._asdict() if counts.groups.m <= DISTANCES else None
            ),
        }
    rarest = {} if counts.names is None else {"rarest": counts.called(np.array(rare))}
    return [{"loss": name} | rows[id(geometry)] | rarest for name, geometry in geometries.items()]


def flat(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows of a comparison without tables inside them."""
    return [
        {name: value for name, value in row.items() if name not in ("distance_to_etf", "rarest")}
        | {f"{part}_to_etf": far for part, far in (row["distance_to_etf"] or {}).items()}
        for row in rows
    ]


def selection(m: int, limit: int) -> Ints:
    """Return at most `limit` of m groups: the first, the last and evenly many between."""
    return np.unique(np.linspace(0, m - 1, min(m, limit)).round().astype(np.int64))


def ends(m: int) -> Ints:
    """Return the first three of m groups, the middle three and the last three."""
    index = np.arange(m)
    return index[(index < 3) | (np.abs(index - m // 2) <= 1) | (index >= m - 3)]


def print_summary(answer: Mapping[str, Any]) -> None:
    """Print a summary as tables that fit 80 columns."""
    from rich.markup import escape
    from rich.table import Table

    console, source, groups = table_console(), answer["source"], answer["groups"]
    console.print(
        f"[bold]{source['name']}[/]: {answer['classes']} classes, {answer['samples']} samples,"
        f" ratio {answer['ratio']:.6g}"
    )
    provenance = [
        source["reference"],
        f"holds for: {source['assumptions']}" if source["assumptions"] else "",
    ]
    console.print("; ".join(filter(None, provenance)) + "\n", style="dim", markup=False)
    limit = 5 if groups[0]["count"] < 10**10 else 3
    shown = ends(len(groups))
    named = "names" in groups[0]
    table = Table(box=None, header_style="bold")
    table.add_column("samples a class", justify="right", no_wrap=True)
    table.add_column("classes", justify="left" if named else "right", no_wrap=not named)
    for title in ("‖w‖²", "‖μ‖²", "cos(w, μ)"):
        table.add_column(title, justify="right", no_wrap=True)
    for before, g in zip([-1, *shown[:-1]], shown, strict=True):
        if g - before > 1:
            table.add_row("⋮")
        row = groups[g]
        norms = (f"{row[f'{part}_squared_norm']:.6g}" for part in ("classifier", "embedding"))
        classes = escape(listed(row["names"])) if named else str(row["size"])
        table.add_row(str(row["count"]), classes, *norms, _cosine(row["alignment"]))
    console.print(table)
    between = answer["cosines_between"]
    called = {g["count"]: escape(tight(g["names"])) if named else str(g["count"]) for g in groups}
    chosen = selection(len(between), min(limit, 4) if named else limit)
    for part, title in (
        ("classifiers", "cosines of classifiers w"),
        ("embeddings", "cosines of class means μ"),
    ):
        table = Table(box=None, header_style="bold")
        table.add_column("classes" if named else "samples", justify="right", no_wrap=True)
        for j in chosen:
            table.add_column(called[between[j]], justify="right", no_wrap=not named)
        for i in chosen:
            table.add_row(
                called[between[i]], *(_cosine(answer[part]["cosines"][i][j]) for j in chosen)
            )
        console.print(f"\n[bold]{title}[/]")
        console.print(table)
    ratios = [_number(answer[part]["squared_norm_ratio"]) for part in ("classifiers", "embeddings")]
    console.print(f"\nlargest over smallest class: ‖w‖² {ratios[0]}, ‖μ‖² {ratios[1]}")


def print_comparison(rows: list[dict[str, Any]], counts: Counts) -> None:
    """Print a comparison as a table that fits 80 columns."""
    from rich.table import Table

    console = table_console()
    table = Table(box=None, header_style="bold", padding=(0, 1, 0, 0))
    table.add_column("\nloss", overflow="fold")
    for title in (
        "norms\nw",
        "norms\nμ",
        "cosine\nw",
        "cosine\nμ",
        "aligned\nw, μ",
        "to ETF\nw",
        "to ETF\nμ",
    ):
        table.add_column(title, justify="right", no_wrap=True)
    for row in rows:
        far = row["distance_to_etf"]
        table.add_row(
            row["loss"],
            *(_number(row[f"{part}_norm_ratio"], 4) for part in ("classifier", "embedding")),
            *(_cosine(row[f"{part}_minority_cosine"], 4) for part in ("classifier", "embedding")),
            _cosine(row["minority_alignment"], 4),
            *("" if far is None else f"{far[part]:.4f}" for part in ("classifiers", "embeddings")),
        )
    console.print(table)
    rarest = "" if counts.names is None else f" ({listed(rows[0]['rarest'], ' and ')})"
    notes = [
        f"norms: squared norm, {ends_of(counts)}",
        f"cosine: between the two rarest classes{rarest}; aligned: of the rarest class",
        "to ETF: distance from 0 to 2, of classifiers w and of class means μ",
        "weights, shifts and additive margins have no effect as the ridge vanishes",
    ]
    if rows[0]["distance_to_etf"] is None:
        notes.append(
            f"no distances: {counts.groups.m} distinct counts, and their time grows with the square"
        )
    console.print("\n" + "\n".join(notes), style="dim", markup=False)


def ends_of(counts: Counts) -> str:
    """Return in words over which class the largest is taken, by names where there are some."""
    large, small = int(counts.distinct[-1]), int(counts.distinct[0])
    if counts.names is None:
        return f"class of {large} samples over class of {small}"
    first = counts.groups.first
    names = [short(name) for name in counts.called(first[[-1, 0]])]
    return f"{names[0]} ({large} samples) over {names[1]} ({small})"


def _last(counts: Counts) -> Ints:
    """Return (m,) the last class of each group."""
    groups = counts.groups
    _, run = np.unique(groups.labels[::-1], return_index=True)
    return np.asarray(np.cumsum(groups.lengths)[len(groups.labels) - 1 - run] - 1, np.int64)


def _cosines(gram: Gram, first: Ints, last: Ints) -> list[list[float | None]]:
    values = gram.cosine(first[:, None], last[None, :])
    np.fill_diagonal(values, np.where(first == last, np.nan, values.diagonal()))
    return [plain(row) for row in values]


def _spectrum(gram: Gram) -> dict[str, float | None] | None:
    """Return eigenvalues of the Gram in numbers; None where no closed form knows them and there are
    too many groups.

    Rank and smallest positive eigenvalue are None too, where rounding hides them.
    """
    if gram.eigenvalues is None and gram.groups.m > SPECTRUM:
        return None
    values: Floats = gram.spectrum()
    positive = values[values > (1e-13 * values[0] if gram.eigenvalues is None else 0)]
    # A computed spectrum does not tell a small eigenvalue from none.
    told = gram.eigenvalues is not None or len(positive) >= gram.k - 1
    return {
        "rank": len(positive) if told else None,
        "largest": float(values[0]),
        "smallest_positive": float(positive[-1]) if told and len(positive) else None,
        "sum": float(values.sum()),
    }


def _ratio(squares: Floats) -> float | None:
    return float(squares[0] / squares[-1]) if squares[-1] > 0 else None


def _number(value: float | None, digits: int = 5) -> str:
    return "undefined" if value is None else f"{value:.{digits}g}"


def _cosine(value: float | None, digits: int = 5) -> str:
    if value is None:
        return ""
    small = 1e-14 < abs(value) < 10.0 ** (1 - digits)
    return f"{value:.1e}" if small else f"{round(value, digits) + 0.0:.{digits}f}"
