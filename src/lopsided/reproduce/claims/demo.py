"""The demonstration: predict, solve, train, measure and report in a minute or two on real
digits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lopsided.reproduce.choices import Whole
from lopsided.reproduce.claim import Claim
from lopsided.reproduce.claims.thrampoulidis2022.deep import DEEP
from lopsided.reproduce.claims.thrampoulidis2022.deep.numbers import Numbers
from lopsided.reproduce.context import Place
from lopsided.reproduce.settings import Batch, Decay, Schedule, Training, Width

#: What MNIST needs to get about as far in about the same time.
_MNIST = {"dataset": "mnist", "largest": 1000, "epochs": 160, "batch": 128}


@dataclass(frozen=True)
class Demo(Training):
    """Settings under which an MLP arrives near SELI quickly: many steps, a little weight decay, and
    a rate that falls at last.

    At a constant rate the loss has spikes, and a run that happens to end in one shows nothing.

    Attributes:
        dataset: a name in `data.DATASETS`, or the path of a folder or tar of images; where the data
            folder has mnist it is that by default, with largest 1000, epochs 160 and batch 128.
    """

    dataset: str = "digits"
    width: Width = 256
    largest: Whole = 100
    epochs: Whole = 700
    batch: Batch = 110
    weight_decay: Decay = 1e-3
    schedule: Schedule = "published"


def with_mnist(options: Mapping[str, Any], place: Place) -> dict[str, Any]:
    """Take MNIST where it is and no other data was asked for."""
    there = place.data is not None and (place.data / "mnist").is_dir()
    if not there or options.get("dataset", "mnist") != "mnist":
        return dict(options)
    found = {**_MNIST, **options}
    if options.get("profile") == "given" and "largest" not in options:
        del found["largest"]  # that of the counts
    return found


DEMO: Claim[Training, Numbers] = Claim(
    name="demo",
    title="A network trained on lopsided classes, beside its prediction",
    statement=(
        "A network is trained on classes of unequal size. SELI predicts, from the class counts"
        " alone, the lengths and angles of its classifiers and of its class means at the end of"
        " training; the simplex ETF is what balanced classes would give. Which of the two does the"
        " network approach?"
    ),
    source=(
        "Thrampoulidis, Kini, Vakilian and Behnia 2022, arXiv 2208.05512; the digits and"
        " the small network are ours"
    ),
    settings=Demo,
    numbers=DEEP.numbers,
    compute=DEEP.compute,
    judge=DEEP.judge,
    show=DEEP.show,
    prepare=with_mnist,
    ready=DEEP.ready,
    detail=DEEP.detail,
    together=True,
)
