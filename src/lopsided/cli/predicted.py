"""What `lopsided predict` answers: one geometry by groups of classes of equal count, or several
losses side by side.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from lopsided.arrays import Floats, Ints
from lopsided.plain import plain

if TYPE_CHECKING:
    from lopsided import Counts, Geometry, Gram, Targets

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


def summary_of_samples(geometry: Geometry, targets: Targets) -> dict[str, Any]:
    """Return a geometry whose columns are no classes as plain data: outputs or tokens, and the
    directions of their logits. Embeddings of label sets, each once, are told with their labels.
    """
    sets = sets_of(targets)
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
            **({"sets": sets} if sets else {}),
        },
        "directions": geometry.directions().values.tolist() if geometry.logits.frobenius() else [],
    }


def sets_of(targets: Targets) -> list[list[int]]:
    """Return the labels of each column of label sets; nothing of other targets."""
    columns = targets.matrix.T if targets.kind == "label sets" else ()
    return [np.flatnonzero(column).tolist() for column in columns]


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
