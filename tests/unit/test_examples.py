"""The examples do what they say."""

import runpy
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples/tutorial"


def test_what_was_promised_for_rare_classes_came(capsys):
    told = runpy.run_path(str(EXAMPLES / "rare_classes.py"))
    said = capsys.readouterr().out
    assert told["low"] <= told["after"] - told["before"] <= told["high"]
    assert told["diagnosis"].prescription.cause.head
    assert "Cause: head" in said
    assert "promised were" in said
