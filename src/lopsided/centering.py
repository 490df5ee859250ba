"""Centering: class means about their unweighted mean, as those of a network are measured.

Theory without a bias has centred class means in the limits; an optimum at a finite ridge, and a law
of a free bias, need not.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from lopsided.arrays import Floats
from lopsided.gram import Gram
from lopsided.pairing import Pairing

if TYPE_CHECKING:
    from lopsided.geometry import Geometry

#: Class means whose mean is shorter than this share of the longest of them are centred.
ROUNDING = 1e-7


def about_mean(law: Geometry) -> Geometry:
    """Return a geometry of classes with its means about their unweighted mean, and the logits with
    them; one whose columns are no classes as it is.

    With r the mean rows of their Gram G and t the mean of all entries, G[a, b] becomes
    G[a, b] - r[a] - r[b] + t, and a logit loses the mean of its row.
    """
    if not law.paired:
        return law
    gram, logits = law.embeddings, law.logits
    rows = _row_means(gram)
    total = float(gram.groups.sizes @ rows) / gram.k
    if total <= (ROUNDING * float(np.sqrt(gram.diagonal).max())) ** 2:
        return law
    shift, one = (total / 2 - rows)[:, None], np.ones((len(rows), 1))
    left, right = np.hstack([gram.left, shift, one]), np.hstack([gram.right, one, shift])
    diagonal = np.maximum(gram.diagonal - 2 * rows + total, 0)
    own = _row_means(logits)
    return replace(
        law,
        embeddings=Gram.paired(gram.groups, left, right, diagonal),
        logits=Pairing.paired(
            logits.groups,
            np.hstack([logits.left, -own[:, None]]),
            np.hstack([logits.right, np.ones((len(own), 1))]),
            logits.own - own,
        ),
    )


def _row_means(matrix: Pairing) -> Floats:
    """Return the mean of the entries in the row of a class of each group, itself among them."""
    itself = matrix.own - np.vecdot(matrix.left, matrix.right)
    return np.asarray((matrix.left @ (matrix.groups.sizes @ matrix.right) + itself) / matrix.k)
