"""Linear: a head as two arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from lopsided.arrays import Floats, plain_array, real_array
from lopsided.measure.checks import head_of
from lopsided.measure.network.affine import alone
from lopsided.measure.network.head import is_layer


@dataclass(frozen=True, eq=False)
class Linear:
    """A linear head: scores W h + b.

    Attributes:
        weight: (k, d), one classifier a row.
        bias: (k,).
    """

    weight: Floats
    bias: Floats

    @classmethod
    def of(cls, head: Any) -> Linear:
        """Return the head in a torch linear layer, a 1x1 convolution, or a pair (weight, bias).

        Raises:
            ValueError: if a shape does not fit, a number is not finite (the class is named), or a
                layer is no linear map of its features, such as a cosine head.
            TypeError: if it is neither.
        """
        if isinstance(head, Linear):
            return head
        if isinstance(head, tuple | list) and len(head) == 2:
            weight, bias = head
        elif is_layer(head):
            weight, bias = alone(head)
        elif hasattr(head, "weight"):
            weight, bias = head.weight, getattr(head, "bias", None)
        else:
            raise TypeError(
                "head must be a linear layer or a pair (weight, bias), bias None for none, got"
                f" {type(head).__name__}"
            )
        w = plain_array(weight, "the head's weight")
        if w.ndim == 4 and w.shape[2:] == (1, 1):
            w = w[:, :, 0, 0]
        if w.ndim != 2 or w.shape[0] < 2 or not w.shape[1]:
            raise ValueError(
                "the head's weight must have shape (k, d), one row for each of at least 2 classes,"
                f" got {w.shape}; a head of one output is the difference of two: give (-w/2, w/2)"
            )
        found, b = head_of(
            w, None if bias is None else plain_array(bias, "the head's bias"), *w.shape
        )
        # Copies: a layer that is trained further is another head.
        return cls(found.copy(), np.zeros(len(found)) if b is None else b.copy())

    def scores(self, features: Any) -> Floats:
        """Return the (n, k) scores of features (n, d), array or tensor, in float64."""
        x = plain_array(features, "features")
        if x.dtype.kind != "f" or x.dtype.itemsize < 4:  # in whose type weights would be rounded
            x = real_array(x, "features")
        weight = self.weight.astype(x.dtype, copy=False)
        return np.asarray(x @ weight.T, np.float64) + self.bias
