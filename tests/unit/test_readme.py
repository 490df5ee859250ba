"""The README says what the committed records say."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("script", "page"),
    [
        ("benchmarks/summary.py", "README.md"),
        ("benchmarks/summary.py", "docs/benchmarks.md"),
        ("benchmarks/summary.py", "docs/guides/cluster.md"),
        ("docs/guides/prescribe.py", "docs/guides/prescribe.md"),
        ("docs/guides/contest.py", "docs/guides/contest.md"),
        ("docs/guides/contest.py", "src/lopsided/cli/fared.py"),
    ],
)
def test_the_figures_of_a_page_are_those_of_the_records(script, page, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / Path(script).parent)
    spec = importlib.util.spec_from_file_location("script", ROOT / script)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    text = (ROOT / page).read_text()
    assert module.written(text) == text, f"run: python {script}"


def test_the_pictures_of_the_readme_exist():
    for line in (ROOT / "README.md").read_text().splitlines():
        if line.startswith("!["):
            assert (ROOT / line.split("](")[1].rstrip(")")).is_file()


def test_the_page_of_claims_says_which_networks_its_records_are_of():
    records = [json.loads(path.read_text()) for path in (ROOT / "results").glob("deep-*.json")]
    there = [record["configuration"] for record in records]
    away = [r["configuration"] for r in records if r["environment"]["device"] != "cpu"]
    large = [one for one in there if one["width"] > 512 or one["largest"] > 1000]
    text = " ".join((ROOT / "docs/project/claims.md").read_text().split())
    mlp = {one["width"] for one in there if one["model"] == "mlp"}
    others = {one["width"] for one in there if one["model"] != "mlp" and one not in large}
    assert f"MLPs {min(mlp)} and {max(mlp)} wide" in text
    assert f"convolutional networks {min(others)} and {max(others)} wide" in text
    assert f"{len(away)} runs of ResNet-18 on CIFAR-10 were on a GPU, {len(large)} of them" in text
    assert {(one["model"], one["dataset"]) for one in away} == {("resnet18", "cifar-10")}
    assert all(one in away for one in large)
    sizes = {(one["width"], one["largest"]) for one in large}
    assert all(f"{width} wide with {n:,} samples" in text for width, n in sizes)
    assert len(mlp) == len(others) == 2
