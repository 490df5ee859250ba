"""What campaigns share: their record, which names versions and no places."""

from __future__ import annotations

import json
import os
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any


def write(out: Path | None, what: str, found: dict[str, Any]) -> None:
    """Write a record, and say what came out.

    Args:
        out: of the JSON file; `None` writes none.
        what: was tried.
        found: what came of it; "wrong" lists what should not have been.
    """
    packages = ("lopsided", "numpy", "scipy", "torch", "safetensors", "pillow", "tyro", "rich")
    machine = {"processor": platform.machine(), "cores": os.cpu_count()}
    versions = {"python": platform.python_version(), **{name: version(name) for name in packages}}
    record = {
        "what": what,
        **found,
        "machine": machine,
        "versions": versions,
        "date": datetime.now(UTC).date().isoformat(),
    }
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(record, indent=1) + "\n")
    print(json.dumps({name: value for name, value in found.items() if name != "wrong"}, indent=1))
    print(f"{len(found['wrong'])} wrong", file=sys.stderr)
