"""How the losses of `lopsided steer` fared in the claim contest; written from its records by
docs/guides/contest.py.

Points of balanced accuracy ahead of plain cross-entropy with logit adjustment after training, means
over so many long tails and seeds.
"""

from __future__ import annotations

# table start
TAILS, SEEDS = 8, 4
AHEAD: dict[str, float] = {
    "logit-adjusted": 1.2,
    "effective-number": -0.6,
    "vs": -1.0,
    "weighted": -1.5,
    "supervised-contrastive": -3.6,
    "center-classification": -3.7,
    "uniformity-gap": -3.8,
    "ldam": -4.4,
    "cross-entropy": -5.3,
    "focal": -5.4,
    "multiple-centers": -6.7,
    "designed: equal-norms": -6.9,
    "induced-collapse": -8.3,
    "cdt": -9.0,
    "squared": -9.2,
    "designed: etf-classifiers": -10.8,
    "ldt": -12.2,
    "dot-regression": -12.3,
}
# table end


def fared(loss: str, target: str) -> str:
    """Return how a loss, or the one designed for a target, and the first of all fared, as the end
    of a sentence.
    """
    name = f"designed: {target}" if loss.startswith("designed") else loss.split(",")[0].lower()
    first = next(iter(AHEAD))
    told = [f"{each} {AHEAD[each]:+.1f}" for each in dict.fromkeys((name, first)) if each in AHEAD]
    tails = f"{TAILS} long tail{'s' * (TAILS > 1)}"
    return (
        "; in the contest, points of balanced accuracy against plain cross-entropy with logit"
        f" adjustment afterwards: {', '.join(told)}{', the most of all losses' * (name != first)}"
        f" ({tails}, {SEEDS} seeds)"
    )
