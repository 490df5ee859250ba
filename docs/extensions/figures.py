"""The look of the figures in the gallery."""

STYLE = {
    "figure.dpi": 110,
    "savefig.bbox": "tight",
    "savefig.pad_inches": 0.08,
    "font.size": 10.5,
    "axes.titlesize": 11.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
}


def look(gallery_conf, fname):
    """Give every script the same look to start from."""
    import matplotlib

    matplotlib.rcParams.update(STYLE)
