"""Prescription: the head to use, what it is worth, and why."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from lopsided.arrays import Floats, Ints, plain_array
from lopsided.counts import Counts
from lopsided.drafts import require_saved, write_atomically
from lopsided.measure.checks import rows_of
from lopsided.measure.network.affine import alone
from lopsided.measure.storage.formats import DIRECTIONS
from lopsided.needs import need
from lopsided.steer.prescribe.cause import Cause
from lopsided.steer.prescribe.gain import Accuracies, Gain
from lopsided.steer.prescribe.linear import Linear

Loss = Literal["cross-entropy", "weighted", "logit-adjusted"]
Remedy = Literal["nothing", "logit adjustment", "second head", "three numbers", "refit"]
#: How much of a score may be lost in a file.
ROUNDED = 1e-3
#: How a file of `save` begins: the length of its header, and in that what the head is worth.
SAVED = re.compile(rb'\A.{8}\{"__metadata__":\{"lopsided":', re.DOTALL)


@dataclass(frozen=True, eq=False, repr=False)
class Prescription:
    """What to do about a head, and what it is expected to be worth.

    Attributes:
        remedy: "nothing" leaves the head; "logit adjustment" subtracts log(n_c / n), but of classes
            without any sample; "second head" is trained on the frozen training features, each class
            weighing the same; "three numbers" stacks both and subtracts a part of log(n_c / n);
            "refit" is fitted to the held-out samples near that.
        head: the head to use.
        corrected: the head whose worth is told, also where that is too small to prescribe it.
        counts: of the training set; a class without training samples counts as one.
        held_out: (k,) held-out samples of each class; None without any.
        worth: the gain of the corrected head with its interval; None where nothing was measured.
        before: accuracies of the trained head on held-out samples.
        after: accuracies of the corrected head, fitted to the others (cross-fitting).
        cause: of the errors; None where nothing was measured.
        numbers: u, v and a of the three numbers; None where they were not fitted.
        norm_share: of SELI's norm ratio, see `lopsided.steer.prescribe.cause.norm_share`.
        loss: the network was trained with, as far as was said.
        sentences: what a person needs to know, in order.
        inputs: files that were read, which are never written.
        doubts: those of the sentences that put the figures in doubt.
        directions: whether the heads are for features divided by their lengths, as cosine heads
            take them.
        present: (k,) which classes have samples, in training or held out, whose gain it is; None
            where nothing was measured.
        second: whether a second head was tried.
    """

    remedy: Remedy
    head: Linear
    corrected: Linear
    counts: Counts
    held_out: Ints | None
    worth: Gain | None
    before: Accuracies | None
    after: Accuracies | None
    cause: Cause | None
    numbers: tuple[float, float, float] | None
    norm_share: float | None
    loss: Loss | None
    sentences: tuple[str, ...]
    inputs: tuple[Path, ...] = ()
    doubts: tuple[str, ...] = ()
    directions: bool = False
    present: npt.NDArray[np.bool_] | None = None
    second: bool = False

    @property
    def weight(self) -> Floats:
        """(k, d) weight of the head to use."""
        return self.head.weight

    @property
    def bias(self) -> Floats:
        """(k,) bias of the head to use."""
        return self.head.bias

    @property
    def gain(self) -> float | None:
        """Expected gain of the corrected head in balanced accuracy, as a fraction of 1."""
        return None if self.worth is None else self.worth.expected

    @property
    def interval(self) -> tuple[float, float] | None:
        """Where the gain lies nine times of ten."""
        return None if self.worth is None else (self.worth.low, self.worth.high)

    @property
    def price(self) -> float | None:
        """Accuracy that the corrected head loses on data distributed as in training; negative where
        it gains.
        """
        if self.before is None or self.after is None:
            return None
        return self.before.as_trained - self.after.as_trained

    def score(self, features: Any) -> Floats:
        """Return the (n, k) scores of features (n, d), array or tensor; the largest is the answer.

        Raises:
            ValueError: if the shape is another or a number is not finite.
        """
        x = plain_array(features, "features")
        if x.ndim != 2:
            raise ValueError(f"features must have shape (n, d), got {x.shape}")
        x = rows_of(x, np.full(len(x), -1), self.weight.shape[1], "features")
        x = x.astype(np.float64, copy=False)
        if self.directions:
            lengths = np.linalg.norm(x, axis=1, keepdims=True)
            x = np.divide(x, lengths, where=lengths > 0, out=np.zeros_like(x))
        return self.head.scores(x)

    def state_dict(self) -> dict[str, Floats]:
        """Return weight (k, d) and bias (k,) as arrays."""
        return {"weight": self.weight, "bias": self.bias}

    def apply_(self, linear: Any) -> Any:
        """Write the head into a torch linear layer or 1x1 convolution, in place; a bias is made
        where there is none, so whatever loads the saved model has to make one too: Hugging Face
        builds decoders without and leaves it out. A weight that is tied to another layer's changes
        there too.

        Returns:
            The layer.

        Raises:
            ValueError: if the head is for directions of features, or the layer has another shape,
                computes its weight from other tensors, so that nothing can be written there,
                answers something else than its weight times the features plus its bias, or its
                type does not hold the head.
        """
        if self.directions:
            raise ValueError(
                "the prescription is for features divided by their lengths, which a linear layer"
                " does not do: divide them, and load state_dict() into a linear layer behind that"
            )
        weight = getattr(linear, "weight", None)
        if weight is None or not (hasattr(weight, "new_tensor") and "bias" in dir(linear)):
            k, d = self.weight.shape
            raise ValueError(
                f"a torch linear layer is written to, got {type(linear).__name__}: put"
                f" torch.nn.Linear({d}, {k}) in its place and write to that, or take state_dict()"
            )
        if tuple(weight.shape[:2]) != self.weight.shape or weight.numel() != self.weight.size:
            raise ValueError(
                f"the prescription is for a head of shape {self.weight.shape}, got one of"
                f" {tuple(weight.shape)}"
            )
        if "weight" not in getattr(linear, "_parameters", {}):
            raise ValueError(
                "this layer computes its weight from other tensors (a parametrization or an"
                " adapter): merge them into a plain linear layer first"
            )
        stored, answered = (plain_array(part, "the head") for part in (weight, alone(linear)[0]))
        if not np.array_equal(answered, stored.reshape(self.weight.shape), equal_nan=True):
            raise ValueError(
                "this layer does not answer its weight times the features, it scales or has an"
                " adapter: put a plain linear layer in its place first"
            )
        written, bias = weight.new_tensor(self.weight), weight.new_tensor(self.bias)
        for given, part in ((self.weight, written), (self.bias, bias)):
            _require_held(given, plain_array(part, "the head"), weight.dtype)
        weight.detach().copy_(written.reshape(weight.shape))
        if linear.bias is None:
            linear.bias = type(weight)(bias, requires_grad=weight.requires_grad)
        else:
            linear.bias.detach().copy_(bias)
        return linear

    def save(self, path: str | Path) -> Path:
        """Write weight and bias to a safetensors file, whole or not at all.

        The header tells remedy, gain and interval. They are in float32, or in float64 for features
        so far from zero that float32 would round the scores.

        Raises:
            ValueError: if the path does not end in .safetensors, or is a file that was read or that
                no save wrote, such as a whole model, or float32 does not hold the head.
            ImportError: if safetensors is not installed.
        """
        path = Path(path)
        if path.exists() and any(path.samefile(given) for given in self.inputs if given.exists()):
            raise ValueError(f"{path} was read for this prescription: write it to another file")
        require_head_file(path)
        library = need("safetensors.numpy", "'lopsided[torch]'")
        facts: dict[str, Any] = {
            "remedy": self.remedy,
            "gain": self.gain,
            "interval": self.interval,
        }
        facts |= {"features": DIRECTIONS} if self.directions else {}
        with np.errstate(over="ignore", under="ignore"):
            # What features far from zero add to a score the bias takes off again.
            rounded = np.abs(self.bias - self.bias.astype(np.float32)).max() > ROUNDED
            kind = np.float64 if rounded else np.float32
            arrays = {name: np.ascontiguousarray(a, kind) for name, a in self.state_dict().items()}
        for name, given in self.state_dict().items():
            _require_held(given, arrays[name], kind.__name__)
        write_atomically(path, library.save(arrays, {"lopsided": json.dumps(facts)}))
        return path

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the heads as plain data for JSON; what was not measured is
        None.
        """
        parts = {name: getattr(self, name) for name in ("worth", "cause", "before", "after")}
        return {
            "remedy": self.remedy,
            "gain": self.gain,
            "interval": self.interval,
            "price": self.price,
            **{name: None if part is None else asdict(part) for name, part in parts.items()},
            "numbers": self.numbers,
            "norm_share": self.norm_share,
            "loss": self.loss,
            "held_out": None if self.held_out is None else self.held_out.tolist(),
            "sentences": list(self.sentences),
            "doubts": list(self.doubts),
        }

    def __str__(self) -> str:
        return " ".join(self.sentences)

    def __repr__(self) -> str:
        if self.worth is None:
            return f"Prescription({self.remedy}, not measured)"
        low, high = (f"{100 * end:+.1f}" for end in (self.worth.low, self.worth.high))
        return (
            f"Prescription({self.remedy}: {100 * self.worth.expected:+.1f} points of balanced"
            f" accuracy, 90%: {low} to {high}, on {self._n:,} held-out samples)"
        )

    @property
    def _n(self) -> int:
        return 0 if self.held_out is None else int(self.held_out.sum())


def require_head_file(path: Path) -> None:
    """Refuse a path that `Prescription.save` writes to nowhere, for those who are to know before a
    head is found.

    Raises:
        ValueError: if it does not end in .safetensors, or is a file that no save wrote.
        ImportError: if safetensors is not installed.
    """
    if path.suffix.lower() != ".safetensors":
        raise ValueError(f"a head is written to a .safetensors file, got {str(path)!r}")
    require_saved(path, SAVED)
    need("safetensors.numpy", "'lopsided[torch]'")


def _require_held(given: Floats, written: npt.NDArray[Any], kind: Any) -> None:
    """Refuse a head that a type makes infinite, or of which it leaves a classifier nothing.

    Raises:
        ValueError: naming the type.
    """
    lost = given.any(axis=-1) & ~written.any(axis=-1)
    if not np.isfinite(written).all() or lost.any():
        raise ValueError(f"the head is beyond what {kind} holds: use a wider type")
