"""Laws of files: a damaged or hostile one ends in one sentence, and what is accepted is what NumPy
and safetensors read."""

import json
from pathlib import Path

import numpy as np
import pytest

from damage import REFUSED, WHOLE, mutated, oracle
from lopsided.cli import main
from lopsided.measure import open_store


@pytest.fixture(autouse=True)
def _without_traceback(monkeypatch):
    monkeypatch.delenv("LOPSIDED_TRACEBACK", raising=False)


@pytest.mark.parametrize("damage", REFUSED)
def test_every_damaged_file_ends_in_one_sentence(damage, tmp_path, capsys):
    status = main(["measure", str(REFUSED[damage](tmp_path)), "--json"])
    out, error = capsys.readouterr()
    assert (status, out) == (2, "")
    assert error.startswith("lopsided: ")
    assert error.count("\n") == 1
    assert error.removesuffix("\n").isprintable()
    assert "Traceback" not in error
    assert " at 0x" not in error  # an address


@pytest.mark.parametrize("whole", WHOLE)
def test_what_is_whole_is_measured(whole, tmp_path, capsys):
    assert main(["measure", str(WHOLE[whole](tmp_path)), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["k"] == 3


@pytest.mark.parametrize("whole", WHOLE)
def test_a_mutated_file_is_refused_or_read_as_its_own_library_reads_it(whole, tmp_path):
    path, rng = WHOLE[whole](tmp_path), np.random.default_rng(0)
    content = path.read_bytes()
    for _ in range(60):
        path.write_bytes(mutated(content, rng))
        arrays = accepted(path)
        if arrays is not None:
            for name, array in oracle(path).items():
                np.testing.assert_array_equal(arrays[name], array)


def accepted(path: Path) -> dict[str, np.ndarray] | None:
    """Return what the store reads of a file, or None if it refuses it, as it may, by one of the
    errors that become a sentence."""
    try:
        store = open_store(path)
        shard = store.shards[0]
        shard.arrays["features"].verify()
        features, labels = shard.rows(0, shard.n)
    except (ValueError, OSError, MemoryError):
        return None
    head = {"weight": store.weight, "bias": store.bias}
    return {"features": features, "labels": labels} | {
        name: array for name, array in head.items() if array is not None
    }
