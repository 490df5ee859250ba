import json
import subprocess
import sys
from pathlib import Path

import pytest

from lopsided.reproduce import CLAIMS, Place

SHORT = [
    "reproduce",
    "demo",
    "--dataset",
    "digits",
    "--width",
    "8",
    "--epochs",
    "2",
    "--largest",
    "20",
]


def test_two_processes_train_one_network_and_write_one_record(tmp_path: Path) -> None:
    launch = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node",
        "2",
        "--no-python",
    ]
    script = [sys.executable, "-c", "import sys; from lopsided.cli import main; sys.exit(main())"]
    done = subprocess.run(
        [*launch, *script, *SHORT, "--out", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    (path,) = tmp_path.glob("*.json")
    last = json.loads(path.read_text())["numbers"]["history"][-1]
    options = {"dataset": "digits", "width": 8, "epochs": 2, "largest": 20}
    single = (
        CLAIMS["demo"].run(options, Place(tmp_path / "alone").context("one")).numbers["history"][-1]
    )
    # Batch norm sees half a batch in each process, so the two networks are alike and not equal.
    assert last["loss"] == pytest.approx(single["loss"], rel=0.5)
    assert len(last["test_accuracy"]) == 10
