"""Record: what one run of a claim found, under which configuration, on which machine.

A record is JSON. All that the run's settings determine (claim, configuration, numbers, verdict) is
reproducible to the bit on one machine's CPU and makes the `digest`; what changes from day to day
(seconds, versions, device, date) is apart, in `environment`.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

from lopsided.drafts import write_atomically
from lopsided.files import printable
from lopsided.reproduce.disk import read

_ANY_FORMAT = "lopsided record "
FORMAT = f"{_ANY_FORMAT}2"

#: Bytes that a record may have; the longest of hundreds of classes has a few million.
_MOST = 2**27

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
        environment: versions, device, seconds and date; the only part that differs between two runs
            of one configuration.
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
        return _hash(
            {
                "claim": self.claim,
                "configuration": self.configuration,
                "numbers": self.numbers,
                "verdict": self.verdict,
            }
        )

    def to_json(self) -> str:
        """Return the record as JSON, with its digest, and a hash of all of it, the environment
        too.
        """
        data = {
            "format": FORMAT,
            **asdict(self),
            "verdict": self.verdict._asdict(),
            "digest": self.digest(),
        }
        return json.dumps({**data, "sha256": _hash(data)}, indent=1, allow_nan=False)

    def save(self, folder: Path) -> Path:
        """Write FOLDER/NAME.json atomically and return its path."""
        path = folder / f"{self.name}.json"
        write_atomically(path, f"{self.to_json()}\n".encode())
        return path

    @classmethod
    def load(cls, path: Path) -> Record:
        """Read what `save` wrote.

        Raises:
            ValueError: if the file is not a record of this version, was changed since it was
                written, or has another's name.
        """
        content, name = read(path, _MOST), printable(path.name)
        what = f"{name} is not a record of lopsided"
        try:
            data = json.loads(content.decode())
            form = data["format"]
            if form != FORMAT and str(form).startswith(_ANY_FORMAT):
                what = (
                    f"{name} is a {printable(str(form))[:40]}, this version of lopsided reads and"
                    f" writes {FORMAT}"
                )
            if form != FORMAT:
                raise ValueError
            whole = data.pop("sha256") == _hash(data)
            stated = data.pop("digest")
            del data["format"]
            record = cls(**{**data, "verdict": Verdict(**data["verdict"])})
            _check_types(record)
            digest = record.digest()
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(
                f"{what}; move it elsewhere, or delete it to run the claim again"
            ) from error
        if digest != stated or not whole:
            raise ValueError(
                f"{name} was changed since it was written: its hash does not fit; delete it to run"
                " the claim again"
            )
        if record.name != path.stem:
            raise ValueError(
                f"{name} holds the run {printable(record.name)}: give it that name again, or move"
                " it elsewhere"
            )
        return record


def _check_types(record: Record) -> None:
    """Raise TypeError where a record's parts are not what its attributes say, ValueError for text
    that UTF-8 cannot hold.
    """
    parts = (record.configuration, record.numbers, record.environment)
    if not isinstance(record.claim, str) or not all(isinstance(part, dict) for part in parts):
        raise TypeError
    if not isinstance(record.verdict.holds, bool) or not isinstance(record.verdict.sentence, str):
        raise TypeError
    json.dumps(asdict(record), ensure_ascii=False, allow_nan=False).encode()


def name_of(claim: str, configuration: dict[str, Any]) -> str:
    """Return a readable name that is unique to a claim and its configuration."""
    named = [configuration[key] for key in _NAMED if key in configuration]
    # File names have an end; the hash tells apart what this cuts off.
    parts = [
        f"{value:g}" if isinstance(value, float) else str(value).replace(os.sep, "_")[-60:]
        for value in named
    ]
    return "-".join([claim, *parts, _hash([claim, configuration])[:8]])


def versions() -> dict[str, str]:
    """Return the versions of Python, of lopsided, and of what it computes with."""
    found = {"python": platform.python_version()}
    for package in ("lopsided", "numpy", "scipy", "torch", "scikit-learn"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def environment(seconds: float, device: str, **more: Any) -> dict[str, Any]:
    """Return versions, machine, device, seconds and today's date."""
    machine = {"device": device, "processor": platform.machine(), "cores": os.cpu_count()}
    return {
        "seconds": round(seconds, 1),
        **machine,
        **more,
        "versions": versions(),
        "date": datetime.now(UTC).date().isoformat(),
    }


def _hash(data: Any) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True, allow_nan=False).encode()).hexdigest()
