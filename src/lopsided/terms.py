"""Terms: what an adjustment does to logits, class by class and group by group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from lopsided.arrays import Floats, Ints
from lopsided.groups import Groups


class Terms(NamedTuple):
    """What an adjustment does to logits: the loss of a sample is weight_y * CE(samples_y columns *
    z + shift - own_y e_y, y).

    Each is None where it is neutral, one number for all classes (shape ()), or one a class (k,).

    Attributes:
        columns: factor of a class's own logit, in every sample.
        samples: factor of all logits in a sample of this label.
        shift: added to a class's logit.
        own: subtracted from the label's own logit.
        weight: factor of the loss.
    """

    columns: Floats | None
    samples: Floats | None
    shift: Floats | None
    own: Floats | None
    weight: Floats | None


@dataclass(frozen=True, eq=False)
class Parameters:
    """The terms of an adjustment on the class counts it acts on, one entry a group of
    interchangeable classes.

    A sample of group g with logits z has loss `weight[g] * CE(samples[g] * columns * z + shift -
    own[g] e_y, y)`.

    Attributes:
        groups: the classes of equal count and equal parameters.
        counts: (m,) samples of a class.
        weight: (m,) factor of the loss.
        columns: (m,) factor of a class's own logit, in every sample.
        samples: (m,) factor of all logits in a sample of this label.
        shift: (m,) added to a class's logit.
        own: (m,) subtracted from a sample's own logit.
    """

    groups: Groups
    counts: Ints
    weight: Floats
    columns: Floats
    samples: Floats
    shift: Floats
    own: Floats
