"""What the site links to elsewhere, kept here so that a build asks no other server."""

from __future__ import annotations

import zlib
from pathlib import Path

#: Annotation -> what the reference says instead of what the annotation stands for.
ALIASES = {
    "npt.ArrayLike": "~numpy.typing.ArrayLike",
    "ArrayLike": "~numpy.typing.ArrayLike",
    "Floats": "~numpy.ndarray",
    "Ints": "~numpy.ndarray",
    "Bools": "~numpy.ndarray",
    "CountsLike": "lopsided.counts.CountsLike",
}

AXES = "matplotlib.axes.Axes"

#: Site -> its address, and names of it by kind, each with its page.
SITES: dict[str, tuple[str, dict[str, dict[str, str]]]] = {
    "python": (
        "https://docs.python.org/3/",
        {
            "class": {
                **{
                    name: f"library/stdtypes.html#{name}"
                    for name in ("list", "tuple", "dict", "str", "set", "frozenset", "range")
                },
                **{
                    name: f"library/functions.html#{name}"
                    for name in ("int", "float", "bool", "object", "type")
                },
                **{
                    (full := f"collections.abc.{name}"): f"library/collections.abc.html#{full}"
                    for name in ("Callable", "Iterable", "Iterator", "Mapping", "Sequence")
                },
                "pathlib.Path": "library/pathlib.html#pathlib.Path",
            },
            "data": {
                "None": "library/constants.html#None",
                "typing.Any": "library/typing.html#typing.Any",
                "typing.Literal": "library/typing.html#typing.Literal",
            },
            "exception": {
                name: f"library/exceptions.html#{name}"
                for name in (
                    "ValueError",
                    "TypeError",
                    "MemoryError",
                    "FileNotFoundError",
                    "ImportError",
                    "KeyError",
                    "OSError",
                    "Exception",
                    "ArithmeticError",
                    "RuntimeError",
                )
            },
        },
    ),
    "numpy": (
        "https://numpy.org/doc/stable/",
        {
            "class": {
                "numpy.ndarray": "reference/generated/numpy.ndarray.html#numpy.ndarray",
            },
            "data": {
                "numpy.typing.ArrayLike": "reference/typing.html#numpy.typing.ArrayLike",
            },
        },
    ),
    "matplotlib": (
        "https://matplotlib.org/stable/",
        {
            "class": {
                "matplotlib.axes.Axes": f"api/_as_gen/{AXES}.html#{AXES}",
                "matplotlib.figure.Figure": "api/figure_api.html#matplotlib.figure.Figure",
            },
        },
    ),
    "torch": (
        "https://docs.pytorch.org/docs/stable/",
        {
            "class": {
                "torch.Tensor": "tensors.html#torch.Tensor",
                "torch.nn.Module": "generated/torch.nn.Module.html#torch.nn.Module",
                "torch.nn.Linear": "generated/torch.nn.Linear.html#torch.nn.Linear",
                "torch.utils.data.DataLoader": "data.html#torch.utils.data.DataLoader",
            },
        },
    ),
}


def mapping(folder: Path) -> dict[str, tuple[str, str]]:
    """Write the inventories into a folder and return what intersphinx wants to know."""
    folder.mkdir(exist_ok=True)
    for site, (_, kinds) in SITES.items():
        lines = [
            f"{name} py:{kind} 1 {place} -"
            for kind, names in kinds.items()
            for name, place in names.items()
        ]
        head = f"# Sphinx inventory version 2\n# Project: {site}\n# Version: \n"
        head += "# The remainder of this file is compressed using zlib.\n"
        body = zlib.compress("".join(f"{line}\n" for line in lines).encode())
        (folder / f"{site}.inv").write_bytes(head.encode() + body)
    return {site: (address, str(folder / f"{site}.inv")) for site, (address, _) in SITES.items()}
