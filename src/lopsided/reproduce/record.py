"""Record: what one run of a claim found, under which configuration, on which machine.

A record is JSON. All that the run's settings determine (claim, configuration, numbers, verdict) is reproducible to the bit on one
machine's CPU and makes the `digest`; what changes from day to day (seconds, versions, device, date) is apart, in `environment`.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import platform
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

FORMAT = "lopsided record 1"

#: The settings that make up a record's readable name, in this order.
_NAMED = ("model", "dataset", "profile", "ratio", "bias", "seed")


class Verdict(NamedTuple):
    """Whether a claim held, and a sentence that says so with the numbers."""

    holds: bool
    sentence: str


@dataclass(frozen=True)
class Record:
    """The evidence of one run.

    Attributes:
        claim: name in `CLAIMS`.
        configuration: the settings, seed included; they determine the numbers.
        numbers: the results, as plain data.
        verdict: whether the claim held.
        environment: versions, device, seconds and date; the only part that differs between two runs of one configuration.
    """

    claim: str
    configuration: dict[str, Any]
    numbers: dict[str, Any]
    verdict: Verdict
    environment: dict[str, Any]

    @property
    def name(self) -> str:
        """The file name without its ending."""
        return name_of(self.claim, self.configuration)

    def digest(self) -> str:
        """Return the SHA-256 of everything but the environment."""
        return _hash({"claim": self.claim, "configuration": self.configuration, "numbers": self.numbers, "verdict": self.verdict})

    def to_json(self) -> str:
        """Return the record as JSON, its digest included."""
        data = {"format": FORMAT, **asdict(self), "verdict": self.verdict._asdict(), "digest": self.digest()}
        return json.dumps(data, indent=1, allow_nan=False)

    def save(self, folder: Path) -> Path:
        """Write FOLDER/NAME.json atomically and return its path."""
        path = folder / f"{self.name}.json"
        write_atomically(path, f"{self.to_json()}\n".encode())
        return path

    @classmethod
    def load(cls, path: Path) -> Record:
        """Read what `save` wrote.

        Raises:
            ValueError: if the file is not a record, or was changed since it was written.
        """
        try:
            data = json.loads(path.read_text())
            stated = data.pop("digest")
            if data.pop("format") != FORMAT:
                raise ValueError
            record = cls(**{**data, "verdict": Verdict(**data["verdict"])})
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(
                f"{path} is not a record of lopsided; move it elsewhere, or delete it to run the claim again"
            ) from error
        if record.digest() != stated:
            raise ValueError(f"{path} was changed since it was written: its digest does not fit; delete it to run the claim again")
        return record


def name_of(claim: str, configuration: dict[str, Any]) -> str:
    """Return a readable name that is unique to a claim and its configuration."""
    named = [configuration[key] for key in _NAMED if key in configuration]
    parts = [f"{value:g}" if isinstance(value, float) else str(value).replace(os.sep, "_") for value in named]
    return "-".join([claim, *parts, _hash([claim, configuration])[:8]])


def plain(value: Any) -> Any:
    """Return numbers, arrays and containers as plain data for JSON; what is not finite becomes null."""
    if isinstance(value, dict):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def environment(seconds: float, device: str, **more: Any) -> dict[str, Any]:
    """Return versions, machine, device, seconds and today's date."""
    versions = {"python": platform.python_version()}
    for package in ("lopsided", "numpy", "scipy", "torch", "scikit-learn"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    machine = {"device": device, "processor": platform.machine(), "cores": os.cpu_count()}
    return {"seconds": round(seconds, 1), **machine, **more, "versions": versions, "date": datetime.now(UTC).date().isoformat()}


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that a reader, or the next run after a crash, sees the old content or the new, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _hash(data: Any) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True, allow_nan=False).encode()).hexdigest()
