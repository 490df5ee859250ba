"""Where the claims of "Imbalance Trouble" and of its follow-up stand: what each says, and what our
records answer, with their spread.

`STANDS` is read by the documentation. Nothing here is computed but means and spreads of what
records hold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from lopsided.reproduce.claim import Run
from lopsided.reproduce.claims.stands import free, networks

Runs = Sequence[Run[Any, Any]]


def verdict(run: Run[Any, Any]) -> bool:
    """Take the verdict of the record."""
    return run.verdict.holds


def sentence(runs: Runs) -> str:
    """Tell the verdict of every run."""
    return " ".join(dict.fromkeys(run.verdict.sentence for run in runs))


def every(run: Run[Any, Any]) -> bool:
    """Let every run speak."""
    return True


@dataclass(frozen=True)
class Stand:
    """One claim of a paper.

    Attributes:
        paper: key of the bibliography; empty for what is new here.
        says: the claim.
        claim: name of ours that puts it to the test.
        tell: what came out, over the runs that speak, with the spread.
        holds: whether it does, of one run.
        speaks: which runs say anything of it.
        over: whether it does, of all runs together, where no single one can tell.
    """

    paper: str
    says: str
    claim: str
    tell: Callable[[Runs], str] = sentence
    holds: Callable[[Run[Any, Any]], bool] = verdict
    speaks: Callable[[Run[Any, Any]], bool] = every
    over: Callable[[Runs], bool] | None = None

    def of(self, runs: Runs) -> tuple[str, str]:
        """Return verdict and evidence, from all runs of the claim."""
        speaking = [run for run in runs if self.speaks(run)]
        if not speaking:
            return "no record", ""
        if self.over is not None:
            return _words(self.over(speaking)), self.tell(speaking)
        held = sum(self.holds(run) for run in speaking)
        told = f"holds in {held} of {len(speaking)} runs"
        return _words(bool(held)) if len(speaking) == 1 else told, self.tell(speaking)


def _words(holds: bool) -> str:
    return "holds" if holds else "does not hold"


_IT, _CE = "thrampoulidis2022", "behnia2023"

#: The claims of the two papers, then what is new here.
STANDS: tuple[Stand, ...] = (
    Stand(_IT, "Every solution of the UF-SVM is SELI.", "uf-svm"),
    Stand(
        _IT,
        "SELI is the ETF where classes are balanced; two classes are antipodal at any imbalance.",
        "uf-svm",
        free.balanced,
    ),
    Stand(_IT, "Norms and angles of SELI in closed form, and their limits in R.", "norms"),
    Stand(_IT, "At every ridge the optimum is unique.", "unique", free.optimum),
    Stand(
        _IT,
        "A weight on ||H||² leads to the optimum of the ridge times its root, but for the scale.",
        "unique",
        free.scaled,
    ),
    Stand(
        _IT, "Classifiers are centred, class means as the ridge vanishes.", "unique", free.centred
    ),
    Stand(_IT, "Margins and logits do not depend on R as the ridge vanishes.", "margins"),
    Stand(
        _IT,
        "The ridge path ends at SELI; balanced classes are there at every ridge, others at none.",
        "ridge-path",
    ),
    Stand(_IT, "Free features approach SELI, by descent more slowly with R.", "ufm-sgd", free.sgd),
    Stand(
        _IT,
        "Deep networks on imbalanced classes approach SELI, not the ETF.",
        "deep",
        networks.approach,
        speaks=networks.uneven,
    ),
    Stand(
        _IT,
        "On balanced classes they approach the ETF.",
        "deep",
        networks.balanced,
        speaks=networks.even,
    ),
    Stand(
        _IT,
        "Their logits are those of balanced classes.",
        "deep",
        networks.logits,
        networks.near,
        networks.fitted,
    ),
    Stand(
        _IT,
        "Their features collapse to class means.",
        "deep",
        networks.collapse,
        networks.collapsed,
        networks.fitted,
    ),
    Stand(
        _IT,
        "Their convergence worsens with R.",
        "deep",
        networks.convergence,
        speaks=networks.uneven,
        over=networks.worse,
    ),
    Stand(
        _CE,
        "Scales of the logits by class (CDT) or label (LDT) move the geometry as closed forms say;"
        " weights and shifts leave it.",
        "behnia2023",
    ),
    Stand("", "Of all laws, SELI is the one that fits.", "which-law"),
    Stand(
        "",
        "What is left is of single classes and the data's, or hidden from the head.",
        "individuality",
    ),
)
