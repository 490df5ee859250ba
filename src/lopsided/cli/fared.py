"""How the losses of `lopsided steer` fared in the claim contest; written from its records by
docs/guides/contest.py.

Points of balanced accuracy ahead of plain cross-entropy with logit adjustment after training, means
over so many long tails and seeds.
"""

from __future__ import annotations

# table start
TAILS, SEEDS = 3, 4
AHEAD: dict[str, float] = {
    "logit-adjusted": 3.2,
    "vs": 0.4,
    "effective-number": -0.0,
    "weighted": -2.0,
    "ldam": -3.4,
    "supervised-contrastive": -3.7,
    "uniformity-gap": -4.3,
    "center-classification": -4.8,
    "cross-entropy": -7.7,
    "focal": -8.0,
    "multiple-centers": -9.4,
    "induced-collapse": -10.0,
    "squared": -10.9,
    "dot-regression": -17.6,
    "cdt": -18.4,
    "ldt": -20.7,
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
