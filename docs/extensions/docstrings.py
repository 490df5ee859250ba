"""Docstrings are written for people who read the source: signs that reStructuredText would take for
its own are told apart here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

#: What is set in the letters of code, which has no signs to tell apart.
CODE = re.compile(r"(``.+?``|`[^`]+`)")
#: A vertical bar is an absolute value, an underscore at the end a part of a name.
SIGNS = re.compile(r"\||(?<=\w)_(?!\w)")


def escape(line: str) -> str:
    """Return a line of text with its signs marked as such."""
    parts = CODE.split(line)
    parts[::2] = [SIGNS.sub(lambda sign: f"\\{sign[0]}", part) for part in parts[::2]]
    return "".join(parts)


def readable(app, what, name, thing, options, lines):
    """Escape the text of a docstring; of a table name the members."""
    if what == "data" and isinstance(thing, Mapping):
        members = ", ".join(f"``{member}``" for member in thing)
        lines[:] = [f"The members: {members}. Described in :doc:`/reference/tables`."]
        return
    example = False
    for i, line in enumerate(lines):
        example = bool(line.strip()) and (example or line.lstrip().startswith(">>>"))
        if not example:
            lines[i] = escape(line)


def types(app, what, name, thing, options, lines):
    """Escape the types that sections ended in."""
    lines[:] = [escape(line) if line.startswith(":vartype") else line for line in lines]


def theirs(app, what, name, thing, skip, options):
    """Leave out what scikit-learn adds to each estimator for the routing of metadata."""
    return True if re.fullmatch(r"set_\w+_request|get_metadata_routing", name) else None


def setup(app):
    """Read every docstring before its sections are told apart, and what these end in after."""
    app.connect("autodoc-process-docstring", readable, priority=400)
    app.connect("autodoc-skip-member", theirs)
    app.connect("autodoc-process-docstring", types, priority=600)
