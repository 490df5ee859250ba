"""Compiled models are measured like others: cold or warm, inside or outside, watched or
diagnosed."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from lopsided.measure import Stream, trained, watch

K, D = 3, 8
X = torch.randn(24, 4, generator=torch.Generator().manual_seed(0))
Y = torch.arange(24) % K


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.body, self.head = nn.Sequential(nn.Linear(4, D), nn.ReLU()), nn.Linear(D, K)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(x))


def part(name: str) -> Callable[..., nn.Module]:
    """Return what compiles a part of a model and puts it back."""

    def compiled(model: nn.Module, **options: Any) -> nn.Module:
        setattr(model, name, torch.compile(getattr(model, name), **options))
        return model

    return compiled


def in_place(name: str) -> Callable[..., nn.Module]:
    def compiled(model: nn.Module, **options: Any) -> nn.Module:
        model.get_submodule(name).compile(**options)
        return model

    return compiled


#: What is compiled; each returns the model that training calls.
COMPILED = {
    "outside": torch.compile,
    "outside, the model inside watched": torch.compile,
    "in place": in_place(""),
    "the head": part("head"),
    "the head in place": in_place("head"),
    "the body": part("body"),
    "the body in place": in_place("body"),
}


# PyTorch looks at .grad while it compiles a part whose input is the output of another.
pytestmark = pytest.mark.filterwarnings(
    "ignore:The .grad attribute of a Tensor that is not a leaf:UserWarning"
)


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


def step(call: Any, label: Callable[[torch.Tensor], None]) -> None:
    loss = functional.cross_entropy(call(X), Y)
    label(Y)
    loss.backward()


def check(collapse: Any) -> None:
    model = Net()
    with watch(model, model.head) as watching:
        model(X)
        watching.labels(Y)
        want = watching.epoch()
    np.testing.assert_allclose(collapse.nc1, want.nc1, rtol=1e-4)
    np.testing.assert_allclose(collapse.weight, want.weight, rtol=1e-6)
    np.testing.assert_array_equal(collapse.error_rates, want.error_rates)


#: Where gradients are compiled too by default, which takes longest of all.
WHOLE = ("outside", "the body in place")


@pytest.mark.parametrize("warm", [False, True], ids=["cold", "warm"])
@pytest.mark.parametrize(
    ("which", "backend"),
    [
        pytest.param(
            which,
            backend,
            marks=pytest.mark.slow if backend == "aot_eager" and which not in WHOLE else [],
        )
        for which in COMPILED
        for backend in ("eager", "aot_eager")
    ],
)
def test_a_compiled_model_is_watched_like_another(which, backend, warm):
    model = Net()
    call = COMPILED[which](model, backend=backend)
    if warm:
        step(call, lambda y: None)
    watched = model if "inside" in which else call
    with watch(
        watched, watched.get_submodule("_orig_mod.head" if which == "outside" else "head")
    ) as watching:
        for _ in range(2):
            step(call, watching.labels)
        check(watching.epoch() if watching.stream.n == 2 * len(Y) else None)
    step(call, lambda y: None)
    assert watching.stream.n == 0


@pytest.mark.parametrize("passes", [1, 2])
@pytest.mark.parametrize("warm", [False, True], ids=["cold", "warm"])
@pytest.mark.parametrize("which", COMPILED)
def test_a_compiled_model_is_diagnosed_like_another(which, warm, passes):
    model, compilations = Net(), []

    def backend(graph: Any, _inputs: Any) -> Any:
        compilations.append(graph)
        return graph

    call = COMPILED[which](model, backend=backend)
    if warm:
        step(call, lambda y: None)
    before = len(compilations)
    check(
        trained(model if "inside" in which else call, [(X, Y)], passes=passes, show_progress=False)
    )
    assert len(compilations) == before, "to look compiles nothing"
    if warm:
        step(call, lambda y: None)
        assert call.training


def test_code_compiled_while_watched_is_whole_again_afterwards():
    model, graphs = Net(), []

    def backend(graph: Any, _inputs: Any) -> Any:
        graphs.append(graph)
        return graph

    call = torch.compile(model, backend=backend)
    call(X)
    assert len(graphs) == 1
    with watch(model, model.head) as watching:
        call(X)
        watching.labels(Y)
    del graphs[:]
    call(X)
    assert len(graphs) == 1


def test_a_model_compiled_as_one_graph_says_why_it_cannot_be_watched():
    model = Net()
    call = torch.compile(model, backend="eager", fullgraph=True)
    with (
        watch(model, model.head),
        pytest.raises(
            torch._dynamo.exc.Unsupported, match=r"without fullgraph=True|measure.diagnose"
        ),
    ):
        call(X)
    check(trained(call, [(X, Y)], show_progress=False))


def test_a_step_compiled_before_the_watch_hides_its_passes_and_that_is_said():
    model = Net()
    hidden = torch.compile(lambda x: model.head(model.body(x)), backend="eager")
    hidden(X)
    with watch(model, model.head) as watching:
        hidden(X)
        with pytest.raises(
            ValueError, match="compiled before the measurement began hides its passes"
        ):
            watching.labels(Y)


@pytest.mark.parametrize("scatter", ["pooled", "replay"])
def test_a_step_that_is_compiled_as_a_whole_says_its_labels(scatter):
    model = Net()
    with watch(model, model.head, scatter=scatter) as watching:
        whole = torch.compile(lambda: step(model, watching.labels), backend="eager")
        for _ in range(2):
            whole()
        assert watching.stream.n == 2 * len(Y)
        check(watching.epoch())


def test_a_stream_is_fed_in_a_compiled_step():
    model, stream = Net(), Stream(K, D)

    def measured(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        features = model.body(x)
        stream.update(features, y, model.head(features))
        return features.sum()

    torch.compile(measured, backend="eager")(X, Y)
    check(stream.compute(model.head.weight, model.head.bias))


@pytest.mark.skipif(shutil.which("g++") is None, reason="no C++ compiler here")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.slow
def test_a_model_compiled_to_machine_code_is_watched():
    model = Net()
    call = torch.compile(model)
    call(X)
    with watch(call) as watching:
        call(X)
        watching.labels(Y)
        check(watching.epoch())
