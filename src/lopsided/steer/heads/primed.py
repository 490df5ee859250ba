"""A head that is told the shortcut in training, so that the features need not learn it."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from lopsided.arrays import require_noun
from lopsided.gram import Gram
from lopsided.labels import Ignore, sentinels
from lopsided.predict import etf
from lopsided.steer.checks import check_features
from lopsided.steer.drawn import drawn
from lopsided.steer.heads.frame import frame
from lopsided.steer.heads.sized import Sized, require_sizes
from lopsided.steer.labels import read_labels
from lopsided.steer.precision import KeepsPrecision, exact, full_default, lifted


class PrimedHead(KeepsPrecision, Sized):
    """Linear logits of features and of a prime: a vector, held fixed, for the class that the
    shortcut of a sample points to.

    A shortcut is what goes with a class in most samples of the training set without being it, such
    as a color or a background. `head(features, shortcuts)` gives the logits V h + U p_a to train
    with, `head(features)` those in use, V h, where the prime is zero: a linear head. What the prime
    adds does not depend on the features. `ShortcutLoss` reads both. Logits are at least float32,
    and so are the primes wherever the head is moved.

    Source: Wang et al. 2024 (arXiv 2405.05587).

    Args:
        d: feature dimensions.
        k: classes.
        primes: Gram of the k primes; None for the simplex ETF. Their mean squared length is one.
        seed: of the first weights, normal.
        ignore_index: shortcut of samples whose shortcut is not known, or several of them; their
            prime is zero. None for none.

    Raises:
        ValueError: if d or k is no whole number or too small, or the Gram is of another number of
            vectors, or of zeros.
        TypeError: if the primes are no Gram, or a label to leave out is not a whole number.

    Example:
        >>> head = PrimedHead(d=8, k=3)
        >>> h, shortcuts = torch.randn(5, 8), torch.tensor([0, 1, 2, 2, 0])
        >>> added = head(h, shortcuts) - head(h)
        >>> bool(torch.allclose(added[2], added[3], atol=1e-6))
        True
    """

    primes: Tensor

    def __init__(
        self,
        d: int,
        k: int,
        primes: Gram | None = None,
        *,
        seed: int = 0,
        ignore_index: Ignore = -100,
    ) -> None:
        super().__init__()
        require_sizes(d, k)
        gram = etf(k).classifiers if primes is None else primes
        require_noun(gram, Gram, "what primes are of")
        if gram.k != k:
            raise ValueError(f"primes must be the Gram of {k} vectors, got one of {gram.k}")
        self.ignore_index: Ignore = sentinels(ignore_index)
        start = drawn(k, d + k, seed=seed) / math.sqrt(d + k)
        self.weight = nn.Parameter(start[:, :d].clone())
        self.prime_weight = nn.Parameter(start[:, d:].clone())
        # Any Gram of k vectors has room in k dimensions.
        self.register_buffer("primes", torch.as_tensor(frame(gram, k), dtype=full_default()))

    def forward(self, features: Tensor, shortcuts: Tensor | None = None) -> Tensor:
        """Return (n, k) logits; without shortcuts the features may have any number of axes before
        the last.

        Args:
            features: (n, d).
            shortcuts: (n,) or (n, 1) classes that the shortcuts point to; None in use.

        Raises:
            ValueError: if a shape is wrong or a shortcut out of range; the sample is named.
            TypeError: if the features are not floating point, or the shortcuts no whole numbers.
        """
        k, d = self.weight.shape
        check_features(features, d)
        h, weight, more, primes = lifted(features, self.weight, self.prime_weight, self.primes)
        with exact(h.device):
            logits = functional.linear(h, weight)
            if shortcuts is None:
                return logits
            if h.ndim != 2:
                raise ValueError(
                    f"with shortcuts, features must have shape (n, {d}), got {tuple(h.shape)}"
                )
            classes, known = read_labels(shortcuts, len(h), k, self.ignore_index, "shortcuts")
            added = functional.linear(primes, more)[classes]
            return logits + (added if known is None else added.where(known[:, None], 0.0))
