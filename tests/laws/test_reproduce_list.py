"""What is claimed can be told without what it takes to compute and to draw it."""

import subprocess
import sys

#: Libraries of the extras, none of which the nouns need.
EXTRAS = (
    "torch",
    "safetensors",
    "matplotlib",
    "jinja2",
    "markupsafe",
    "filelock",
    "sklearn",
    "PIL",
    "cvxpy",
)

SCRIPT = f"""
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {EXTRAS}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
from lopsided.cli import main
assert main(["reproduce", "--list", "--json"]) == 0
assert main(["reproduce", "--list"]) == 0
assert main(["reproduce", "deep", "--grid", "schedule=foo"]) == 2
"""


def test_the_claims_are_listed_without_torch_matplotlib_or_any_extra() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert "which-law" in done.stdout
    assert "pip install 'lopsided[reproduce]'" in done.stderr
