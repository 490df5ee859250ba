"""Whatever lies beside the records of a folder: the report is written, shows those that are whole,
and names the others."""

import json
import os
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lopsided.cli import main
from lopsided.report import Text
from lopsided.reproduce import CLAIMS, Place, Record, Verdict, page, run_pages
from lopsided.reproduce.claim import Detail
from lopsided.reproduce.record import environment


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Record:
    """A whole record."""
    folder = tmp_path_factory.mktemp("good")
    return CLAIMS["norms"].run({"points": 5}, Place(folder).context("short"))


def written(record: Record, **changes: Any) -> bytes:
    """The file of a record, hashes and all, of which some parts are not as this version has
    them."""
    return replace(record, **changes).to_json().encode()


#: Files that are no record that can be shown: name -> a good record to a file's name and content.
BAD = {
    "another version": lambda good: (
        "a.json",
        written(good).replace(b"lopsided record 2", b"lopsided record 9"),
    ),
    "open brackets": lambda good: ("a.json", b"[" * 100_000),
    "not JSON": lambda good: ("a.json", b"{"),
    "not text": lambda good: ("a.json", b"\xff\xfe\x00"),
    "null": lambda good: ("a.json", b"null"),
    "not a number": lambda good: (
        "a.json",
        written(good).replace(b'"ratio": 1.0', b'"ratio": NaN'),
    ),
    "a changed digit": lambda good: (
        "a.json",
        written(good).replace(b'"ratio": 1.0', b'"ratio": 2.0'),
    ),
    "another's name": lambda good: (f"{good.name} (copy).json", written(good)),
    "lone surrogates": lambda good: named(good, verdict=Verdict(True, "\udcff")),
    "an unknown claim": lambda good: named(good, claim="norns"),
    "an unknown setting": lambda good: named(
        good, configuration={**good.configuration, "colour": "red"}
    ),
    "a value that no setting has": lambda good: named(
        good, configuration={**good.configuration, "points": -1}
    ),
    "settings of another type": lambda good: named(good, configuration={"k": "ten"}),
    "numbers of another shape": lambda good: named(good, numbers={"rows": [{"ratio": "one"}]}),
    "no numbers": lambda good: named(good, numbers={}),
    "a verdict in words": lambda good: named(good, verdict=Verdict("yes", "It holds.")),  # type: ignore[arg-type]
    "a name that is not UTF-8": lambda good: (os.fsdecode(b"\xff.json"), b"{}"),
    "a name that speaks to terminals": lambda good: ("\x1b[31m<b>.json", b"{}"),
}


def named(good: Record, **changes: Any) -> tuple[str, bytes]:
    """The name and the file of a changed record whose name and hashes are true."""
    other = replace(good, **changes)
    return f"{other.name}.json", written(other)


def test_bad_records_are_named_and_never_keep_the_others_from_the_page(
    tmp_path: Path, good: Record
) -> None:
    good.save(tmp_path)
    names = []
    for number, make in enumerate(BAD.values()):
        name, content = make(
            replace(good, configuration={**good.configuration, "points": 10 + number})
        )
        name = f"{number} {name}" if name == "a.json" else name
        (tmp_path / name).write_bytes(content)
        names.append(name)
    notes: list[str] = []
    text = page.report(tmp_path, CLAIMS, notes.append).read_text()
    assert good.verdict.sentence.split("e")[0] in text
    assert "The claim holds" in text
    assert len(set(names)) == len(notes) == len(BAD)
    for note in notes:
        assert note.startswith("left out of the report: ")
        assert note.isprintable()
    for name in names:
        assert any(name in note for note in notes) if name.isprintable() else "\\" in str(notes)
    assert "Of these files in the folder nothing is on this page" in text
    assert "<b>" not in text


def test_folders_and_pipes_called_json_are_named_and_not_read(tmp_path: Path, good: Record) -> None:
    good.save(tmp_path)
    (tmp_path / "folder.json").mkdir()
    os.mkfifo(tmp_path / "pipe.json")
    notes: list[str] = []
    page.report(tmp_path, CLAIMS, notes.append)
    assert notes == [
        f"left out of the report: {what}, not a file"
        for what in ("folder.json is a folder", "pipe.json is a named pipe")
    ]


def test_a_pipe_in_the_place_of_a_page_of_a_run_is_no_page_and_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "run.html")
    assert not run_pages._ends_with(tmp_path / "run.html", "mark")


def test_a_folder_of_bad_records_alone_is_answered_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.json").write_text("{")
    assert main(["reproduce", "--report", "--out", str(tmp_path)]) == 2
    assert "no record in" in capsys.readouterr().err
    assert not (tmp_path / "report.html").exists()


def test_a_report_of_somebody_else_is_not_written_over_and_found_before_the_run(
    tmp_path: Path, good: Record, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["reproduce", "norms", "--points", "5", "--out", str(tmp_path)]
    theirs = tmp_path / "report.html"
    theirs.write_text("<title>My thesis</title>")
    assert main(words) == 2
    assert "is there and is no page of lopsided" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    good.save(tmp_path)
    assert main(["reproduce", "--report", "--out", str(tmp_path)]) == 2
    assert theirs.read_text() == "<title>My thesis</title>"
    theirs.unlink()
    assert main(words) == main(words) == 0


def test_the_report_of_a_folder_that_is_not_there_makes_none(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no records in"):
        page.report(tmp_path / "nowhere", CLAIMS)
    assert not (tmp_path / "nowhere").exists()


def test_the_left_out_are_told_on_standard_error(
    tmp_path: Path, good: Record, capsys: pytest.CaptureFixture[str]
) -> None:
    good.save(tmp_path)
    (tmp_path / "a.json").write_text("{")
    assert main(["reproduce", "--report", "--out", str(tmp_path)]) == 0
    assert "a.json is not a record of lopsided" in capsys.readouterr().err


def test_many_runs_have_a_page_each_which_is_drawn_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = CLAIMS["deep"]
    plain_page = Detail(deep.detail.heading, lambda run: [Text(f"the page of {run.name}")])
    claims = {"deep": replace(deep, show=lambda runs: [], detail=plain_page)}
    results = Path(__file__).parents[2] / "results"
    some = sorted(results.glob("deep-mlp-digits-step-10-none-*.json"))[:2]
    for record in some:
        (tmp_path / record.name).write_bytes(record.read_bytes())
    text = page.report(tmp_path, claims).read_text()
    pages = sorted((tmp_path / "report").iterdir())
    assert [path.stem for path in pages] == [path.stem for path in some]
    for path in pages:
        assert f'href="report/{path.name}"' in text
        assert 'href="../report.html"' in path.read_text()
        assert f"the page of {path.stem}" in path.read_text()
    drawn = []
    monkeypatch.setattr(run_pages, "render", lambda page: drawn.append(page) or "")
    page.report(tmp_path, claims)
    assert not drawn
    pages[0].write_text("something else")
    page.report(tmp_path, claims)
    assert len(drawn) == 1


def test_no_word_of_a_record_is_markup_or_a_command(tmp_path: Path, good: Record) -> None:
    """On the page, in a terminal, and in the shell to which a reader copies the command."""
    evil = '<script>"$(touch x)"`touch y`</script>'
    base = CLAIMS["deep"].configuration({"dataset": evil, "largest": 20})
    record = Record("deep", base, {}, Verdict(True, f"[/bold]{evil}"), environment(1.0, "cpu"))
    words = ["lopsided", "reproduce", "deep", "--dataset", evil, "--largest", "20"]
    assert shlex.split(page.command(record, CLAIMS["deep"])) == words
    replace(good, verdict=record.verdict).save(tmp_path)
    assert '<script>"' not in page.report(tmp_path, CLAIMS).read_text()


def test_what_takes_the_place_of_a_record_fails_its_run_and_no_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    claim = CLAIMS["norms"]
    names = [
        Record("norms", claim.configuration({"points": points}), {}, Verdict(True, ""), {}).name
        for points in (5, 6)
    ]
    (tmp_path / f"{names[0]}.json").write_text("{")
    assert main(["reproduce", "norms", "--grid", "points=5,6", "--out", str(tmp_path)]) == 2
    assert (
        f"1 of 2 runs failed; the first: {names[0]}.json is not a record" in capsys.readouterr().err
    )
    assert json.loads((tmp_path / f"{names[1]}.json").read_text())["configuration"]["points"] == 6
    assert (tmp_path / f"{names[0]}.json").read_text() == "{"
