"""Sphinx configuration: `make docs` builds the site in docs/_build."""

import importlib
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import Directive

import lopsided
from lopsided.cli.tables import listed
from lopsided.report import explorer

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


class Members(Directive):
    """The lines of a table of members, such as `lopsided.predict.FORMS`."""

    required_arguments = 1

    def run(self):
        """Return the table."""
        module, name = self.arguments[0].rsplit(".", 1)
        table = nodes.table("", group := nodes.tgroup(cols=3))
        group += [nodes.colspec(colwidth=width) for width in (20, 50, 30)]
        head, body = nodes.thead(), nodes.tbody()
        group += [head, body]
        lines = listed(getattr(importlib.import_module(module), name))
        for part, rows in ((head, [("name", "what it is", "source")]), (body, lines)):
            for line in rows:
                part += (row := nodes.row())
                row += [nodes.entry("", nodes.paragraph(text=text)) for text in line]
        return [table]


def write_explorer(app, error):
    """Write the page that `explore` shows beside the others."""
    if error is None and app.builder.format == "html":
        Path(app.outdir, "explorer.html").write_text(explorer.page(explorer.FIRST))


def setup(app):
    """Know the directive `members`, and make the explorer."""
    app.add_directive("members", Members)
    app.connect("build-finished", write_explorer)
