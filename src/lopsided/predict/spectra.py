"""Spectra of the Hessian of deep linear networks, layer by layer, at their collapsed optimum."""

from __future__ import annotations

import numpy as np

from lopsided.arrays import Floats, require_number, require_whole
from lopsided.counts import Counts, CountsLike
from lopsided.memory import require_memory
from lopsided.predict.forms.squared import squared


def layer_spectrum(counts: CountsLike, ridge: float, layers: int, layer: int) -> Floats:
    """Return the eigenvalues of the Hessian of the squared loss in one of L linear layers above
    free features, at the collapsed optimum.

    Class c has the singular value s_c of Z = W_L ... W_1 H, the minimiser of (s - sqrt(n_c))^2 / 2
    + (L + 1) / 2 ridge s^{2/(L+1)}; with t_c = s_c^{1/(L+1)} the eigenvalues in W_l are
    t_a^{2(L-l)} t_b^{2l} over all pairs (a, b) of classes. Equal counts have k^2 equal ones,
    imbalance splits them. All others are 0; the ridge adds itself everywhere.

    Source: Garrod and Keating 2024 (arXiv 2404.06106) for equal counts; any counts derived here.

    Args:
        counts: the class counts.
        ridge: on every factor; positive.
        layers: L.
        layer: l, from 1 beside the features to L.

    Returns:
        (k^2,), descending; zeros for classes that are zero.

    Raises:
        ValueError: if the ridge is not positive, or `layers` or `layer` out of range.
        MemoryError: if k^2 numbers take more than half of this machine's memory.

    Example:
        >>> layer_spectrum([4, 4], ridge=0.5, layers=1, layer=1).round(12)
        array([1.5, 1.5, 1.5, 1.5])
    """
    given = Counts.of(counts)
    require_whole("layer", layer, 1)
    if layer > require_number(layers, "layers"):
        raise ValueError(f"layer must be from 1 to {layers}, got {layer}")
    require_memory(24.0 * given.k**2, f"a spectrum of {given.k**2:,} eigenvalues")
    law = squared(given, ridge, layers)
    squares = (
        np.sqrt(given.values) * law.logits.entries(np.arange(given.k), np.arange(given.k))
    ) ** (2 / (layers + 1))
    values = np.outer(squares ** (layers - layer), squares**layer).ravel()
    return np.sort(values)[::-1]
