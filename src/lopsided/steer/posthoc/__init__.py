"""Rules for a classifier that is already trained, so that nobody mixes them up with losses.

Training with `Adjustment.logit_adjusted` *adds* tau log(share) to the logits inside the loss and
then decides by the plain logits. The rules here change the decisions of a model trained with plain
cross-entropy. Doing both corrects twice.

They take NumPy arrays or torch tensors, answer with the same, and compute in at least float32, also
where the model computes in half precision. `RULES` lists them: a new one is a
function and a line there. `fit_tau`, `fit_scales` and `fit_head` learn a strength, factors of the
logits, or a new head from samples. `steer.prescribe` tells what another head is worth.
"""

from __future__ import annotations

from lopsided.papers import cite
from lopsided.steer.member import Member
from lopsided.steer.posthoc.classifiers import max_norm_, tau_normalised
from lopsided.steer.posthoc.learned import fit_head, fit_scales
from lopsided.steer.posthoc.logits import logit_adjustment, multiplicative
from lopsided.steer.posthoc.means import nearest_mean
from lopsided.steer.posthoc.votes import one_versus_one
from lopsided.steer.tau import fit_tau

__all__ = [
    "RULES",
    "fit_head",
    "fit_scales",
    "fit_tau",
    "logit_adjustment",
    "max_norm_",
    "multiplicative",
    "nearest_mean",
    "one_versus_one",
    "tau_normalised",
]

#: Name -> rule.
RULES: dict[str, Member] = {
    "logit-adjustment": Member(
        "logits less tau log(n_c / n)",
        logit_adjustment,
        ("logits", "counts", "tau"),
        cite("menon2021", "equation 9"),
    ),
    "multiplicative": Member(
        "logits times (n_c / n_max)^(-tau)",
        multiplicative,
        ("logits", "counts", "tau"),
        cite("hasegawa2024"),
    ),
    "one-versus-one": Member(
        "votes of every two classes, each at its own boundary",
        one_versus_one,
        ("logits", "counts", "tau"),
        cite("hasegawa2024"),
    ),
    "tau-normalised": Member(
        "classifiers over the tau-th power of their lengths",
        tau_normalised,
        ("weight", "tau"),
        cite("kang2020", "section 4"),
    ),
    "max-norm": Member(
        "classifiers no longer than a radius",
        max_norm_,
        ("weight", "radius"),
        cite("alshammari2022"),
    ),
    "nearest-mean": Member(
        "the class of the nearest class mean",
        nearest_mean,
        ("features", "means"),
        cite("papyan2020"),
    ),
}
