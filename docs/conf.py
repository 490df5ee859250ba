"""Sphinx configuration: `make docs` builds the site in docs/_build."""

import lopsided

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
