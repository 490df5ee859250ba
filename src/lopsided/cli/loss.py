"""The options by which verbs are told the loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Optional

import tyro

from lopsided.adjustment import EXPONENTS, Adjustment

if TYPE_CHECKING:
    from lopsided.counts import Counts
    from lopsided.problem import Bias


@dataclass(frozen=True)
class LossOptions:
    """A cross-entropy and the bias of its head."""

    loss: Annotated[Optional[str], tyro.conf.arg(metavar=f"{{{','.join(EXPONENTS)}}}")] = None
    """cross-entropy and its adjustments; by default cross-entropy"""
    gamma: Optional[float] = None
    """exponent of the scales of cdt, ldt (by default 0.5) and vs (0.25)"""
    tau: Optional[float] = None
    """factor of the shifts of logit-adjusted and vs (by default 1)"""
    bias: Optional[str] = None
    """of the classifiers: none, free, or a number from 1e-9, the ridge on it; by default none, but
    free for the forms regression and free-bias of predict"""

    @property
    def given(self) -> list[str]:
        """The options that were given, as words of the command line."""
        return [
            f"--{name}"
            for name in ("loss", "gamma", "tau", "bias")
            if getattr(self, name) is not None
        ]

    @property
    def name(self) -> str:
        """The loss."""
        return "cross-entropy" if self.loss is None else self.loss

    def of_bias(self) -> Bias:
        """Return the bias of a problem.

        Raises:
            ValueError: if it is neither none, nor free, nor a number.
        """
        if self.bias is None or self.bias in ("none", "free"):
            return "free" if self.bias == "free" else "none"
        try:
            return float(self.bias)
        except ValueError:
            raise ValueError(f"--bias must be none, free or a number, got {self.bias!r}") from None

    def adjustment(self, counts: Counts, loss: str | None = None) -> tuple[str, Adjustment]:
        """Return the title and the adjustment of the loss.

        Args:
            counts: of the classes.
            loss: another than the one given, which takes of the exponents given those that it has.

        Raises:
            ValueError: for an unknown loss, or an exponent that the loss does not have.
        """
        name = self.name if loss is None else loss
        if name not in EXPONENTS:
            raise ValueError(f"--loss must be one of {', '.join(EXPONENTS)}, got {name!r}")
        known = EXPONENTS[name]
        given = {
            part: value for part in ("gamma", "tau") if (value := getattr(self, part)) is not None
        }
        if loss is None and (foreign := sorted(given.keys() - known.keys())):
            raise ValueError(
                f"the loss {name} has no {' and no '.join(foreign)}, leave out"
                f" --{' and --'.join(foreign)}"
            )
        exponents = {part: given.get(part, default) for part, default in known.items()}
        adjustment = Adjustment.named(name, counts, **exponents)
        greek = {"gamma": "γ", "tau": "τ"}
        title = name if len(name) > 4 else name.upper()
        return (
            ", ".join([title, *(f"{greek[part]}={value:g}" for part, value in exponents.items())]),
            adjustment,
        )
