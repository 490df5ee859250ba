"""How far the samples of a class scatter about its mean, against how far the means lie apart."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lopsided.arrays import Floats, require_flag
from lopsided.measure.metrics.pairs import MANY, Array, tiles
from lopsided.measure.metrics.undefined import Undefined
from lopsided.measure.state.center import centered
from lopsided.measure.state.moments import Moments
from lopsided.measure.state.scatter import Pooled, Projected
from lopsided.measure.state.span import Center, Span, span
from lopsided.measure.state.whitening import Whitening

#: Cosines this near to 1 leave too few digits of single precision.
_NARROW = 1e-2
#: Where 1 - cos is less the difference of two means is taken itself.
_NEAR = 1e-6
#: Where the shortest of the means is shorter, of the longest, squares leave single precision.
_SHORT = 1e-4
#: Distances of two means that are less, of the largest mean or spread, are the rounding of sums.
_ROUNDING = 1e-13
#: Where nothing lies between the classes.
COINCIDE = "all class means coincide, so nothing lies between the classes and {} is not defined"


def nc1(moments: Moments, *, center: Center = "classes", per_class: bool = True) -> float:
    """Return tr(S_W S_B^+) / k, the within-class scatter in units of the scatter of the class
    means.

    S_W is the mean over samples of (h - mu_y)(h - mu_y)', S_B the unweighted mean over classes of
    (mu_c - mu_G)(mu_c - mu_G)'.
    Computed in the span of the class means: no (d, d) pseudo-inverse, which in float32 reports
    collapse where minorities collapse.

    Source: Papyan, Han and Donoho 2020.

    Args:
        moments: of every class, with a scatter.
        center: global mean mu_G; "samples" is Zhu et al. 2021.
        per_class: divide by k, as Zhu et al. and most later work; `False` is Papyan's notebook and
            the SELI authors' code.

    Raises:
        Undefined: if no scatter was kept, no class has two samples, or all class means coincide.
        ValueError: if a class has no sample, or `center` is "none" or unknown.
        TypeError: if `per_class` is neither True nor False.

    Example:
        >>> moments = Moments(k=2, d=1)
        >>> moments.update([[-1.0], [1.0], [4.0], [6.0]], [0, 0, 1, 1])
        >>> round(nc1(moments, per_class=False), 12)
        0.16
    """
    _require_center(center, "nc1")
    require_flag(per_class, "per_class")
    _require_scatter(moments, "nc1")
    if moments.scatter is None:
        raise Undefined(
            "nc1 needs the within-class scatter: measure with scatter='pooled', or in two passes"
        )
    scatter = moments.scatter
    if not isinstance(scatter, Projected):
        scatter = scatter.projected(Whitening.of(moments))
    if not len(scatter.whitening.tilt):
        raise Undefined(COINCIDE.format("nc1"))
    quotient = moments.k / moments.n * scatter.quotient(center)
    return quotient / moments.k if per_class else quotient


def cdnv(moments: Moments, *, exponent: int = 2) -> float:
    """Return the class-distance normalised variance, averaged over all pairs of classes.

    Of a pair: (s_c^2 + s_c'^2) / (2 |mu_c - mu_c'|^exponent), with s_c^2 the mean squared distance
    of a sample to its class mean. All pairs by the Gram matrix of the means in tiles: O(k)
    memory beside the means, never (k, k, d).

    Source: Galanti, György and Hutter 2022 (exponent 2); with exponent 4 it is not scale-free and
    punishes close means more.

    Raises:
        Undefined: if no class has two samples, or two class means coincide (they are named).
        ValueError: if a class has no sample, or the exponent is neither 2 nor 4.
    """
    if exponent not in (2, 4):
        raise ValueError(f"exponent must be 2 or 4, got {exponent}")
    _require_scatter(moments, "cdnv")
    means, total = centered(moments), 0.0
    # A power of two, which costs no digit: the fourth power of a distance may leave float64.
    unit = float(np.ldexp(1.0, np.frexp(np.abs(means).max())[1]))
    variances = moments.spread / moments.counts / unit**2
    least = _ROUNDING**2 * max(1.0, float(variances.max()))
    for rows, columns, apart in _squared_distances(means / unit, least):
        close = np.divide(1, apart if exponent == 2 else np.square(apart, out=apart), out=apart)
        total += float(variances[rows] @ close.sum(axis=1, dtype=np.float64))
        if rows != columns:
            total += float(variances[columns] @ close.sum(axis=0, dtype=np.float64))
    return total / (moments.k * (moments.k - 1)) * unit ** (2 - exponent)


def scatter_ratio(moments: Moments, *, center: Center = "classes") -> float:
    """Return tr S_W / tr S_B, the within-class variance over that of the class means, with the
    scatters of `nc1`.

    Read from the spreads of the classes: no scatter is needed, and an invertible map of the
    features changes it. Of a kernel it is known without features too: with B the (k, k) means of
    its blocks and shares p, tr S_W = tr K / n - p . diag B and tr S_B = tr(C B C) / k.

    Source: Kothapalli and Tirer 2024 (arXiv 2406.02105), for any counts.

    Raises:
        Undefined: if no class has two samples, or all class means coincide.
        ValueError: if a class has no sample, or `center` is "none" or unknown.
    """
    _require_scatter(moments, "scatter_ratio")
    between = float(np.sum(_between(moments, center, "scatter_ratio").values ** 2)) / moments.k
    return float(moments.spread.sum()) / moments.n / between


def _squared_distances(means: Floats, least: float) -> Iterator[tuple[slice, slice, Array]]:
    """Yield the squared distances of different class means in upper tiles, infinite for own.

    |a - b|^2 = (|a| - |b|)^2 + 2 |a| |b| (1 - cos): sums of what is not negative. Many classes are
    swept in float32, but for tiles with small angles. Means are of a size near one.

    Args:
        means: (k, d) class means.
        least: of a squared distance that is more than rounding.

    Raises:
        Undefined: if two means coincide.
    """
    lengths = np.linalg.norm(means, axis=1)
    units = means / np.where(lengths, lengths, 1.0)[:, None]
    single = len(means) >= MANY and lengths.min() > _SHORT * lengths.max()
    swept: Array = units.astype(np.float32) if single else units
    for rows, columns, tile in tiles(swept, swept):
        if rows == columns:
            np.fill_diagonal(tile, 0)
        if tile.dtype == np.float32 and tile.max() > 1 - _NARROW:
            tile = units[rows] @ units[columns].T
        a, b = (np.asarray(lengths[part], tile.dtype) for part in (rows, columns))
        apart = np.subtract(1, tile, out=tile)
        near = np.argwhere(apart < _NEAR) if apart.min() < _NEAR else np.zeros((0, 2), np.int64)
        apart *= 2 * a[:, None]
        apart *= b
        apart += np.square(a[:, None] - b)
        for i in np.unique(near[:, 0]):
            j = near[near[:, 0] == i, 1]
            difference = means[columns][j] - means[rows.start + i]
            apart[i, j] = np.einsum("jd,jd->j", difference, difference)
        if rows == columns:
            np.fill_diagonal(apart, np.inf)
        if apart.min() <= least:
            i, j = np.unravel_index(int(apart.argmin()), apart.shape)
            raise Undefined(
                "the means of classes {} and {} coincide, so cdnv is not defined",
                rows.start + int(i),
                columns.start + int(j),
            )
        yield rows, columns, apart


def vci(moments: Moments, *, center: Center = "classes") -> float:
    """Return the variability collapse index, 1 - tr(S_T^+ S_B) / rank S_B with S_T = S_W + S_B.

    Invariant under invertible linear maps of the features. Needs the whole scatter, so one pass
    with scatter="pooled".

    Source: Xu and Liu 2023 (arXiv 2306.03440).

    Raises:
        Undefined: if the whole scatter was not kept, no class has two samples, or all class means
            coincide.
        ValueError: if a class has no sample, or `center` is "none" or unknown.
    """
    if not isinstance(moments.scatter, Pooled):
        raise Undefined(
            "vci needs the whole within-class scatter: measure in one pass with scatter='pooled'"
        )
    _require_scatter(moments, "vci")
    spanned = _between(moments, center, "vci")
    scaled = spanned.basis * (spanned.values / np.sqrt(moments.k))
    total = moments.scatter.matrix() / moments.n + scaled @ scaled.T
    # Directions without any variance are outside the span of the data; the pseudo-inverse leaves
    # them out.
    values, vectors = np.linalg.eigh(total)
    kept = values > values[-1] * len(values) * np.finfo(np.float64).eps
    explained = np.square(vectors[:, kept].T @ scaled).sum(axis=1) / values[kept]
    return 1 - float(explained.sum()) / len(spanned.values)


def rank(moments: Moments, *, center: Center = "classes") -> int:
    """Return the numerical rank of the centred class means, at most min(k - 1, d); lower means that
    classes have merged.
    """
    return len(span(centered(moments, center)).values)


def nearest_etf_distance(moments: Moments) -> float:
    """Return the distance of the centred class means to the nearest simplex ETF, sqrt(2 - 2 |Y|_* /
    sqrt(k - 1)) for |Y| = 1.

    Unlike the distance of Gram matrices it is taken between the vectors themselves, after the best
    rotation; 0 to sqrt(2).

    Source: derived here, from the polar factor that solves the nearest-ETF problem of Markou,
    Ajanthan and Gould 2024.

    Raises:
        Undefined: if all class means coincide.
        ValueError: if a class has no sample.
    """
    values = _between(moments, "classes", "nearest_etf_distance").values
    each = 1 / np.sqrt(moments.k - 1)
    # The same as a sum of squares, of which none is lost where the distance is small.
    missing = (moments.k - 1 - len(values)) * each**2
    return float(np.sqrt(np.sum((values / np.linalg.norm(values) - each) ** 2) + missing))


def spreads(moments: Moments) -> Floats:
    """Return (k,) root mean squared distances of the samples of a class to its mean, in units of
    the features.
    """
    moments.require_every_class()
    return np.asarray(np.sqrt(moments.spread / moments.counts))


def drift(moments: Moments) -> float:
    """Return |mu_G| over the root of the mean of |mu_c - mu_G|^2, the length of the global mean in
    units of the spread of the class means.

    0 where class means are about the origin, as theory has them without a bias. It moves with the
    origin of the features, which no other metric does. Source: derived here.

    Raises:
        Undefined: if all class means coincide.
        ValueError: if a class has no sample.
    """
    spread = float(np.sqrt(np.mean(np.sum(centered(moments) ** 2, axis=1))))
    if not spread:
        raise Undefined(COINCIDE.format("drift"))
    return float(np.linalg.norm((moments.means + moments.rests).mean(axis=0))) / spread


def _between(moments: Moments, center: Center, name: str) -> Span:
    _require_center(center, name)
    spanned = span(centered(moments, center))
    if not len(spanned.values):
        raise Undefined(COINCIDE.format(name))
    return spanned


def _require_scatter(moments: Moments, name: str) -> None:
    if (moments.counts == 1).all():
        raise Undefined(f"every class has one sample, which has no scatter for {name} to measure")


def _require_center(center: Center, name: str) -> None:
    if center not in ("classes", "samples"):
        raise ValueError(
            f"{name} compares class means with their centre: center must be 'classes' or 'samples',"
            f" got {center!r}"
        )
