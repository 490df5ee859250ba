"""What a head multiplies: W (k, d) and b with logits = W h + b, checked against its own answers.

The rows of `head.weight` are classifiers only if the head is a plain linear layer. Others scale
their logits, divide weights or features by their lengths, hold the weight as (d, k), or have an
adapter beside it. An affine map f tells what it multiplies when asked: f(e_1) + f(-e_1) is 2 b, and
f(e_i) - b is column i of W. A head that divides features by their length is linear in h / |h|, and
e_i has length one, so the same question serves. Whatever is read is compared with what the head
answered; what fits nothing is refused.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from typing import Any

from lopsided.measure.network.head import axes_of
from lopsided.measure.network.held import held
from lopsided.measure.network.intact import untouched
from lopsided.measure.network.tensors import CLASSES, has_float64, some
from lopsided.needs import torch

_log = logging.getLogger("lopsided")

#: Rows that are looked at in one comparison.
ROWS = 32
#: Features that a layer is asked about which is not seen at work.
DRAWN = 8
#: Rounding allowed, in units of the type's own: of terms at random signs, and of all at worst.
RANDOM, WORST = 4, 32
#: Roundings, the root of their number, that the latter holds beside a bias.
ADDED = 16
#: Of directions of shorter features heads answer differently: the framework divides by no less.
SHORT = 1e-12
#: Precision of float32 products at the settings of torch.set_float32_matmul_precision.
MATMUL = {"highest": 0.0, "high": 2.0**-10, "medium": 2.0**-7}

Map = tuple[Any, Any]


def stored(head: Any, _like: Any = None) -> Map:
    """Return weight and bias as the head holds them."""
    return held(head)


def asked(head: Any, like: Any) -> Map:
    """Return what the head multiplies, as its answers to unit vectors tell."""
    inside = next((p for p in (*head.parameters(), *head.buffers()) if p.is_floating_point()), like)
    units = torch().eye(like.shape[-1], dtype=inside.dtype, device=like.device)
    units = units.reshape(*units.shape, *[1] * (axes_of(head) - 2))
    with untouched(head), torch().no_grad(), torch().autocast(like.device.type, enabled=False):
        answers, opposite = (_wide(head.forward(given)).flatten(1) for given in (units, -units[:1]))
    bias = (answers[0] + opposite[0]) / 2
    return (answers - bias).T, bias if bias.any() else None


def as_given(features: Any) -> Any:
    """Return the features."""
    return features


def as_directions(features: Any) -> Any:
    """Return the features divided by their lengths; zero stays zero."""
    return torch().nn.functional.normalize(_wide(features), dim=-1)


#: How a head may be read, the first that fits is taken: what it multiplies, and with what.
READINGS: dict[str, tuple[Callable[[Any, Any], Map], Callable[[Any], Any]]] = {
    "its weight and bias": (stored, as_given),
    "a linear map": (asked, as_given),
    "a linear map of the features divided by their lengths": (asked, as_directions),
}


class Affine:
    """The affine map that a head is.

    Attributes:
        reading: the entry of READINGS that fits the head's answers; `None` before a comparison.

    Args:
        name: of the head, for messages.
        head: layer with a weight.
    """

    def __init__(self, name: str, head: Any) -> None:
        self.name, self.head = name, head
        self.reading: str | None = None
        self._like: Any = None

    def compare(self, features: Any, logits: Any, precision: float) -> None:
        """Compare the head's answers with what it is read to multiply.

        A step of training must not lie between.

        Args:
            features: (n, d) that the head saw.
            logits: (n, k) that it answered.
            precision: of the arithmetic, see `precision_of`.

        Raises:
            ValueError: if no reading fits, or the head is spread over processes.
        """
        held(self.head)
        x, z = (some(part, 0, ROWS) for part in (features, logits))
        if not bool(x.isfinite().all() & z.isfinite().all()):
            return  # the door names the sample
        found = self.find(x, z, precision)
        if found is None:
            raise ValueError(
                f"the head {self.name!r} does not answer its weight times the features plus its"
                " bias, and is no other linear map of the features or of their directions either,"
                " so it has no classifiers to measure; what a head does in training only (dropout,"
                " margins) is off in evaluation mode (measure.diagnose, or during='eval'); else"
                " give the linear layer inside"
            )
        self.take(found)

    def find(self, features: Any, logits: Any, precision: float) -> str | None:
        """Return the reading that fits these answers, first the one taken before; arguments are
        those of `compare`.
        """
        exact = torch().float64 if has_float64(features.device) else torch().float32
        self._like = features[:1].clone()  # not a view, which would hold them all
        x, z, tiny = features.to(exact), logits.to(exact), torch().finfo(logits.dtype).tiny
        rest = [name for name in READINGS if name != self.reading]
        each = ([self.reading] if self.reading else []) + rest
        return next((name for name in each if self._fits(name, x, z, precision, tiny)), None)

    def take(self, found: str) -> None:
        """Take a reading that fits."""
        before = self.reading
        if before and READINGS[found][1] is not READINGS[before][1]:
            was = f"the head {self.name!r} was {before} in earlier batches"
            raise ValueError(f"{was}, and is {found} now")
        if found not in (before, next(iter(READINGS))):
            words = "the head %r is %s, not its weight as stored; what it multiplies is measured"
            _log.warning(words, self.name, found)
        self.reading = found

    def _fits(self, name: str, x: Any, z: Any, precision: float, tiny: float) -> bool:
        """Return whether answers and reading differ by no more than rounding can do."""
        read, view = READINGS[name]
        with torch().no_grad(), torch().autocast(x.device.type, enabled=False):
            try:
                weight, bias = read(self.head, self._like)
                if weight.shape != (z.shape[-1], x.shape[-1]) or weight.is_meta:
                    return False  # of another layout, or elsewhere between the passes
            except Exception:  # it cannot be read so, such as one whose forward wants labels
                return False
            h, w, answers = view(x), some(weight, 0, CLASSES).to(x), some(z, 1, CLASSES)
            b = x.new_zeros(1) if bias is None else some(bias, 0, CLASSES).to(x)
            expected = h @ w.T + b
            random = (h.square() @ w.T.square()).sqrt() + expected.abs() + b.abs()
            # Terms may be added to the bias one by one, each time rounded to its digits.
            grown = b.abs() * max(1.0, math.sqrt(h.shape[-1]) / ADDED)
            worst = h.norm(dim=1)[:, None] * w.norm(dim=1) + grown
            summed = min(precision, torch().finfo(torch().float32).eps)
            allowed = RANDOM * precision * random + WORST * summed * worst
            # Below the smallest normal number of a type its precision is absolute: of weights, and
            # of each of the products.
            allowed += tiny * precision * (h.abs().sum(1, keepdim=True) + h.shape[1])
            if view is as_directions:
                length = x.norm(dim=1, keepdim=True)
                allowed = allowed.masked_fill((length > 0) & (length < SHORT), math.inf)
            return bool(((expected - answers).abs() <= allowed).all())

    def unlike_stored(self) -> str:
        """Return how the head is read where that is not by its weight as stored, or nothing."""
        return self.reading if self.reading not in (None, next(iter(READINGS))) else ""

    def of_directions(self) -> bool:
        """Return whether the head is read to divide features by their lengths."""
        return self.reading is not None and READINGS[self.reading][1] is as_directions

    def features(self, features: Any) -> Any:
        """Return the features (*batch, d) that the classifiers multiply."""
        return features if self.reading is None else READINGS[self.reading][1](features)

    def weight_and_bias(self) -> Map:
        """Return the classifiers (k, d) and the bias (k,), or `None` for none, as they are now."""
        read, _ = READINGS[self.reading or next(iter(READINGS))]
        return read(self.head, self._like)


def alone(head: Any) -> Map:
    """Return weight and bias of what a layer multiplies that is not seen at work: its answers to
    features that are drawn tell.

    Raises:
        ValueError: if it is no linear map of features as they are.
    """
    affine, own = Affine(type(head).__name__, head), stored(head)
    if type(head) is torch().nn.Linear:
        return own
    for d in dict.fromkeys(reversed(own[0].shape)):  # a weight may be held as (d, k)
        order = torch().Generator().manual_seed(0)
        x = torch().randn(DRAWN, d, generator=order, device="cpu").to(own[0])
        given = x.reshape(*x.shape, *[1] * (axes_of(head) - 2))
        with untouched(head), torch().no_grad(), torch().autocast(x.device.type, enabled=False):
            try:  # not by calling it, which hooks would hear
                answers = head.forward(given).flatten(1)
            except Exception:  # it takes other features, or more than features
                continue
        found = affine.find(x, answers, precision_of(x, answers, own[0]))
        if found is not None and READINGS[found][1] is as_given:
            affine.take(found)
            return affine.weight_and_bias()
    raise ValueError(
        f"the head {affine.name!r} is no linear map of the features: it divides them by their"
        " lengths, answers distances, or takes more than features; give the linear layer inside,"
        " or a weight (k, d) and the features that it multiplies"
    )


def precision_of(*tensors: Any) -> float:
    """Return the relative precision of a product of tensors: of the coarsest type, or autocast."""
    eps = max(torch().finfo(t.dtype).eps for t in tensors if t.is_floating_point())
    device = tensors[0].device.type
    if torch().is_autocast_enabled(device):
        eps = max(eps, torch().finfo(torch().get_autocast_dtype(device)).eps)
    if any(t.dtype == torch().float32 for t in tensors):
        eps = max(eps, MATMUL[torch().get_float32_matmul_precision()])
    return float(eps)


def _wide(tensor: Any) -> Any:
    """Return a tensor in float32, or in float64 if it is."""
    return tensor if tensor.dtype == torch().float64 else tensor.float()
