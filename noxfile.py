"""What a release is tested by: `nox` runs all, `nox -l` lists them, `nox -s wheel-3.12` runs one.

Interpreters that are not here are left out. `make test` is the quick loop of every day.
"""

import tempfile
from pathlib import Path

import nox

nox.options.default_venv_backend = "uv|virtualenv"
nox.options.error_on_missing_interpreters = False

PYTHONS = ["3.11", "3.12", "3.13"]
PROJECT = nox.project.load_toml("pyproject.toml")
EXTRAS = PROJECT["project"]["optional-dependencies"]
#: Tests that need no torch: the lowest versions of the core are tried with these.
CORE = [
    "tests/laws/test_forms.py",
    "tests/laws/test_solve.py",
    "tests/unit/test_nouns.py",
    "tests/unit/test_plot.py",
    "tests/unit/test_cli_main.py",
    "tests/unit/test_cli_predict.py",
    "tests/unit/test_cli_solve.py",
]
#: What a newcomer types first, without any extra.
FIRST = ["--version", "predict --counts 50,50,5", "solve --counts 50,50,5 --ridge 1e-3"]
FIRST += ["steer --counts 50,50,5", "measure net.npz", "reproduce --list", "explore --out e.html"]
#: A command that wants an extra -> the extra that it must name.
WANTING = {
    "predict --counts 50,5 --plot f.svg": "plot",
    "measure net.npz --report page.html": "report",
    "measure net.npz --scheduler tcp://localhost:1": "cluster",
    "measure table.parquet": "arrow",
    "steer --list": "torch",
    "reproduce demo": "reproduce",
}
NETWORK = (
    "import numpy as np; r = np.random.default_rng(0); np.savez('net.npz',"
    " features=r.normal(size=(40, 5)), labels=np.arange(40) % 4, weight=r.normal(size=(4, 5)));"
    " open('table.parquet', 'w')"
)


def lowest(requirements: list[str]) -> list[str]:
    """Return requirements at the lowest version that they allow."""
    return [each.split(",")[0].replace(">=", "==") for each in requirements if ">=" in each]


@nox.session(python=PYTHONS)
def newest(session: nox.Session) -> None:
    """All tests with the newest versions an index has."""
    session.install(
        "-e", ".[reproduce,cluster,arrow]", *nox.project.dependency_groups(PROJECT, "test")
    )
    session.run("pytest", "-n", "2", "--dist", "worksteal", *session.posargs)


@nox.session(name="lowest", python=PYTHONS[0])
def lowest_versions(session: nox.Session) -> None:
    """The tests of the core with the lowest versions that pyproject.toml allows."""
    core = lowest([*PROJECT["project"]["dependencies"], *EXTRAS["plot"], *EXTRAS["report"]])
    session.install(*core, "pytest", "hypothesis", "mpmath")
    session.install("--no-deps", "-e", ".")
    session.run("pytest", "-p", "no:cacheprovider", "-W", "default", *(session.posargs or CORE))


@nox.session(python=PYTHONS)
def wheel(session: nox.Session) -> None:
    """The wheel in a bare environment: the first commands, and every extra's line to install."""
    session.install("build")
    with tempfile.TemporaryDirectory() as folder:
        session.run("python", "-m", "build", "--wheel", "--outdir", folder, ".", silent=True)
        (built,) = Path(folder).glob("*.whl")
        session.install("--force-reinstall", str(built))
    session.chdir(session.create_tmp())
    session.run("python", "-c", NETWORK)
    for words in FIRST:
        session.run("lopsided", *words.split(), silent=True)
    for words, extra in WANTING.items():
        said = session.run("lopsided", *words.split(), silent=True, success_codes=[2])
        if f"pip install 'lopsided[{extra}]'" not in str(said):
            session.error(f"lopsided {words} says {said}")


@nox.session(python=PYTHONS[1])
def docs(session: nox.Session) -> None:
    """The site, with warnings as errors."""
    session.install("-e", ".[reproduce]", *nox.project.dependency_groups(PROJECT, "docs"))
    session.run("sphinx-build", "-q", "-W", "-b", "html", "docs", "docs/_build")


@nox.session(python=PYTHONS[1])
def build(session: nox.Session) -> None:
    """Wheel and source, and what an index will say of them."""
    session.install(*nox.project.dependency_groups(PROJECT, "release"))
    session.run("python", "-m", "build", "--outdir", "dist", ".", silent=True)
    files = [str(path) for path in Path("dist").glob("lopsided-*")]
    session.run("twine", "check", "--strict", *files)
    session.run("check-wheel-contents", *(path for path in files if path.endswith(".whl")))
