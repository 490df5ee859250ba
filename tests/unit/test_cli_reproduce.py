import json
import re
import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from lopsided.cli import main
from lopsided.cli.claims import given
from lopsided.cli.reproduce import Reproduce
from lopsided.reproduce import CLAIMS, Place, Verdict, page
from lopsided.reproduce.typed import declared_fields

SHORT = ["--width", "8", "--epochs", "2", "--largest", "20"]


def test_the_list_names_every_claim(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce", "--list"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in CLAIMS)
    assert main(["reproduce", "--list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["claims"].keys() == CLAIMS.keys()


def test_a_folder_that_takes_no_record_is_found_out_before_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "file"
    place.write_text("")
    assert main(["reproduce", "uf-svm", "--out", str(place)]) == 2
    assert f"cannot use {place}" in capsys.readouterr().err


def test_a_run_writes_record_indices_and_page_and_is_not_repeated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LOPSIDED_DATA", raising=False)
    words = ["reproduce", "demo", *SHORT, "--out", str(tmp_path)]
    assert main([*words, "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["configuration"]["width"] == 8
    assert (tmp_path / "indices" / f"{record['numbers']['indices_sha256']}.txt").read_text().count(
        "\n"
    ) == 110
    shown = (tmp_path / "report.html").read_text()
    assert record["verdict"]["sentence"].split(";")[0] in shown
    assert not re.search(r"""(src|href)\s*=\s*["']?(https?:)?//""", shown)
    (path,) = tmp_path.glob("*.json")
    before = path.stat().st_mtime_ns
    monkeypatch.setattr(page, "report", lambda *_: path)  # the same page again
    assert main(words) == 0
    assert "has a record" in capsys.readouterr().out
    assert path.stat().st_mtime_ns == before


def test_help_says_what_the_demonstration_takes_where_mnist_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mnist").mkdir()
    taken = CLAIMS["demo"].prepare({}, Place(tmp_path, tmp_path))
    assert main(["reproduce", "demo", "--help"]) == 0
    told = " ".join(re.sub(r"[^\w./:-]+", " ", capsys.readouterr().out).split())
    for name, value in taken.items():
        assert (f"has {value}" if name == "dataset" else f"{name} {value}") in told


def test_a_grid_runs_every_combination_that_has_no_record_in_one_process_or_several(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["reproduce", "norms", "--out", str(tmp_path)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page, "report", lambda folder, *_: folder)  # drawn below
        assert main([*words, "--grid", "points=4,5 k=4", "--processes", "2"]) == 0
    first = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.json")}
    assert len(first) == 2
    capsys.readouterr()
    assert main([*words, "--grid", "points=4,5 k=4,6", "--json"]) == 0
    records = [json.loads(path.read_text()) for path in tmp_path.glob("*.json")]
    out, told = capsys.readouterr()
    printed = json.loads(out)
    assert len(printed) == 4
    for one in printed:
        name = "k={k} points={points}".format(**one["configuration"])
        word = "holds" if one["verdict"]["holds"] else "does not hold"
        assert f"{name}: {word} {one['verdict']['sentence']}" in told
    assert all(one in records for one in printed)
    done = [(one["configuration"]["points"], one["configuration"]["k"]) for one in records]
    assert sorted(done) == [(4, 4), (4, 6), (5, 4), (5, 6)]
    assert {path: path.stat().st_mtime_ns for path in first} == first
    shown = (tmp_path / "report.html").read_text()
    assert re.search(r"holds in (all|\d of) 4 runs", shown)
    for verdict in (one["verdict"] for one in records):  # where runs have no pages of their own
        assert f"{'Holds' if verdict['holds'] else 'Does not hold'}: {verdict['sentence']}" in shown
    for points, k in done:  # each is shown by itself, and told
        assert shown.count(f"k = {k}, points = {points}") == 2


@pytest.mark.parametrize("holds", [True, False])
def test_a_claim_that_does_not_hold_is_status_1_where_it_is_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, holds: bool
) -> None:
    judged = replace(CLAIMS["norms"], judge=lambda settings, numbers: Verdict(holds, "So it is."))
    monkeypatch.setitem(CLAIMS, "norms", judged)
    monkeypatch.setattr(page, "report", lambda folder, *_: folder)  # the answer is not on it
    words = ["reproduce", "norms", "--points", "4", "--out", str(tmp_path)]
    assert main([*words, "--check"]) == (0 if holds else 1)
    of_all = ["reproduce", "--report", "--out", str(tmp_path), "--check"]
    assert main(of_all) == (0 if holds else 1)
    (tmp_path / "cut.json").write_text("{")
    assert main(of_all) == 1
    assert main(words) == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nothing"], "no claim is called 'nothing'; there are demo"),
        ([], "name a claim"),
        (["--report"], "no records in"),
        (["--report", "norms"], "--report only writes the page, leave out norms"),
        (["--report", "--grid", "k=4"], "--report only writes the page, leave out --grid"),
        (["--list", "norms"], "--list names all claims, leave out norms"),
        (["norms", "--processes", "2"], "--processes is for the runs of a --grid"),
        (["--list", "--report"], "--list names all claims, leave out --report"),
        (
            ["norms", "--width", "8"],
            "the claim norms has no option --width; its own are --k, --ratios, --points,",
        ),
        (
            ["deep", "--schedul", "constant"],
            "the claim deep has no option --schedul; did you mean --schedule? its own are",
        ),
        (["norms", "--ratios", "1,ten"], "ratios must be a number, got 'ten'"),
        (
            ["norms", "--ratios", "0.5"],
            "ratios must be at least 1 and at most 1e+15 and whole, got 0.5",
        ),
        (["norms", "--ratios", "10"], "at least 2 different ratios"),
        (["norms", "--largest", "1"], "at least 2 different ratios"),
        (["norms", "--points", "many"], "--points must be a whole number, got 'many'"),
        (["demo", "--grid", "ratio"], "a grid is NAME=VALUE"),
        (["demo", "--grid", "ratio=1 ratio=2"], "different names"),
        (["demo", "--grid", "colour=red"], "has no setting 'colour'"),
        (["demo", "--grid", "ratio=ten"], "ratio must be a number, got 'ten'"),
        (
            ["demo", "--grid", "model=lenet", *SHORT],
            "model must be one of mlp, cnn, resnet18, vgg13",
        ),
        (["demo", "--epochs", "0"], "epochs must be at least 1"),
        (["demo", "--dataset", "nowhere"], "no data set 'nowhere'"),
        (["demo", "--largest", "1000"], "class 0 has 108 training samples, 1,000 are wanted"),
        (["deep", "--data-dir", "absent"], "there is none at absent"),
        (["deep", "--data-dir", "."], "no file train-images-idx3-ubyte"),
        (["demo", "--grid", "largest=7,9"], "largest / ratio must be a whole number, got 7 / 10"),
        (["demo", "--ratio", "7"], "largest / ratio must be a whole number"),
    ],
)
def test_wrong_input_is_answered_in_one_sentence_and_status_2(
    words: list[str],
    sentence: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("LOPSIDED_DATA", raising=False)
    monkeypatch.delenv("LOPSIDED_TRACEBACK", raising=False)
    assert main(["reproduce", *words, "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert error.count("\n") == 1


def test_the_flags_of_a_claim_are_its_own_settings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["reproduce", "norms", "--ratios", "1,10", "--out", str(tmp_path), "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["configuration"]["ratios"] == [1.0, 10.0]
    assert [row["ratio"] for row in record["numbers"]["rows"]] == [1.0, 10.0]


@pytest.mark.parametrize("name", CLAIMS)
def test_the_help_of_a_claim_tells_each_of_its_settings(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["reproduce", name, "--help"]) == 0
    shown = capsys.readouterr().out
    for setting in declared_fields(CLAIMS[name].settings):
        assert f"--{setting.replace('_', '-')} " in shown


def test_text_from_records_is_escaped_on_the_page(tmp_path: Path) -> None:
    from lopsided.reproduce import CLAIMS, Record, Verdict
    from lopsided.reproduce.record import environment

    claim = CLAIMS["norms"]
    original = claim.run({"points": 5}, page_context(tmp_path))
    changed = Record(
        claim.name,
        original.configuration,
        original.numbers,
        Verdict(False, "<script>alert(1)</script>"),
        environment(1.0, "cpu"),
    )
    changed.save(tmp_path)
    text = page.report(tmp_path, CLAIMS).read_text()
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text
    assert "The claim does not hold" in text


def page_context(folder: Path):  # type: ignore[no-untyped-def]
    from lopsided.reproduce import Place

    return Place(folder).context("short")


@pytest.mark.parametrize("name", CLAIMS)
def test_the_command_on_the_page_repeats_the_record_lists_and_all(
    name: str, tmp_path: Path
) -> None:
    """Also where what is not given is completed by the data that there is."""
    from lopsided.cli.usage import parse
    from lopsided.reproduce import Place, Record, grid

    (tmp_path / "mnist").mkdir()
    claim = CLAIMS[name]
    ready = replace(claim, ready=lambda settings, place: None)
    records = sorted(Path(__file__).parents[2].glob(f"results/{name}-*.json"))[:3]
    kept = [record for path in records if (record := Record.load(path)).claim == name]
    some = {"runs": ["deep-a", "deep-b"]} if "runs" in declared_fields(claim.settings) else {}
    for configuration in (claim.configuration(some), *(record.configuration for record in kept)):
        record = Record(name, configuration, {}, Verdict(True, ""), {})
        _, verb, *words = shlex.split(page.command(record, claim))
        options = given(claim, parse(Reproduce.for_words(words), words).settings)
        (run,) = grid.combine(ready, "", options, Place(tmp_path, tmp_path))
        assert (verb, claim.configuration(run)) == ("reproduce", configuration)


def test_the_demo_takes_mnist_where_it_is_unless_other_data_is_asked_for(tmp_path: Path) -> None:
    from lopsided.reproduce import CLAIMS, Place, grid

    (tmp_path / "mnist").mkdir()
    demo, there, nowhere = CLAIMS["demo"], Place(tmp_path, tmp_path), Place(tmp_path)
    assert grid.combine(demo, "", {}, there)[0]["dataset"] == "mnist"
    assert grid.combine(demo, "", {"dataset": "digits"}, there) == [{"dataset": "digits"}]
    assert demo.configuration(grid.combine(demo, "", {}, nowhere)[0])["dataset"] == "digits"
    # Counts that are given say themselves how many samples the largest class has.
    given = {"profile": "given", "counts": "60,60,6"}
    for axes, options in (("", given), ("profile=given", {"counts": "60,60,6"})):
        (run,) = grid.combine(demo, axes, options, there)
        found = demo.configuration(run)
        assert (found["dataset"], found["counts"]) == ("mnist", "60,60,6")
