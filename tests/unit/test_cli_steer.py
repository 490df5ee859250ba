"""lopsided steer, as its user runs it."""

import io
import json
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest
from rich.table import Table
from safetensors.numpy import save_file

from lopsided import Counts, measure, predict, steer
from lopsided.adjustment import Adjustment
from lopsided.cli import fared, main
from lopsided.cli.classes import Classes
from lopsided.cli.output import table_console
from lopsided.cli.steer import Row, _table
from lopsided.needs import need
from lopsided.steer import TARGETS


def test_the_table_names_the_nearest_loss_and_the_lines_that_train(capsys):
    assert main(["steer", "--step", "k=10,ratio=10,minority=5", "--target", "etf-classifiers"]) == 0
    out = capsys.readouterr().out
    assert (
        'loss = steer.AdjustedCrossEntropy(steer.design(counts, "etf-classifiers",'
        ' family="ldt").adjustment)' in out
    )
    assert "counts = Counts([50, 50, 50, 50, 50, 5, 5, 5, 5, 5])" in out
    assert "2.6721" in out  # the norm ratio of cross-entropy
    assert "best" not in out
    assert "no promise of accuracy" in " ".join(out.split())


def test_a_loss_whose_optimum_is_zero_at_the_ridge_is_told_among_the_others(capsys):
    assert main(["steer", "--counts", "100,1", "--ridge", "4"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "logit-adjusted – – – – –" in out
    assert "at this ridge the optimum is zero of logit-adjusted; VS, γ=¼, τ=1" in out
    assert main(["steer", "--counts", "100,1", "--ridge", "4", "--json"]) == 0
    last = json.loads(capsys.readouterr().out)["losses"][-1]
    assert (last["norm_ratio"], last["margins"]["1"], last["distance"]) == (None, None, None)


def test_the_code_of_counts_makes_them_with_their_names_and_of_many_by_their_profile():
    named = {"counts": "it's=500,dog=50,owl=5"}
    for option in (named, {"zipf": "k=200,largest=1000"}, {"step": "k=60,ratio=10,minority=5"}):
        classes = Classes(**option)
        counts = classes.resolve()
        made = eval(classes.code(counts), {"Counts": Counts})  # noqa: S307
        assert (made, made.names) == (counts, counts.names)


@pytest.fixture
def stored(tmp_path):
    """Stored features of a head that leans to its large class."""
    rng = np.random.default_rng(0)
    for name, n in (("train", 30), ("held", 5)):
        y = np.repeat([0, 1], [20 * n, n])
        x = rng.normal(2.0 * y[:, None], 1.0, (21 * n, 3))
        np.savez(
            tmp_path / f"{name}.npz",
            features=x,
            labels=y,
            weight=np.array([[0.0] * 3, [1.0] * 3]),
            bias=np.array([9.0, 0.0]),
        )
    return ["steer", "--features", str(tmp_path / "train.npz")], tmp_path


def test_a_head_is_prescribed_from_stored_features_and_written(stored, capsys):
    words, folder = stored
    held, out = ["--held-out", str(folder / "held.npz")], folder / "head.safetensors"
    assert main([*words, *held, "--out", str(out)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "balanced accuracy gains about +" in said
    # A shell has no prescription.
    assert "no new training: the head that lopsided steer --out writes." in said
    page = folder / "page.html"
    assert main(["measure", words[-1], *held, "--report", str(page)]) == 0
    for said in (capsys.readouterr().out, page.read_text()):
        said = " ".join(said.split())
        assert "no new training: the head that lopsided steer --out writes." in said
        assert "apply_" not in said
    head = measure.open_store(folder / "train.npz", head=out)
    assert main([*words, *held, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["remedy"] in ("three numbers", "refit")
    assert answer["interval"][0] < answer["gain"] < answer["interval"][1]
    assert answer["doubts"] == []
    assert main([*words, *held, "--json", "--counts", "30,600"]) == 0
    (doubt,) = json.loads(capsys.readouterr().out)["doubts"]
    assert doubt.startswith("Careful: the samples are most where the training counts are least")
    assert head.weight.shape == (2, 3)
    assert main([*words, "--json", "--loss", "cross-entropy"]) == 0
    assert json.loads(capsys.readouterr().out)["gain"] is None


def test_an_input_is_never_overwritten_and_options_belong_together(stored, capsys):
    words, folder = stored
    assert main(["steer", "--counts", "9,3", "--out", str(folder / "x.safetensors")]) == 2
    assert "--out goes with --features" in capsys.readouterr().err
    for given in (["--target", "equal-norms"], ["--family", "cdt"], ["--ridge", "0.1"]):
        assert main([*words, *given]) == 2
        assert f"{given[0]} is of a loss" in capsys.readouterr().err
        assert main(["steer", "--list", *given]) == 2
        assert f"--list lists, leave out {given[0]}" in capsys.readouterr().err
    assert main(["steer", "--counts", "9,3", "--family", ""]) == 2
    assert "--family is empty, as where a variable" in capsys.readouterr().err
    np.savez(folder / "bare.npz", features=np.ones((3, 2)), labels=[0, 1, 1])
    assert main(["steer", "--features", str(folder / "bare.npz")]) == 2
    assert "give its weight" in capsys.readouterr().err
    out = folder / "head.safetensors"
    assert main([*words, "--held-out", str(folder / "held.npz"), "--out", str(out)]) == 0
    again = [*words, "--held-out", str(folder / "held.npz"), "--head", str(out), "--out", str(out)]
    before = out.read_bytes()
    capsys.readouterr()
    main(again)
    assert out.read_bytes() == before


def test_a_head_that_cannot_be_written_is_told_before_it_is_looked_for(stored, monkeypatch, capsys):
    words, folder = stored
    monkeypatch.setattr(
        "lopsided.steer.prescribe", lambda *_, **__: pytest.fail("it was looked for")
    )
    assert main([*words, "--out", str(folder / "head.pt")]) == 2
    assert "a head is written to a .safetensors file" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    need.cache_clear()
    assert main([*words, "--out", str(folder / "head.safetensors")]) == 2
    assert "this needs safetensors; install it with" in capsys.readouterr().err


@pytest.fixture
def folder_with_its_head(stored):
    """The same samples as a folder whose head is a file beside its shard, and their labels."""
    _, folder = stored
    arrays = dict(np.load(folder / "train.npz"))
    shards = folder / "shards"
    shards.mkdir()
    np.savez(shards / "a.npz", features=arrays["features"], labels=arrays["labels"])
    save_file({name: arrays[name] for name in ("weight", "bias")}, shards / "head.safetensors")
    save_file({"labels": arrays["labels"]}, folder / "labels.safetensors")
    return folder


@pytest.mark.parametrize(
    ("out", "words"),
    [
        ("shards/head.safetensors", []),
        ("shards/head.safetensors", ["--head", "shards/head.safetensors"]),
        ("labels.safetensors", ["--labels", "labels.safetensors"]),
    ],
)
def test_what_a_prescription_reads_it_never_writes_over(
    folder_with_its_head, out, words, capsys, monkeypatch
):
    monkeypatch.chdir(folder_with_its_head)
    before = (folder_with_its_head / out).read_bytes()
    given = ["--features", "shards", "--held-out", "held.npz", *words, "--out", out]
    assert main(["steer", *given]) == 2
    assert f"{out} is the file {out} that is read" in capsys.readouterr().err
    assert (folder_with_its_head / out).read_bytes() == before
    train = measure.open_store("shards")
    found = steer.prescribe((train.weight, train.bias), train, measure.open_store("held.npz"))
    with pytest.raises(ValueError, match="was read for this prescription"):
        found.save("shards/head.safetensors")


def test_a_head_is_not_written_over_what_no_save_wrote(folder_with_its_head, capsys, monkeypatch):
    monkeypatch.chdir(folder_with_its_head)
    model = folder_with_its_head / "model.safetensors"
    save_file({"body.weight": np.ones((9, 9)), "weight": np.ones((2, 3))}, model)
    before = model.read_bytes()
    words = ["steer", "--features", "train.npz", "--held-out", "held.npz", "--out"]
    assert main([*words, model.name]) == 2
    assert "model.safetensors is there and no save wrote it: move" in capsys.readouterr().err
    train = measure.open_store("train.npz")
    found = steer.prescribe((train.weight, train.bias), train, measure.open_store("held.npz"))
    with pytest.raises(ValueError, match="no save wrote it"):
        found.save(model)
    assert model.read_bytes() == before
    for _ in range(2):  # its own it writes over
        assert main([*words, "own.safetensors"]) == 0
        assert found.save("own.safetensors").stat().st_size


@pytest.mark.parametrize("inside", [True, False])
def test_the_line_that_measure_prints_writes_over_nothing(
    folder_with_its_head, inside, capsys, monkeypatch
):
    root = folder_with_its_head
    monkeypatch.chdir(root / "shards" if inside else root)
    words = (".", "../held.npz") if inside else ("shards", "held.npz")
    (root / "head.safetensors").write_text("of another project")
    before = {path: path.read_bytes() for path in root.rglob("*.*") if path.is_file()}
    assert main(["measure", words[0], "--held-out", words[1]]) == 0
    command = shlex.split(capsys.readouterr().out.split("The corrected head in a file: ")[1])
    assert main(command[1:]) == 0
    assert all(path.read_bytes() == content for path, content in before.items())
    assert (root / "corrected-head.safetensors").exists()


def test_the_line_that_measure_prints_names_files_as_options_cannot_be_called(
    folder_with_its_head, capsys, monkeypatch
):
    monkeypatch.chdir(folder_with_its_head)
    Path("held.npz").rename("-held.npz")
    assert main(["measure", "shards", "--held-out", "./-held.npz"]) == 0
    command = shlex.split(capsys.readouterr().out.split("The corrected head in a file: ")[1])
    assert main(command[1:]) == 0


def test_measure_prints_no_line_that_would_wait_for_a_standard_input_already_read(
    folder_with_its_head, capsys, monkeypatch
):
    monkeypatch.chdir(folder_with_its_head)
    words = ["measure", "shards", "--held-out", "held.npz", "--training-labels"]
    assert main([*words, "labels.safetensors"]) == 0
    assert "The corrected head in a file: " in capsys.readouterr().out
    labels = np.load("shards/a.npz")["labels"]
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(map(str, labels.tolist()))))
    assert main([*words, "-"]) == 0
    assert "The corrected head in a file: " not in capsys.readouterr().out


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
    names = {}
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


def test_what_is_quoted_of_the_contest_names_the_loss_and_the_first_one():
    ahead, target = fared.AHEAD, "etf-classifiers"
    first = next(iter(ahead))
    assert ahead[first] == max(ahead.values())
    assert f"ldt {ahead['ldt']:+.1f}" in fared.fared("LDT, γ=½", target)
    assert f"{first} {ahead[first]:+.1f}, the most of all losses" in fared.fared("ldt", target)
    designed = f"designed: {target} {ahead[f'designed: {target}']:+.1f}"
    assert designed in fared.fared("designed: ldt", target)
    assert "designed" not in fared.fared("designed: ldt", "aligned")
    assert "most" not in fared.fared(first, target)


@pytest.mark.parametrize(
    ("counts", "most"), [([5_000_000, 5000, 5], 80), ([10**15, 3 * 10**12 + 1, 400], 100)]
)
def test_no_header_and_no_number_is_cut_whatever_the_counts(counts, most, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    row = Row(
        "designed: cdt-ldt", "", Adjustment(), 1234.5678, -0.9995, dict.fromkeys(counts, 0), 1
    )
    table_console().print(_table([row], Counts(counts)))
    table = capsys.readouterr().out.split("norms: ")[0]
    assert "…" not in table
    for word in ("designed: cdt-ldt", "distance", "1234.5678", *map(str, counts)):
        assert word in table
    assert max(map(len, table.splitlines())) <= most


def test_a_console_is_as_wide_as_its_table_needs_and_no_wider_for_text(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    table = Table("what it says", *(f"number {i}" for i in range(9)), box=None)
    for column in table.columns[1:]:
        column.no_wrap = True
    table.add_row("words that may wrap " * 9, *["1234567890"] * 9)
    console = table_console()
    console.print(table)
    out = capsys.readouterr().out
    assert "…" not in out
    assert out.count("1234567890") == 9
    console.print("text " * 40)
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80
