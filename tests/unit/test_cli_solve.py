"""The command `lopsided solve`."""

from __future__ import annotations

import json

import pytest

from lopsided.cli import main
from lopsided.solve import margin


def test_json_tells_loss_gap_norms_and_distance(capsys):
    assert main(["solve", "--counts", "50,50,5,5,1", "--ridge", "1e-3", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["relative_gap"] < 1e-9
    assert [row["samples"] for row in told["groups"]] == [50, 5, 1]
    assert told["groups"][-1]["cosine_w"] is None
    assert 0 < told["distance_to_limit"]["classifiers"] < 0.2


@pytest.mark.parametrize("how", [["--ridge", "0"], ["--path"]])
def test_no_distance_is_told_to_a_limit_without_proof(how, capsys, monkeypatch):
    words = ["solve", "--counts", "26,16,3,1", "--loss", "cdt", "--gamma", "1", "--bias", "free"]
    assert main([*words, *how]) == 0
    assert "no distances to the limit" not in capsys.readouterr().out
    monkeypatch.setattr(margin, "multiplied", lambda *_: iter(()))
    assert main([*words, *how]) == 0
    told = capsys.readouterr().out
    assert "no distances to the limit" in told
    assert "distance to the limit" not in told
    assert "distances of classifiers" not in told


def test_collapsed_classes_are_named(capsys):
    assert main(["solve", "--counts", "100,100,4,4", "--ridge", "3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert ["collapsed" in line for line in lines[:4] if line.strip()[:1].isdigit()] == [
        False,
        True,
    ]


def test_weight_decay_is_the_ridge_of_the_mean_loss(capsys):
    assert main(["solve", "--counts", "500,500", "--weight-decay", "5e-4", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["ridge"] == pytest.approx(0.5)


def test_a_ridge_on_the_bias_is_said_beside_the_other(capsys):
    """Of which weight decay is no part."""
    words = ["solve", "--counts", "500,50", "--weight-decay", "1e-3", "--bias", "1e-3"]
    assert main(words) == 0
    assert "ridge 0.55 and 0.001 on the bias (summed loss)" in capsys.readouterr().out
    assert main([*words[:-1], "free"]) == 0
    assert "ridge 0.55 (summed loss)" in capsys.readouterr().out


def test_a_path_is_printed_and_drawn(capsys, tmp_path):
    figure = tmp_path / "path.svg"
    assert (
        main(["solve", "--step", "k=4,ratio=10,minority=1", "--path", "--plot", str(figure)]) == 0
    )
    assert "objective" in capsys.readouterr().out
    assert figure.read_text().startswith("<?xml")


def test_an_adjusted_loss_is_solved(capsys):
    assert (
        main(
            [
                "solve",
                "--counts",
                "50,50,5",
                "--ridge",
                "0.1",
                "--loss",
                "cdt",
                "--gamma",
                "0.5",
                "--json",
            ]
        )
        == 0
    )
    told = json.loads(capsys.readouterr().out)
    assert told["relative_gap"] < 1e-9
    assert main(["solve", "--counts", "50,50,5", "--ridge", "0.1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["objective"] != pytest.approx(
        told["objective"], rel=1e-3
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--ridge", "-1"], "ridge must be"),
        (["--ridge", "nan"], "ridge must be"),
        ([], "one of --ridge, --weight-decay, and --path"),
        (["--path", "--ridge", "1"], "one of --ridge, --weight-decay, and --path"),
        (["--ridge", "1", "--weight-decay", "1"], "one of --ridge, --weight-decay, and --path"),
        (["--ridge", "1", "--bias", "maybe"], "--bias must be"),
        (["--ridge", "1", "--plot", "x.svg"], "add --path"),
        (["--path", "--width", "1", "--starts", "3"], "leave out --path or --starts"),
        (["--ridge", "1", "--gamma", "1"], "has no gamma"),
    ],
)
def test_wrong_options_give_one_sentence_and_status_two(words, message, capsys):
    assert main(["solve", "--counts", "5,3", *words]) == 2
    error = capsys.readouterr().err.strip()
    assert message in error
    assert len(error.splitlines()) == 1


def test_an_optimum_of_zero_says_from_which_ridge(capsys):
    assert main(["solve", "--counts", "9,5,1", "--ridge", "10", "--loss", "cdt"]) == 0
    assert "The optimum is zero from ridge 2.43646" in capsys.readouterr().out


def test_many_groups_are_shown_by_their_ends_and_told_in_full_elsewhere(capsys):
    assert main(["solve", "--counts", ",".join(map(str, range(20, 40))), "--ridge", "0.1"]) == 0
    shown = capsys.readouterr().out
    assert shown.count("⋮") == 2
    assert "20 groups of classes, all in --json and --csv" in shown


@pytest.mark.parametrize(("ridge", "together"), [(1.5, 3), (0.7, 0)])
def test_classes_that_share_a_classifier_have_collapsed_in_a_narrow_network_too(
    ridge, together, capsys
):
    main(["solve", "--counts", "50,50,5,5,5", "--width", "2", "--ridge", str(ridge), "--json"])
    rows = json.loads(capsys.readouterr().out)["groups"]
    assert sum(row["collapsed"] for row in rows if row["samples"] == 5) == together
    assert not any(row["collapsed"] for row in rows if row["samples"] == 50)


def test_what_descent_leaves_of_a_class_is_no_class(capsys):
    main(["solve", "--counts", "50,50,5,5", "--ridge", "1", "--width", "1", "--json"])
    rows = [row for row in json.loads(capsys.readouterr().out)["groups"] if row["samples"] == 5]
    assert [row["w"] for row in rows] == [row["mu"] for row in rows] == [0, 0]
    assert all(row["collapsed"] and row["alignment"] is None for row in rows)
