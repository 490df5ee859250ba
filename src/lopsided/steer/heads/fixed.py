"""Heads whose classifiers are set by a prediction, and a start from one."""

from __future__ import annotations

import math
from typing import Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from lopsided.arrays import Floats, real_array, require_flag, require_noun, require_number
from lopsided.counts import Counts, CountsLike
from lopsided.geometry import Geometry
from lopsided.steer.checks import check_features
from lopsided.steer.directions import directions
from lopsided.steer.drawn import drawn
from lopsided.steer.heads.frame import frame
from lopsided.steer.heads.sized import Sized, held, linear, require_sizes
from lopsided.steer.precision import KeepsPrecision, exact, full_default, lifted

#: A classifier of less length, of the longest, has no direction in a frame.
_NONE = 1e-7


class FixedHead(KeepsPrecision, Sized):
    """Classifiers that do not learn: those of a geometry, realised in d dimensions. The buffer is
    saved in `state_dict`.

    Logits are at least float32, and so is the buffer wherever the head is moved: rounded, the frame
    would be another.

    Source: Yang et al. 2022 (arXiv 2203.09081) for the simplex ETF; any other predicted geometry
    likewise.

    Args:
        geometry: whose classifiers to take, from predict, solve, measure or `design`.
        d: feature dimensions.
        scale: root mean square length of the classifiers.
        lengths: class counts that set the lengths instead: directions are the geometry's, squared
            lengths scale^2 n / (k n_c), so that rare classes have long classifiers.
        learn_scale: whether a factor of all logits learns, from one on.
        seed: of the orientation.

    Raises:
        ValueError: if d is less than the rank of the classifiers (the smallest that works is
            named), the scale not positive or too large, or the lengths are of another number of
            classes or for a classifier of zeros.
        TypeError: if it is given no geometry, or `learn_scale` is neither True nor False.
        MemoryError: if the (k, k) Gram is too large.

    Example:
        >>> from lopsided import predict
        >>> head = FixedHead(predict.etf(4), d=16)
        >>> head(torch.zeros(2, 16)).shape, len(list(head.parameters()))
        (torch.Size([2, 4]), 0)
    """

    def __init__(
        self,
        geometry: Geometry,
        d: int,
        *,
        scale: float = 1.0,
        lengths: CountsLike | None = None,
        learn_scale: bool = False,
        seed: int = 0,
    ) -> None:
        super().__init__()
        require_noun(geometry, Geometry, "what a head is fixed to")
        if not 0 < (scale := require_number(scale, "scale")) < math.inf:
            raise ValueError(f"scale must be a positive finite number, got {scale}")
        vectors = scale * frame(geometry.classifiers, d, seed)
        if lengths is not None:
            vectors = scale * _of_lengths(vectors, Counts.of(lengths))
        self._hold(vectors, learn_scale)

    @classmethod
    def of_vectors(cls, vectors: Floats | Tensor, *, learn_scale: bool = False) -> Self:
        """Return a head of given classifiers: a `sparse_frame`, prototypes that were assigned to
        classes, a frame on its way.

        Args:
            vectors: (k, d), taken as they are.
            learn_scale: whether a factor of all logits learns, from one on.

        Raises:
            ValueError: if they are not of shape (k, d) with k of at least 2, not finite, or too
                large.
            TypeError: if they are no real numbers, or `learn_scale` is neither True nor False.

        Example:
            >>> FixedHead.of_vectors(np.eye(3))(torch.ones(1, 3)).tolist()
            [[1.0, 1.0, 1.0]]
        """
        rows = real_array(vectors, "classifiers")
        if rows.ndim != 2 or len(rows) < 2 or not rows.shape[1]:
            raise ValueError(
                f"classifiers must have shape (k, d) with k of at least 2, got {rows.shape}"
            )
        if not (finite := np.isfinite(rows).all(axis=1)).all():
            raise ValueError(f"classifiers must be finite, that of class {finite.argmin()} is not")
        head = cls.__new__(cls)
        nn.Module.__init__(head)
        head._hold(rows, learn_scale)
        return head

    def _hold(self, vectors: Floats, learn_scale: bool) -> None:
        require_flag(learn_scale, "learn_scale")
        self.register_buffer("weight", held(vectors))
        #: What all logits are multiplied by; None where it does not learn.
        self.factor = nn.Parameter(torch.ones((), dtype=full_default())) if learn_scale else None

    def forward(self, features: Tensor) -> Tensor:
        """Return (..., k) logits of (..., d) features.

        Raises:
            ValueError: if the last axis of the features is not d long.
            TypeError: if they are not floating point.
        """
        logits = linear(features, self.weight)
        return logits if self.factor is None else logits * self.factor.to(logits)


class CosineHead(Sized):
    """Learned classifiers of which only the direction counts: logits cos(h, w_c) / temperature, at
    least float32.

    Source: NormFace, Wang et al. 2017 (arXiv 1704.06369); the head of LDAM with scale 1 /
    temperature.

    Args:
        d: feature dimensions.
        k: classes.
        temperature: positive; 1 gives cosines.
        seed: of the first classifiers, normal.

    Raises:
        ValueError: if d or k is no whole number or too small, or the temperature is not positive.

    Example:
        >>> bool((CosineHead(d=8, k=3)(torch.randn(5, 8)).abs() <= 1 + 1e-6).all())
        True
    """

    def __init__(self, d: int, k: int, temperature: float = 1.0, *, seed: int = 0) -> None:
        super().__init__()
        require_sizes(d, k)
        if not 0 < require_number(temperature, "temperature") < math.inf:
            raise ValueError(f"temperature must be a positive finite number, got {temperature}")
        self.temperature = temperature
        start = drawn(k, d, seed=seed) / math.sqrt(d)
        self.weight = nn.Parameter(start.to(torch.get_default_dtype()))

    def forward(self, features: Tensor) -> Tensor:
        """Return (..., k) logits of (..., d) features; a zero feature has logits zero.

        Raises:
            ValueError: if the last axis of the features is not d long.
            TypeError: if they are not floating point.
        """
        check_features(features, self.in_features)
        h, weight = map(directions, lifted(features, self.weight))
        with exact(h.device):
            return functional.linear(h, weight) / self.temperature


def _of_lengths(vectors: Floats, counts: Counts) -> Floats:
    """Return vectors of these directions with the squared lengths n / (k n_c)."""
    if len(vectors) != counts.k:
        raise ValueError(
            f"lengths must be the counts of {len(vectors)} classes, got those of {counts.k}"
        )
    now = np.linalg.norm(vectors, axis=1)
    if (now <= _NONE * now.max()).any():  # by rounding not always zero
        raise ValueError(
            f"the classifier of class {int(now.argmin())} is zero and has no direction, so it can"
            " have no length; leave out lengths"
        )
    wanted = np.sqrt(counts.n / (float(counts.k) * counts.values))
    return np.asarray(vectors * (wanted / now)[:, None])


@torch.no_grad()
def initialise_(linear: nn.Linear, geometry: Geometry, seed: int = 0) -> nn.Linear:
    """Start a linear head at the classifiers of a geometry, with the Frobenius norm it had; a bias
    is set to zero.

    Args:
        linear: the head, changed in place.
        geometry: whose classifiers to take.
        seed: of the orientation.

    Returns:
        The same head.

    Raises:
        ValueError: if the head has another number of classes, or too few dimensions (the smallest
            number that works is named), or a weight of zeros or not finite, whose norm is none to
            keep; or no weight of shape (k, d), or one computed from other tensors.
        TypeError: if it is given no geometry or no layer.
        MemoryError: if the (k, k) Gram is too large.

    Example:
        >>> from lopsided import Gram, predict
        >>> head = initialise_(torch.nn.Linear(8, 4, bias=False), predict.etf(4))
        >>> Gram.of_vectors(head.weight.detach()).distance(predict.etf(4).classifiers) < 1e-6
        True
    """
    require_noun(geometry, Geometry, "what a head starts at")
    require_noun(linear, torch.nn.Module, "the head")
    if "weight" not in {**linear._parameters, **linear._buffers}:
        raise ValueError(
            "this layer computes its weight from other tensors (a parametrization or an adapter),"
            " so nothing written to it would stay: initialise the layer first, then parametrize it"
        )
    if linear.weight.ndim != 2:
        raise ValueError(
            f"the head must have a weight of shape (k, d), got {tuple(linear.weight.shape)}"
        )
    k, d = linear.weight.shape
    if geometry.k != k:
        raise ValueError(f"the geometry has {geometry.k} classes, the head {k}")
    (weight,) = lifted(linear.weight)
    norm = weight.norm()
    if not weight.is_meta and not 0 < norm < math.inf:
        raise ValueError(
            "the head's weight is zero or not finite, so there is no norm to keep; initialise it"
            " otherwise first"
        )
    vectors = frame(geometry.classifiers, d, seed) / math.sqrt(k)  # of Frobenius norm 1
    linear.weight.copy_(norm * torch.as_tensor(vectors, dtype=weight.dtype, device=weight.device))
    if getattr(linear, "bias", None) is not None:  # a `CosineHead` has none
        linear.bias.zero_()
    return linear
