"""Sphinx configuration: `make docs` builds the site in docs/_build."""

import importlib
import json
import re
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import Directive

import lopsided
from lopsided.cli.tables import listed
from lopsided.papers import PAPERS, Paper, cite
from lopsided.report import explorer
from lopsided.reproduce import CLAIMS

project = "lopsided"
author = "The lopsided authors"
release = lopsided.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"lopsided {release}"
myst_enable_extensions = ["dollarmath", "colon_fence"]
autodoc_member_order = "bysource"
# A value of a page, such as that of a table of functions, tells no reader anything.
autodoc_default_options = {"no-value": True}
autodoc_typehints = "description"
napoleon_custom_sections = ["Source"]
napoleon_use_ivar = True
# The README links to files of the repository that are no pages.
suppress_warnings = ["myst.xref_missing"]

ROOT = Path(__file__).parents[1]


def table_of(titles, widths, lines):
    """Return a table of texts."""
    table = nodes.table("", group := nodes.tgroup(cols=len(titles)))
    group += [nodes.colspec(colwidth=width) for width in widths]
    head, body = nodes.thead(), nodes.tbody()
    group += [head, body]
    for part, rows in ((head, [titles]), (body, lines)):
        for line in rows:
            part += (row := nodes.row())
            row += [nodes.entry("", nodes.paragraph(text=text)) for text in line]
    return table


class Members(Directive):
    """The lines of a table of members, such as `lopsided.predict.FORMS`."""

    required_arguments = 1

    def run(self):
        """Return the table."""
        module, name = self.arguments[0].rsplit(".", 1)
        lines = listed(getattr(importlib.import_module(module), name))
        return [table_of(("name", "what it is", "source"), (20, 50, 30), lines)]


class Systems(Directive):
    """Every paper of the bibliography: what it says, where it lives, what our runs say."""

    def run(self):
        """Return the table."""
        runs = {}
        for path in sorted((ROOT / "results").glob("*.json")):
            record = json.loads(path.read_text())
            runs.setdefault(record["claim"], []).append(bool(record["verdict"]["holds"]))
        sources = {path: path.read_text() for path in (ROOT / "src").rglob("*.py")}
        lines = [systems_line(key, paper, sources, runs) for key, paper in PAPERS.items()]
        titles = ("paper", "what it says", "lives in", "our runs")
        return [table_of(titles, (20, 40, 25, 15), lines)]


def systems_line(key: str, paper: Paper, sources: dict[Path, str], runs: dict[str, list[bool]]):
    """Return the cells of a paper: modules that cite it, and its claims with their records."""
    number = f" (arXiv {paper.arxiv})" if paper.arxiv else ""
    cited = re.compile(rf'"{key}"|arXiv {paper.arxiv or "none"}')
    modules = [
        path.relative_to(ROOT / "src/lopsided").with_suffix("").as_posix().replace("/", ".")
        for path, text in sources.items()
        if path.name != "papers.py" and cited.search(text)
    ]
    mine = [claim for claim in CLAIMS.values() if claim.source.startswith(cite(key))]
    says = " ".join(claim.statement for claim in mine) or paper.title
    told = [
        f"{claim.name}: {sum(held)} of {len(held)} hold"
        for claim in mine
        if (held := runs.get(claim.name))
    ]
    return cite(key) + number, says, ", ".join(sorted(modules)), "; ".join(told) or "none"


def write_explorer(app, error):
    """Write the page that `explore` shows beside the others."""
    if error is None and app.builder.format == "html":
        Path(app.outdir, "explorer.html").write_text(explorer.page(explorer.FIRST))


def setup(app):
    """Know the directives `members` and `systems`, and make the explorer."""
    app.add_directive("members", Members)
    app.add_directive("systems", Systems)
    app.connect("build-finished", write_explorer)
