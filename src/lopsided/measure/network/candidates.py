"""Candidates: which of the layers that ran in a pass is the head, told by what the model returned.

Where nobody named the head it is guessed, and the guess gives way to the layer whose answers the
model returned. A layer that learns goes before that of a teacher, which learns nothing.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from lopsided.measure.network.aligned import Call
from lopsided.measure.network.answered import beside, makes
from lopsided.measure.network.head import learns
from lopsided.measure.network.returned import same

#: The calls of each layer in a pass, by the layer's name.
Calls = Mapping[str, Sequence[Call]]


def without_features(calls: Calls, returned: Sequence[Any]) -> Sequence[Any]:
    """Return what a model answers but for the features that it returns beside: what a layer saw and
    none answered, of as many dimensions as there are classes.
    """
    every = [call for each in calls.values() for call in each]

    def is_seen(answer: Any) -> bool:
        return any(same(call.features, answer) for call in every) and not any(
            same(call.logits, answer) for call in every
        )

    return [answer for answer in returned if not is_seen(answer)] or returned


def that_answered(layers: dict[str, Any], calls: Calls, answers: Sequence[Any]) -> str | None:
    """Return the name of the layer whose answers the model returned, or what it makes of them, if
    there is one.

    Only the first of several answers is the model's, which may be bent in a way that is not known:
    what is made of another layer's behind it tells nothing.

    Args:
        layers: that can be the head, by name; of several that fit the last is taken.
        calls: of these layers in one pass.
        answers: of the model in it.
    """
    logits = [call.logits for each in calls.values() for call in each]
    first = next((a for a in answers if any(beside(a, z) is not None for z in logits)), None)
    for learning, answer, own in itertools.product((True, False), answers, (same, makes)):
        if own is makes and answer is not first:
            continue
        for name in reversed(layers):
            if learns(layers[name]) == learning and any(
                own(call.logits, answer) for call in calls.get(name, [])
            ):
                return name
    return None


def rivals(
    name: str, layers: dict[str, Any], calls: Calls, answers: Sequence[Any]
) -> tuple[list[str], list[Any]]:
    """Return the other layers that ran in a pass and can be the head in the place of a layer, and
    the model's own answers: beside a layer that learns those of a teacher can not, and what it
    answered is not the model's.
    """
    learning, others = learns(layers[name]), [other for other in calls if other != name]
    able = [other for other in others if learns(layers[other]) >= learning]
    told = [call.logits for other in others if other not in able for call in calls[other]]
    own = [a for a in answers if not any(same(z, a) or makes(z, a) for z in told)]
    return able, own
