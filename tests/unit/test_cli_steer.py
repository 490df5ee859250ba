"""lopsided steer, as its user runs it."""

import json
import subprocess
import sys

import pytest

from lopsided import Counts, predict
from lopsided.adjustment import Adjustment
from lopsided.cli import main
from lopsided.steer import TARGETS


def test_the_table_names_the_best_loss_and_the_line_to_train_with(capsys):
    assert main(["steer", "--step", "k=10,ratio=10,minority=5", "--target", "etf-classifiers"]) == 0
    out = capsys.readouterr().out
    assert (
        'loss = steer.AdjustedCrossEntropy(steer.design(counts, "etf-classifiers",'
        ' family="ldt").adjustment)' in out
    )
    assert "2.6721" in out  # the norm ratio of cross-entropy


def test_the_json_holds_adjustments_that_give_the_distances_it_states(capsys):
    assert (
        main(
            [
                "steer",
                "--counts",
                "50,20,5,5",
                "--target",
                "etf-embeddings",
                "--family",
                "cdt",
                "--json",
            ]
        )
        == 0
    )
    answer = json.loads(capsys.readouterr().out)
    assert [row["distance"] for row in answer["losses"]] == sorted(
        row["distance"] for row in answer["losses"]
    )
    assert answer["unmet"]
    for row in answer["losses"]:
        geometry = predict.cross_entropy(Counts(answer["counts"]), Adjustment(**row["adjustment"]))
        assert TARGETS["etf-embeddings"].distance(geometry) == pytest.approx(
            row["distance"], abs=1e-12
        )


def test_the_line_to_train_with_runs(capsys):
    from lopsided import steer

    main(
        [
            "steer",
            "--counts",
            "50,20,5,5",
            "--target",
            "etf-embeddings",
            "--family",
            "cdt",
            "--ridge",
            "0.1",
            "--json",
        ]
    )
    answer = json.loads(capsys.readouterr().out)
    names = {"steer": steer, "counts": Counts(answer["counts"]), "Adjustment": Adjustment}
    exec(answer["code"], names)  # noqa: S102
    wanted = answer["losses"][0]["adjustment"]
    assert names["loss"].adjustment.scale.tolist() == pytest.approx(wanted["scale"])


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--counts", "50,0"], "class 1"),
        (["--counts", "50,5", "--ridge", "-1"], "ridge must be"),
        (["--counts", "50,5", "--ridge", "1e6"], "smaller ridge"),
        ([], "exactly one way"),
    ],
)
def test_wrong_input_is_one_sentence_and_status_2(words, sentence, capsys):
    assert main(["steer", *words]) == 2
    assert sentence in capsys.readouterr().err


def test_designing_needs_no_torch():
    code = (
        "import sys; from lopsided.cli import main; main(['steer', '--counts', '9,3']);"
        " sys.exit('torch' in sys.modules)"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode
        == 0
    )


def test_a_loss_without_torch_is_answered_with_the_install_line():
    code = "import sys; sys.modules['torch'] = None; from lopsided import steer; steer.Focal"
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert (
        "ImportError: lopsided.steer.Focal needs torch: pip install 'lopsided[torch]'"
        in answer.stderr
    )
