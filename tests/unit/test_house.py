"""The house: no circle of imports, torch in its rooms alone, every source in the bibliography."""

import graphlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import grimp
import pytest

from lopsided.papers import PAPERS, cite
from lopsided.predict import FORMS

SOURCE = Path(__file__).parents[2] / "src"
GRAPH = grimp.build_graph(
    "lopsided", include_external_packages=True, exclude_type_checking_imports=True
)
MODULES = sorted(module for module in GRAPH.modules if module.startswith("lopsided"))


def test_no_module_imports_another_that_imports_it():
    order = graphlib.TopologicalSorter(
        {module: GRAPH.find_modules_directly_imported_by(module) for module in MODULES}
    )
    order.prepare()  # raises CycleError, which names the circle


#: A design, and every rule, of arrays.
WORK = """
import numpy as np
from lopsided.cli import main
from lopsided.steer import posthoc
assert main(["steer", "--counts", "9,3"]) == 0
z = np.eye(3)
posthoc.fit_tau(z, [0, 1, 2], [3, 2, 1])
posthoc.fit_scales(z, [0, 1, 2])
posthoc.logit_adjustment(z, [3, 2, 1])
posthoc.nearest_mean(z, z)
posthoc.tau_normalised(z)
"""


def test_what_needs_no_torch_does_not_import_it():
    need_torch = GRAPH.find_downstream_modules("torch")

    def free(module):  # a module is imported after the packages that it is in
        parents = module.split(".")
        return not any(".".join(parents[:i]) in need_torch for i in range(1, len(parents) + 1))

    others = [
        m for m in MODULES if free(m) and not m.endswith("__main__") and ".adapters." not in m
    ]
    assert "lopsided.predict" in others
    code = f"""
import importlib, sys
for module in {others!r}:
    importlib.import_module(module)
    assert "torch" not in sys.modules, module
{WORK}
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


def test_an_import_draws_no_random_number():
    code = """
import random
drawn = random.getstate()
import lopsided.measure, lopsided.steer, lopsided.reproduce
import lopsided.measure.adapters.torchmetrics
assert random.getstate() == drawn
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_torch_is_imported_in_its_rooms_alone():
    rooms = (
        "lopsided.measure.network",
        "lopsided.measure.adapters",
        "lopsided.steer.losses",
        "lopsided.steer.heads",
        "lopsided.steer.checks",
        "lopsided.steer.class_sums",
        "lopsided.steer.directions",
        "lopsided.steer.drawn",
        "lopsided.steer.either",
        "lopsided.steer.labels",
        "lopsided.steer.posthoc",
        "lopsided.steer.precision",
        "lopsided.reproduce.checkpoint",
        "lopsided.reproduce.network",
        "lopsided.reproduce.claims",
    )
    found = GRAPH.find_modules_that_directly_import("torch")
    assert sorted(module for module in found if not module.startswith(rooms)) == []


def test_every_paper_that_the_code_names_is_in_the_bibliography():
    known = {paper.arxiv for paper in PAPERS.values()}
    named = {
        number
        for path in SOURCE.rglob("*.py")
        for number in re.findall(r"arXiv (\d{4}\.\d{5})", path.read_text())
    }
    assert sorted(named - known) == []


@pytest.mark.parametrize("name", FORMS)
def test_every_form_cites_the_bibliography_or_its_derivation(name):
    source = FORMS[name].source
    assert source.startswith("derived here") or any(source.startswith(cite(key)) for key in PAPERS)


def test_every_metric_is_declared_for_type_checkers():
    from lopsided.measure.metrics import METRICS
    from lopsided.measure.metrics.declared import Declared

    assert list(Declared.__annotations__) == list(METRICS)


def test_every_module_of_the_house_has_its_layer():
    layers = tomllib.loads((SOURCE.parent / "pyproject.toml").read_text())
    (contract,) = layers["tool"]["importlinter"]["contracts"]
    named = {name.strip() for layer in contract["layers"] for name in layer.split("|")}
    rooms = {".".join(module.split(".")[:2]) for module in MODULES} - {"lopsided"}
    assert rooms == named
