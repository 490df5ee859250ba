"""A claim is one file and one line of a table: a toy added to `CLAIMS` is picked up everywhere."""

import importlib
import json
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from lopsided.cli import main
from lopsided.papers import PAPERS, cite
from lopsided.reproduce import CLAIMS, Place, page
from lopsided.reproduce.record import Record

TOY = '''
"""A claim about sums, as anybody could write it."""

from dataclasses import dataclass
from typing import Annotated

from lopsided.report import Text
from lopsided.reproduce import Claim, Outcome, Verdict
from lopsided.reproduce.choices import Checked
from lopsided.reproduce.typed import Bounds

COMPUTED = []


@dataclass(frozen=True)
class Settings(Checked):
    """What is summed.

    Attributes:
        terms: of the sum.
        times: how often it is taken.
    """

    terms: tuple[Annotated[float, Bounds(least=0, most=9)], ...] = (1.0, 2.0)
    times: Annotated[int, Bounds(least=1, most=9)] = 2


@dataclass(frozen=True)
class Numbers:
    """The sums."""

    sums: tuple[float, ...]


def compute(settings, context):
    def one(i):
        COMPUTED.append(i)
        return sum(settings.terms)

    sums = []
    for i in range(settings.times):
        context.advance(i / settings.times, f"sum {i}")
        sums.append(context.remember(f"sum-{i}", float, lambda i=i: one(i)))
    return Outcome(Numbers(tuple(sums)))


def judge(settings, numbers):
    same = len(set(numbers.sums)) == 1
    return Verdict(same, f"All {settings.times} sums are {numbers.sums[0]:g}.")


def show(runs):
    return [Text(f"The sums are {run.numbers.sums}.") for run in runs]


TOY = Claim("toy", "Sums repeat", "A sum is the same each time.", "Peano 1889", Settings, Numbers,
            compute, judge, show)
'''


@pytest.fixture
def toy(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    folder = tmp_path_factory.mktemp("toy")
    (folder / "toy_claim.py").write_text(TOY)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "toy_claim", raising=False)
    module = importlib.import_module("toy_claim")
    monkeypatch.setitem(CLAIMS, "toy", module.TOY)
    return module


def test_a_claim_is_listed_and_its_settings_are_its_flags(
    toy: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["reproduce", "--list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["claims"]["toy"] == "A sum is the same each time."
    assert main(["reproduce", "toy", "--help"]) == 0
    shown = capsys.readouterr().out
    assert "--terms X,X" in shown
    assert "how often it is taken" in shown
    words = ["reproduce", "toy", "--out", str(tmp_path), "--terms", "1,2,3"]
    assert main([*words, "--times", "1", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["configuration"] == {"terms": [1.0, 2.0, 3.0], "times": 1}
    assert record["numbers"] == {"sums": [6.0]}
    assert main([*words, "--width", "8"]) == 2
    assert "no option --width; its own are --terms, --times" in capsys.readouterr().err


def test_an_interrupted_claim_goes_on_and_ends_in_the_same_record(
    toy: ModuleType, tmp_path: Path
) -> None:
    def stop(fraction: float, text: str) -> None:
        if text == "sum 1":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        toy.TOY.run({}, Place(tmp_path).context("broken", stop))
    resumed = toy.TOY.run({}, Place(tmp_path).context("broken"))
    assert toy.COMPUTED == [0, 1]
    assert resumed.digest() == toy.TOY.run({}, Place(tmp_path).context("whole")).digest()


@pytest.mark.slow
def test_a_grid_of_a_claim_is_done_by_processes_recorded_and_reported(
    toy: ModuleType, tmp_path: Path
) -> None:
    words = ["toy", "--grid", "times=2,3", "--processes", "2", "--out", str(tmp_path)]
    assert main(["reproduce", *words]) == 0
    records = [Record.load(path) for path in tmp_path.glob("*.json")]
    assert sorted(record.configuration["times"] for record in records) == [2, 3]
    text = (tmp_path / "report.html").read_text()
    assert "Sums repeat" in text
    assert "The sums are (3.0, 3.0, 3.0)." in text


def test_the_verdict_follows_from_the_numbers_and_a_doctored_record_is_found(
    toy: ModuleType, tmp_path: Path
) -> None:
    record = toy.TOY.run({}, Place(tmp_path).context("whole"))
    run = toy.TOY.read(record)
    assert toy.TOY.judge(run.settings, run.numbers) == record.verdict
    with pytest.raises(ValueError, match="the record is of demo, not of toy"):
        toy.TOY.read(replace(record, claim="demo"))
    with pytest.raises(TypeError, match="must be a Record, got str"):
        toy.TOY.read("toy")
    doctored = toy.TOY.read(replace(record, numbers={"sums": [3.0, 4.0]}))
    assert toy.TOY.judge(doctored.settings, doctored.numbers) != record.verdict
    path = record.save(tmp_path)
    path.write_text(path.read_text().replace("3.0", "4.0"))
    notes: list[str] = []
    with pytest.raises(ValueError, match="no record in"):
        page.report(tmp_path, CLAIMS, notes.append)
    assert "was changed since it was written" in notes[0]


def test_a_claim_is_of_one_paper_also_where_text_cites_two_alike():
    papers = {name: claim.paper for name, claim in CLAIMS.items()}
    assert all(papers[key] == key for key in PAPERS.keys() & CLAIMS.keys())
    assert papers["uf-svm"] == papers["deep"] == "thrampoulidis2022"
    assert papers["rare-ood"] is None
    for name, key in papers.items():
        assert key is None or CLAIMS[name].source.startswith(cite(key))
    for other in ("garrod2024b", "liu2023b"):  # cited as a paper whose claim is here, or none
        assert other not in papers.values()
