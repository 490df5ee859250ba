"""A member added to a table is picked up by everything that reads it, without another line."""

from __future__ import annotations

import json
import runpy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import members
from lopsided import Adjustment, predict, solve, steer
from lopsided.adjustment import EXPONENTS
from lopsided.cli import main
from lopsided.cli.tables import listed
from lopsided.measure import METRICS, Collapse, Moments
from lopsided.measure.metrics import Metric
from lopsided.steer import DotRegression, FixedHead, Member, Target

LAWS = Path(__file__).parent
COUNTS = members.COUNTS


def said(capsys, *arguments: str) -> str:
    assert main(list(arguments)) == 0, capsys.readouterr().err
    return capsys.readouterr().out


def test_a_toy_form_is_predicted_foreseen_and_under_the_laws(monkeypatch, capsys):
    toy = replace(predict.FORMS["squared"], name="toy")
    monkeypatch.setitem(predict.FORMS, "toy", toy)
    shown = json.loads(
        said(capsys, "predict", "--counts", "9,4", "--form", "toy", "--ridge", "1", "--json")
    )
    assert shown == json.loads(
        said(capsys, "predict", "--counts", "9,4", "--form", "squared", "--ridge", "1", "--json")
    )
    assert main(["predict", "--counts", "9,4", "--form", "another"]) == 2
    assert "toy" in capsys.readouterr().err
    with pytest.raises(predict.NoFormError, match="toy: the loss must be squared"):
        predict.geometry(solve.Problem(COUNTS, ridge=0.3))
    laws = runpy.run_path(str(LAWS / "test_forms.py"))
    assert ("toy", 0) in laws["CASES"]
    wrong = replace(toy, geometry=lambda problem: toy.geometry(problem.at(1.1 * problem.ridge)))
    with pytest.raises(AssertionError):
        laws["require_optimal"](wrong, toy.examples()[0])


def test_a_toy_method_is_judged_as_the_others(monkeypatch):
    monkeypatch.setitem(solve.METHODS, "toy", solve.METHODS["interior"])
    problem = solve.Problem(COUNTS, ridge=0.3)
    solution = solve.minimize(problem, method="toy")
    assert solution.certificate.proves(1e-10)
    assert solution.method == "toy"
    with pytest.raises(ValueError, match="toy, got 'another'"):
        solve.minimize(problem, method="another")


def test_a_toy_metric_is_in_the_table_the_json_the_scalars_and_the_completion(monkeypatch):
    toy = Metric("a toy", lambda moments: 7.0, ("moments",), {"ETF": 7.0})
    monkeypatch.setitem(METRICS, "toy", toy)
    moments = Moments(k=2, d=1)
    moments.update([[-1.0], [1.0], [4.0], [6.0]], [0, 0, 1, 1])
    collapse = Collapse.of(moments, weight=[[-1.0], [1.0]])
    assert collapse.toy == 7.0
    assert "toy" in dir(collapse)
    assert collapse.to_dict()["metrics"]["toy"] == collapse.scalars()["toy"] == 7.0
    assert "a toy" in list(collapse.table().columns[0].cells)


def test_a_toy_adjustment_is_predicted_compared_steered_to_and_a_loss(monkeypatch, capsys):
    make = classmethod(lambda cls, counts, gamma: cls.cdt(counts, gamma))
    monkeypatch.setattr(Adjustment, "toy", make, raising=False)
    monkeypatch.setitem(EXPONENTS, "toy", {"gamma": 0.5})
    assert "TOY" in said(capsys, "predict", "--counts", "9,4", "--loss", "toy", "--json")
    assert "TOY" in said(capsys, "predict", "--counts", "9,4", "--compare")
    assert Adjustment.named("toy", COUNTS, gamma=0.2) == Adjustment.cdt(COUNTS, 0.2)


@pytest.mark.parametrize(
    ("kind", "member"),
    [
        ("targets", Target("toy", "a toy", lambda geometry: 0.0, {})),
        ("families", ("label",)),
        ("losses", Member("a toy", lambda counts: DotRegression(), ("cosines", "labels"), "me")),
        (
            "heads",
            Member(
                "a toy",
                lambda counts, d: FixedHead(predict.etf(counts.k), d),
                ("features",),
                "me",
            ),
        ),
        ("rules", Member("a toy", lambda logits, counts: logits, ("logits", "counts"), "me")),
    ],
)
def test_a_toy_of_steer_is_listed(monkeypatch, capsys, kind, member):
    monkeypatch.setitem(getattr(steer, kind.upper()), "toy", member)
    shown = json.loads(said(capsys, "steer", "--list", "--json"))
    assert shown[kind][-1]["name"] == "toy"
    assert "toy" in said(capsys, "steer", "--list")


def test_a_toy_target_and_a_toy_family_are_designed_for(monkeypatch, capsys):
    monkeypatch.setitem(steer.TARGETS, "toy", steer.TARGETS["equal-norms"])
    monkeypatch.setitem(steer.FAMILIES, "toys", ("label",))
    arguments = ("steer", "--counts", "9,4,4", "--target", "toy", "--family", "toys", "--json")
    shown = json.loads(said(capsys, *arguments))
    assert shown["target"] == "toy"
    assert any("designed: toys" in row["loss"] for row in shown["losses"])


@pytest.mark.parametrize(
    "table",
    [predict.FORMS, METRICS, steer.TARGETS, steer.LOSSES, steer.HEADS, steer.RULES, solve.METHODS],
)
def test_every_member_says_what_it_is(table):
    for line in listed(table):
        assert line.name
        assert line.title
        assert "Built-in" not in line.title


@pytest.mark.parametrize("name", steer.LOSSES)
def test_every_loss_takes_what_it_needs_and_has_the_slope_of_finite_differences(name):
    loss = steer.LOSSES[name].function(COUNTS)
    given = members.given(name, loss)
    for value in given:
        value.requires_grad_(value.is_floating_point())
    assert torch.autograd.gradcheck(loss, given)
    far = [200 * value.detach() if value.is_floating_point() else value for value in given]
    far[0] = members.bounded(name)(far[0])
    assert torch.isfinite(loss(*far))


@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
@pytest.mark.parametrize("name", steer.HEADS)
def test_every_head_gives_logits_and_keeps_its_state(name):
    made = steer.HEADS[name]
    features = torch.tensor(np.random.default_rng(0).normal(size=(6, 8)))
    given = (features, torch.tensor([0, 1, 2, 3, 0, 1]))[: len(made.needs)]
    head, other = made.function(COUNTS, 8), made.function(COUNTS, 8)
    logits = head(*given)
    assert logits.shape == (6, COUNTS.k)
    other.load_state_dict(head.state_dict())
    head.eval(), other.eval()
    torch.testing.assert_close(head(features), other(features))
    assert (head.in_features, head.out_features) == (8, COUNTS.k)
    assert "in_features=8, out_features=4" in repr(head)
    more = torch.cat([2 * features, features])
    traced = torch.jit.trace(head, features)
    torch.testing.assert_close(traced(more), head(more))
    batch = {0: torch.export.Dim("batch")}
    exported = torch.export.export(head, (features,), dynamic_shapes=(batch,))
    torch.testing.assert_close(exported.module()(more), head(more))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::FutureWarning:torch", "ignore::FutureWarning:copyreg")
@pytest.mark.parametrize("name", steer.HEADS)
def test_every_head_is_exported_to_onnx(name, tmp_path):
    pytest.importorskip("onnxscript", reason="PyTorch exports to ONNX by onnxscript")
    runtime = pytest.importorskip("onnxruntime")
    head = steer.HEADS[name].function(COUNTS, 8).eval()
    features = torch.randn(6, 8, generator=torch.Generator().manual_seed(0))
    path, batch = tmp_path / "head.onnx", {0: torch.export.Dim("batch")}
    torch.onnx.export(head, (features,), path, dynamic_shapes=(batch,), verbose=False)
    session = runtime.InferenceSession(path)
    more = torch.cat([2 * features, features])
    (found,) = session.run(None, {session.get_inputs()[0].name: more.numpy()})
    torch.testing.assert_close(torch.as_tensor(found), head(more).detach(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", [n for n in steer.RULES if "tau" in steer.RULES[n].needs])
def test_every_rule_of_a_strength_is_neutral_at_none(name):
    rule = steer.RULES[name]
    given = torch.tensor(np.random.default_rng(0).normal(size=(COUNTS.k, COUNTS.k)))
    more = {"counts": COUNTS} if "counts" in rule.needs else {}
    found = rule.function(given, tau=0.0, **more)
    # Votes are whole numbers, and order the classes as the logits do.
    torch.testing.assert_close(
        *((found.argsort(1), given.argsort(1)) if found.dtype == torch.int64 else (found, given))
    )


def test_every_loss_outside_the_cross_entropies_has_its_formula_on_the_page():
    page = (LAWS.parents[1] / "docs" / "reference" / "which-loss.md").read_text()
    others = [name for name in steer.LOSSES if name not in EXPONENTS]
    assert [name for name in others if f"\n`{name}`\n: $" not in page] == []
