"""The README says what the committed records say."""

from __future__ import annotations

import importlib.util
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_figures_in_the_readme_are_those_of_the_records():
    spec = importlib.util.spec_from_file_location("summary", ROOT / "benchmarks" / "summary.py")
    assert spec is not None
    assert spec.loader is not None
    summary = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(summary)
    text = (ROOT / "README.md").read_text()
    assert summary.written(text) == text, "run: python benchmarks/summary.py"


def test_the_pictures_of_the_readme_exist():
    for line in (ROOT / "README.md").read_text().splitlines():
        if line.startswith("!["):
            assert (ROOT / line.split("](")[1].rstrip(")")).is_file()
