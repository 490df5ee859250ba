"""Diagnosis: the noun."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lopsided import notebook
from lopsided.counts import Counts
from lopsided.diagnosis.answers import answers, balanced_accuracy, recalls, shots
from lopsided.diagnosis.geometry import geometry, predictions
from lopsided.diagnosis.remedy import remedy
from lopsided.geometry import Geometry
from lopsided.measure.collapse import Collapse
from lopsided.measure.state.decisions import Decisions
from lopsided.plain import plain
from lopsided.steer.prescribe import Prescription

#: Confused pairs that are told as data.
PAIRS = 100


@dataclass(frozen=True, eq=False, repr=False)
class Diagnosis:
    """What ails a network: `print` it.

    Attributes:
        collapse: the geometry of the training samples; None where none were given.
        held_out: what the network answers on samples that it was not trained on; None where none
            were given.
        prescription: the head to use and what it is worth; None where it could not be told.
        counts: training samples of each class; None where they are not known.
        laws: predictions that the geometry is compared with, by name.
        notes: what could not be done, and why.
    """

    collapse: Collapse | None
    held_out: Decisions | None
    prescription: Prescription | None
    counts: Counts | None
    laws: Mapping[str, Geometry]
    notes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        collapse: Collapse | None,
        held_out: Decisions | None,
        prescription: Prescription | None,
        counts: Counts | None = None,
        *,
        laws: Mapping[str, Geometry] | None = None,
        notes: tuple[str, ...] = (),
    ) -> Diagnosis:
        """Join what was found; the laws are by default SELI, where the counts tell it, and the ETF.

        Raises:
            ValueError: if there is neither a measurement nor an answer.
        """
        if collapse is None and held_out is None:
            raise ValueError("a diagnosis needs training samples or held-out samples, got neither")
        if laws is None:
            headed = collapse is not None and collapse.weight is not None
            laws = predictions(collapse) if collapse is not None and headed else {}
        return cls(collapse, held_out, prescription, counts, laws, notes)

    @cached_property
    def sections(self) -> dict[str, str]:
        """Paragraphs by their titles, in the order in which a person needs them."""
        found = {
            "What it answers": self._answers(),
            "Cause and remedy": self._remedy(),
            "Geometry": self._geometry(),
        }
        return {title: " ".join(said) for title, said in found.items() if said}

    def _answers(self) -> list[str]:
        if self.held_out is not None:
            return answers(self.held_out, self.counts)
        missing = (
            "No held-out samples were given: how often the network errs on samples that it was not"
            " trained on is not known."
        )
        if self.collapse is None or self.collapse.answered is None:
            return [missing]
        own = answers(self.collapse.answered, self.collapse.trained, "training")
        return [missing, "Of those measured, taken for the training set:", *own]

    def _remedy(self) -> list[str]:
        return [*([] if self.prescription is None else remedy(self.prescription)), *self.notes]

    def _geometry(self) -> list[str]:
        if self.collapse is None:
            return [
                "No training samples were given: the geometry of a network is that of the samples"
                " it was trained on."
            ]
        if self.collapse.weight is None:
            return ["The head's weight was not given: there is no geometry of classifiers."]
        return geometry(self.collapse, self.laws)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data for JSON."""
        return {
            "sections": self.sections,
            "held_out": None
            if self.held_out is None
            else _answers_dict(self.held_out, self.counts),
            "prescription": None if self.prescription is None else self.prescription.to_dict(),
            "geometry": None if self.collapse is None else self.collapse.to_dict(),
        }

    def __getattr__(self, name: str) -> Any:
        # Metrics and moments are asked of the measurement.
        collapse = None if name.startswith("_") else self.__dict__.get("collapse")
        if collapse is None:
            raise AttributeError(f"a Diagnosis has no attribute {name!r}", name=name, obj=self)
        return getattr(collapse, name)

    def __str__(self) -> str:
        return "\n\n".join(f"{title}. {text}" for title, text in self.sections.items())

    def _repr_html_(self) -> str:
        told = "".join(notebook.said(text, title) for title, text in self.sections.items())
        headed = self.collapse is not None and self.collapse.weight is not None
        drawn = self.collapse.geometry.drawings() if headed and self.collapse else ""
        return notebook.card("Diagnosis", told, drawn)

    def __repr__(self) -> str:
        parts = {"collapse": self.collapse, "prescription": self.prescription}
        known = [f"{name}={part!r}" for name, part in parts.items() if part is not None]
        if self.held_out is not None:
            known.insert(0, f"balanced accuracy {balanced_accuracy(self.held_out):.3f}")
        return f"Diagnosis({', '.join(known)})"


def _answers_dict(decisions: Decisions, counts: Counts | None) -> dict[str, Any]:
    right, (labels, others, numbers) = recalls(decisions), decisions.confusions.pairs()
    groups = {} if counts is None else shots(counts)
    rows = zip(labels.tolist(), others.tolist(), numbers.tolist(), strict=True)
    return {
        "n": int(decisions.counts.sum()),
        "balanced_accuracy": balanced_accuracy(decisions),
        "accuracy": float(1 - decisions.errors.sum() / decisions.counts.sum()),
        "groups": {
            name: plain(float(right[members][decisions.counts[members] > 0].mean()))
            for name, members in groups.items()
            if decisions.counts[members].any()
        },
        "counts": decisions.counts.tolist(),
        "answered": decisions.answered.tolist(),
        "right": plain(right),
        "confused": [
            {"class": label, "answer": other, "samples": number}
            for label, other, number in list(rows)[:PAIRS]
        ],
        "confused_missed": decisions.confusions.missed,
    }
