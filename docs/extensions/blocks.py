"""A doctest in a page ends with an empty line, which readers need not see."""

from docutils import nodes


def strip(app, doctree):
    """Take empty lines from the ends of blocks of code."""
    for block in doctree.findall(nodes.literal_block):
        if block.rawsource == block.astext():
            block.rawsource = block.rawsource.rstrip("\n")
            block[:] = [nodes.Text(block.rawsource)]


def setup(app):
    """Look at every page when it has been read."""
    app.connect("doctree-read", strip)
