"""What a release needs: one version, links that hold on an index, and a sentence for each library
that is not there."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS = PROJECT["project"]["optional-dependencies"]


def test_changelog_citation_and_recipe_tell_one_version():
    cited = re.search(r"^version: (.*)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)[1]
    recipe = (ROOT / "conda/recipe.yaml").read_text()
    assert f'  version: "{cited}"' in recipe
    released = re.findall(r"^## (\d.*) - ", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert released[:1] in ([], [cited])


def test_the_readme_has_no_link_on_an_index_that_leads_nowhere():
    text = (ROOT / "README.md").read_text()
    for link in re.findall(r"\]\(([^)]+)\)", text):
        if not link.startswith(("https:", "#")):
            assert (ROOT / link.partition("#")[0]).exists(), link
    hook = PROJECT["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]
    for each in hook["substitutions"]:
        text = re.sub(each["pattern"], each["replacement"], text)
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert all(link.startswith(("https://", "#")) for link in links)
    assert PROJECT["project"]["urls"]["Repository"] in text


def test_what_only_tests_need_is_no_extra():
    told = " ".join(" ".join(each) for each in EXTRAS.values())
    assert not re.search(r"cvxpy|scs|pytest|ruff|sphinx", told)


#: A command that wants an extra -> the extra that it must name.
WANTING = {
    "predict --counts 50,5 --plot f.svg": "plot",
    "measure net.npz --report page.html": "report",
    "measure net.npz --scheduler tcp://localhost:1": "cluster",
    "measure table.parquet": "arrow",
    "predict --labels table.parquet": "arrow",
    "steer --list": "torch",
    "steer --features net.npz --out head.safetensors": "torch",
    "reproduce demo": "reproduce",
    "reproduce deep --grid schedule=foo": "reproduce",
}
#: A line of Python that wants an extra -> the extra.
ASKING = {
    "lopsided.plot": "plot",
    "lopsided.Counts([5, 3]).plot()": "plot",
    "lopsided.steer.Focal": "torch",
    "from lopsided.steer.losses import Focal": "torch",
    "import lopsided.steer.heads.fixed": "torch",
    "lopsided.measure.Stream(2, 1)": "torch",
}
#: Library of an extra -> the module it brings, where that has another name.
MODULES = {"scikit-learn": "sklearn", "pillow": "PIL"}
LIBRARIES = {re.split(r"[<>=\[]", each)[0] for extra in EXTRAS.values() for each in extra}
ABSENT = {MODULES.get(each, each) for each in LIBRARIES} - {"lopsided"} | {"markupsafe", "cvxpy"}
BARE = f"""
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {ABSENT}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
import lopsided
from lopsided.cli import main

assert main(["measure", "net.npz"]) == 0
assert main(["steer", "--counts", "50,5", "--family", "ldt"]) == 0
assert main(["explore", "--out", "e.html"]) == 0
assert main(["reproduce", "--list", "--json"]) == 0
assert main(["reproduce", "--list"]) == 0
moments = lopsided.measure.Moments(2, 1)
moments.update([[0.0], [1.0]], [0, 1])
assert lopsided.measure.Collapse.of(moments).rank == 1
for words in {list(WANTING)}:
    assert main(words.split()) == 2
for line in {list(ASKING)}:
    try:
        exec(line)
    except ImportError as error:
        print(error, file=sys.stderr)
"""


def test_without_extras_the_core_works_and_each_extra_is_asked_for_by_its_line(tmp_path):
    rng = np.random.default_rng(0)
    arrays = {"features": rng.standard_normal((40, 5)), "weight": rng.standard_normal((4, 5))}
    np.savez(tmp_path / "net.npz", labels=np.arange(40) % 4, **arrays)
    (tmp_path / "table.parquet").touch()
    done = subprocess.run(
        [sys.executable, "-c", BARE], capture_output=True, text=True, cwd=tmp_path, timeout=120
    )
    assert done.returncode == 0, done.stderr
    said = re.findall(r"pip install 'lopsided\[(\w+)\]'", done.stderr)
    assert said == [*WANTING.values(), *ASKING.values()]
    assert "\nthis needs torch; install it with: pip install 'lopsided[torch]'\n" in done.stderr
    assert "which-law" in done.stdout
