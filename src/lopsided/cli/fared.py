"""How the losses of `lopsided steer` fared in the claim contest; written from its records by
docs/guides/contest.py.

Points of balanced accuracy ahead of plain cross-entropy with logit adjustment after training, means
over so many long tails and seeds.
"""

from __future__ import annotations

# table start
TAILS, SEEDS = 2, 4
AHEAD: dict[str, float] = {
    "logit-adjusted": 3.9,
    "vs": 1.9,
    "effective-number": -0.9,
    "ldam": -1.9,
    "weighted": -3.3,
    "center-classification": -4.3,
    "supervised-contrastive": -5.0,
    "uniformity-gap": -5.9,
    "cross-entropy": -7.1,
    "focal": -7.4,
    "induced-collapse": -8.7,
    "multiple-centers": -9.5,
    "squared": -10.6,
    "dot-regression": -15.7,
    "cdt": -19.2,
    "ldt": -19.8,
}
# table end


def fared(loss: str) -> str:
    """Return how a loss and the first one fared, as the end of a sentence."""
    first, name = next(iter(AHEAD)), loss.split(",")[0].lower()
    told = [f"{each} {AHEAD[each]:+.1f}" for each in dict.fromkeys((name, first)) if each in AHEAD]
    tails = f"{TAILS} long tail{'s' * (TAILS > 1)}"
    return (
        "; in the contest, points against plain cross-entropy with logit adjustment afterwards:"
        f" {', '.join(told)}{', the most of all losses' * (name != first)} ({tails}, {SEEDS} seeds)"
    )
