"""The README says what the committed records say."""

from __future__ import annotations

import importlib.util
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
