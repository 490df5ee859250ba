"""All code on all pages of the documentation runs, from the first line of its page on."""

import doctest
import importlib
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lopsided.cli import main

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))
PAGES = [page for page in PAGES if not page.startswith(("_build/", "gallery/", "tutorial/"))]
BLOCK = re.compile(r"^```(\w+|{eval-rst})\n(.*?)^```$", re.MULTILINE | re.DOTALL)
#: Pages whose code imports frameworks or searches for seconds, and commands that take minutes.
HEAVY = ("guides/integrations.md", "reference/systems.md")
LONG = ("lopsided reproduce norms", "lopsided reproduce --report")


def blocks(page, kind):
    return [code for word, code in BLOCK.findall((DOCS / page).read_text()) if word == kind]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, marks=pytest.mark.slow if page in HEAVY else ())
        for page in PAGES
        if blocks(page, "python")
    ],
)
def test_the_code_of_a_page_runs(page):
    assert all(code.startswith(">>> ") for code in blocks(page, "python"))
    told = doctest.testfile(
        str(DOCS / page), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE
    )
    assert told.attempted
    assert not told.failed


def listed():
    """Names on the pages of the reference, from the package on."""
    for page in PAGES:
        module = None
        for line in "".join(blocks(page, "{eval-rst}")).splitlines():
            if line.startswith(".. currentmodule::"):
                module = line.split()[-1]
            elif re.fullmatch(r"   [A-Za-z]\w*(\.\w+)*", line):
                yield f"{module}.{line.strip()}"


@pytest.mark.parametrize("part", sorted({".".join(name.split(".")[:2]) for name in listed()}))
def test_import_lopsided_is_enough_for_what_the_reference_names(part):
    of_it = [name for name in listed() if f"{name}.".startswith(f"{part}.")]
    subprocess.run(
        [sys.executable, "-c", f"import lopsided; {part}; {'; '.join(of_it)}"], check=True
    )


def commands():
    for page in PAGES:
        for line in "".join(blocks(page, "sh")).splitlines():
            if line.startswith("lopsided ") and not line.startswith(LONG):
                yield pytest.param(line.partition(" #")[0].strip(), id=f"{page}: {line[:60]}")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("line", list(commands()))
def test_the_command_of_a_page_answers(line, tmp_path, monkeypatch, capsys):
    rng = np.random.default_rng(0)
    centers, weight = rng.normal(size=(2, 4, 8))
    for name, numbers in (("train", (60, 60, 8, 8)), ("val", (30, 30, 4, 4))):
        labels = np.arange(4).repeat(numbers)
        features = centers[labels] + 0.5 * rng.normal(size=(len(labels), 8))
        arrays = {"features": features, "labels": labels, "weight": weight, "bias": np.zeros(4)}
        np.savez(tmp_path / f"{name}.npz", **arrays)
    np.savez(tmp_path / "held.npz", **arrays)
    np.save(tmp_path / "labels.npy", labels)
    monkeypatch.chdir(tmp_path)
    assert main(shlex.split(line)[1:]) == 0, capsys.readouterr().err


@pytest.mark.parametrize(
    ("module", "page"),
    [
        ("lopsided", "nouns"),
        ("lopsided.predict", "predict"),
        ("lopsided.solve", "solve"),
        ("lopsided.measure", "measure"),
        ("lopsided.measure.metrics", "metrics"),
        ("lopsided.steer", "steer"),
        ("lopsided.plot", "plot"),
        ("lopsided.reproduce", "reproduce"),
    ],
)
def test_every_public_name_has_a_page_in_the_reference(module, page):
    listed = (DOCS / "reference" / f"{page}.md").read_text()
    # Of modules the functions are listed.
    elsewhere = {"METRICS", "Metric", "Undefined", "Problem", "functional", "posthoc", "ood"}
    named = {line.strip().rpartition(".")[2] for line in listed.splitlines()}
    assert sorted(set(importlib.import_module(module).__all__) - named - elsewhere) == []
