"""Laws of the doors of measuring and steering: what is of another kind is refused there, in words
of our own, and not where it is used."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array
from torch import nn

from lopsided import Adjustment, Counts, measure, predict, steer
from lopsided.measure import metrics, ood
from lopsided.measure.adapters.bystander import Bystander
from lopsided.measure.network.loggers import JsonLines, Tracker

COUNTS = Counts([50, 20, 5])
X = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
Y = torch.arange(6) % 3


def stream(features=X, labels=Y):
    filled = measure.Stream(3, 4)
    filled.update(features, labels)
    return filled


def net():
    return nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 3))


def loaded(name, value):
    state = stream().state_dict()
    state[name] = torch.full_like(state[name], value)
    stream().load_state_dict(state)


def collapse():
    return stream().compute(torch.ones(3, 4) + torch.eye(3, 4))


def neco(**options):
    return ood.neco(ood.Known.of(stream().moments, torch.eye(3, 4)), X, **options)


def gap(dual):
    return metrics.ufm_gap(stream().moments, torch.eye(3, 4), COUNTS, ridge=1.0, dual=dual)


#: A call that cannot be meant -> what is said.
REFUSED = {
    "a loss of nothing": (
        lambda: steer.AdjustedCrossEntropy(None),
        "must be an Adjustment, got Non",
    ),
    "a loss of counts": (lambda: steer.AdjustedCrossEntropy(COUNTS), "an Adjustment, got Counts"),
    "a head of counts": (lambda: steer.FixedHead(COUNTS, 4), "must be a Geometry, got Counts"),
    "a temperature in words": (lambda: steer.CosineHead(4, 3, "a"), "temperature must be"),
    "a model that is none": (lambda: measure.watch(None), "must be a Module, got NoneType"),
    "a function for a model": (lambda: measure.watch(lambda x: x), "Module, got function"),
    "a scripted model": (
        lambda: measure.watch(torch.jit.script(net())),
        "RecursiveScriptModule were compiled to TorchScript and cannot be watched",
    ),
    "the head of a traced model": (
        lambda: measure.watch(torch.jit.trace(net(), X), head="0"),
        "TopLevelTracedModule were compiled to TorchScript and cannot be watched",
    ),
    "an unknown choice of classes": (lambda: measure.watch(net(), classes="x"), "'all' or 'seen'"),
    "a shift that is a truth value": (lambda: measure.watch(net(), shift=True), "got True"),
    "a list of predictions": (
        lambda: measure.watch(net(), predictions=[predict.etf(3)]),
        "dictionary of names and geometries, got list",
    ),
    "a prediction for other classes than the counts": (
        lambda: measure.watch(net(), counts=COUNTS, predictions={"ETF": predict.etf(4)}),
        "the prediction ETF is for 4 classes",
    ),
    "one prediction without a name": (
        lambda: collapse().verdict(predict.etf(3)),
        "dictionary of names and geometries, got Geometry",
    ),
    "counts for a prediction": (
        lambda: collapse().verdict({"a": COUNTS}),
        "dictionary of names and geometries, got Counts",
    ),
    "nothing for a prediction": (lambda: collapse().scalars({"a": None}), "geometries, got NoneT"),
    "a word for dividing by the classes": (
        lambda: metrics.nc1(stream().moments, per_class="no"),
        "per_class must be True or False, got 'no'",
    ),
    "a word for the mean classifier": (
        lambda: measure.geometry(stream().moments, torch.eye(3, 4), center_classifiers="no"),
        "center_classifiers must be True or False, got 'no'",
    ),
    "a centre that is no choice": (lambda: neco(center="samples"), "center must be True or False"),
    "a word for a factor": (lambda: neco(times_logit="no"), "times_logit must be True or False"),
    "a word for a bias": (lambda: measure.collapsible(X, Y, bias="no"), "bias must be True or F"),
    "a bound that is none": (lambda: gap(1e9), "dual must be a lower bound on the optimum, got 1e"),
    "a bound of NaN": (lambda: gap(np.nan), "dual must be finite numbers, got nan"),
    "a function for a logger": (
        lambda: measure.watch(net(), loggers=[print]),
        "of a function such as wandb.log make a Tracker",
    ),
    "a kind of logger for one": (
        lambda: measure.watch(net(), loggers=[JsonLines]),
        "has the methods log(scalars, step) and close(), got <class",
    ),
    "one logger for several": (
        lambda: measure.watch(net(), loggers=Tracker(print)),
        "loggers must be a list of loggers, got a Tracker",
    ),
    "a function for a callback's logger": (
        lambda: Bystander(None, None, [print], {}),
        "of a function such as wandb.log make a Tracker",
    ),
    "sparse features": (lambda: stream(X.to_sparse()), "dense numbers"),
    "nested features": (
        lambda: stream(torch.nested.nested_tensor([X, X], layout=torch.jagged)),
        r"dense numbers, got a nested tensor; give its parts in one, torch.cat",
    ),
    "SciPy's sparse features": (
        lambda: measure.Moments(3, 4).update(csr_array(X), Y),
        "features must be dense numbers, got a csr_array; give its toarray()",
    ),
    "a sparse batch": (lambda: stream(csr_array(X)), "dense numbers, got a csr_array"),
    "sparse samples": (
        lambda: steer.prescribe((np.eye(3, 4), None), (csr_array(X), Y), None),
        "features must be dense numbers, got a csr_array; give its toarray()",
    ),
    "sparse tensors of samples": (
        lambda: steer.prescribe((np.eye(3, 4), None), (X.to_sparse(), Y), None),
        "features must be dense numbers, got a tensor of layout torch.sparse_coo",
    ),
    "a sparse head": (
        lambda: steer.prescribe((csr_array(np.eye(3, 4)), None), (X, Y), None),
        "the head's weight must be dense numbers, got a csr_array",
    ),
    "features without numbers": (lambda: stream(X.to("meta")), "on device meta"),
    "half a class": (lambda: measure.Moments(2.5, 4), "at least 2 classes and 1 dimension"),
    "dimensions in words": (lambda: measure.Stream(3, "4"), "at least 2 classes and 1 dimension"),
    "a number for a stream": (lambda: stream().merge(3), "only streams merge"),
    "a number for moments": (lambda: measure.Moments(3, 4).merge(3), "only measurements merge"),
    "a state of NaN": (lambda: loaded("means", np.nan), "state's means has numbers that are not"),
    "a state of less than nothing": (lambda: loaded("counts", -1), "counts has negative numbers"),
}


@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
@pytest.mark.parametrize("case", REFUSED)
def test_what_is_of_another_kind_is_refused_at_the_door(case):
    call, words = REFUSED[case]
    with pytest.raises((TypeError, ValueError), match=re.escape(words)):
        call()


def test_every_door_of_measuring_takes_counts_as_people_have_them():
    plain = [50, 20, 5]
    assert stream().compute(counts=plain).counts == COUNTS
    assert measure.watch(net(), counts=plain).counts == COUNTS
    assert steer.design(plain, "equal-norms", "cdt").plain == pytest.approx(
        steer.design(COUNTS, "equal-norms", "cdt").plain
    )
    assert Adjustment.cdt(plain, np.float32(0.5)) == Adjustment.cdt(COUNTS, 0.5)


class Refilled:
    """A loader whose every batch fills the same memory."""

    def __init__(self, *parts):
        self.parts = parts

    def __iter__(self):
        memory = [torch.empty_like(part[:10]) for part in self.parts]
        for batch in zip(*(part.split(10) for part in self.parts), strict=True):
            for old, new in zip(memory, batch, strict=True):
                old.copy_(new)
            yield tuple(memory)


def test_a_loader_may_fill_the_same_memory_again():
    torch.manual_seed(0)
    model, y = nn.Sequential(nn.Linear(4, 3)), torch.arange(30) % 3
    x = torch.randn(3, 4)[y] + 0.3 * torch.randn(30, 4)
    found = []
    for loader in (Refilled, lambda x, y: [*zip(x.split(10), y.split(10), strict=True)]):
        with measure.watch(model, scatter="replay") as watching:
            for features, labels in loader(x, y):
                model(features)
                watching.labels(labels)
        diagnosed = measure.diagnose(model, loader(x, y), show_progress=False)
        prescribed = steer.prescribe(model[0], (x, y), loader(x, y))
        found.append([watching.epoch().nc1, diagnosed.nc1, prescribed.gain])
    assert found[0] == pytest.approx(found[1])
