"""Sphinx configuration: `make docs` builds the site in docs/_build."""

import sys
from importlib.metadata import files
from pathlib import Path

import lopsided
from lopsided.report import explorer

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "extensions"))

import inventories  # noqa: E402

project = "lopsided"
author = copyright = "The lopsided authors"
release = lopsided.__version__
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.mathjax",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "blocks",
    "docstrings",
    "generated",
    "links",
]
exclude_patterns = ["_build", "extensions", "templates"]
templates_path = ["templates"]
suppress_warnings = [
    "config.cache",  # the gallery's order is a function, which Sphinx cannot store
    "myst.xref_missing",  # the README links to files of the repository that are no pages
]

html_theme = "furo"
html_title = f"lopsided {release}"
html_static_path = ["static"]
html_css_files = ["site.css"]
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

# Mathematics is drawn by a copy of MathJax in the site itself: one file, its letters included.
(MATHJAX,) = (
    found.locate() for found in files("sphinx-mathjax-offline") or [] if found.name == "tex-svg.js"
)
mathjax_path = "tex-svg.js"

autosummary_generate = True
default_role = "autolink"
autodoc_member_order = "bysource"
# A value of a page, such as that of a table of functions, tells no reader anything.
autodoc_default_options = {"no-value": True}
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
autodoc_type_aliases = inventories.ALIASES
napoleon_custom_sections = ["Source"]
napoleon_use_ivar = True
intersphinx_mapping = inventories.mapping(HERE / "_inventories")

sphinx_gallery_conf = {
    "examples_dirs": ["../examples/tutorial", "../examples/gallery"],
    "gallery_dirs": ["tutorial", "gallery"],
    "filename_pattern": r"\.py$",
    "within_subsection_order": "FileNameSortKey",
    "doc_module": ("lopsided",),
    "backreferences_dir": "reference/backreferences",
    "inspect_global_variables": False,
    "abort_on_example_error": True,
    "capture_repr": (),
    "show_memory": False,
    "write_computation_times": False,
    "show_signature": False,
    "download_all_examples": False,
    "image_srcset": ["2x"],
    "matplotlib_animations": False,
    "reset_modules": ("matplotlib", "figures.look"),
}


def write_explorer(app, error):
    """Write the page that `explore` shows beside the others, and what draws mathematics."""
    if error is None and app.builder.format == "html":
        Path(app.outdir, "explorer.html").write_text(explorer.page(explorer.FIRST))
        Path(app.outdir, "_static", MATHJAX.name).write_bytes(MATHJAX.read_bytes())


def setup(app):
    """Make the explorer."""
    app.connect("build-finished", write_explorer)
