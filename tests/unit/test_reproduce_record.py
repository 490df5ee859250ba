import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from rich.console import Console

from lopsided.plain import plain
from lopsided.reproduce import CLAIMS, data, grid
from lopsided.reproduce.context import Place
from lopsided.reproduce.record import Record, Verdict, environment, name_of
from lopsided.reproduce.settings import Training


def record(seconds: float = 1.0, **numbers: float) -> Record:
    return Record(
        "demo",
        {"ratio": 10.0, "seed": 0},
        numbers,
        Verdict(True, "It holds."),
        environment(seconds, "cpu"),
    )


def test_a_record_survives_saving_and_loading_to_the_bit(tmp_path: Path) -> None:
    original = record(third=1 / 3)
    assert Record.load(original.save(tmp_path)) == original


def test_the_digest_depends_on_numbers_but_not_on_seconds() -> None:
    assert (
        record(1.0, x=2.0).digest()
        == record(99.0, x=2.0).digest()
        != record(1.0, x=2.0000000000000004).digest()
    )


def test_the_name_shows_the_settings_and_separates_configurations() -> None:
    name = name_of("demo", {"ratio": 10.0, "seed": 0, "width": 5})
    assert name.startswith("demo-10-0-")
    assert name != name_of("demo", {"ratio": 10.0, "seed": 0, "width": 6})


def test_a_changed_record_is_refused(tmp_path: Path) -> None:
    path = record(x=1.0).save(tmp_path)
    path.write_text(path.read_text().replace('"x": 1.0', '"x": 2.0'))
    with pytest.raises(ValueError, match="was changed since it was written"):
        Record.load(path)


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "3", '{"format": "other"}', '{"digest": "", "format": "lopsided record 2"}'],
)
def test_a_foreign_or_truncated_file_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "foreign.json"
    path.write_text(content)
    with pytest.raises(ValueError, match="is not a record of lopsided"):
        Record.load(path)


def test_plain_data_holds_no_arrays_and_no_nan() -> None:
    value = plain(
        {
            1: np.array([1.5, np.nan]),
            "b": (np.float64(2), np.int64(3), np.bool_(True), float("inf")),
        }
    )
    assert value == {"1": [1.5, None], "b": [2.0, 3, True, None]}
    json.dumps(value, allow_nan=False)


def test_what_a_context_remembers_is_not_computed_again(tmp_path: Path) -> None:
    calls: list[int] = []

    def compute() -> tuple[float, ...]:
        calls.append(1)
        return 1.0, 2.0

    assert (
        Place(tmp_path).context("me").remember("x", tuple[float, ...], compute)
        == Place(tmp_path).context("me").remember("x", tuple[float, ...], compute)
        == (1.0, 2.0)
    )
    assert len(calls) == 1


def test_a_run_leaves_random_states_as_they_were(tmp_path: Path) -> None:
    before = [torch.get_rng_state(), torch.get_num_threads()]
    CLAIMS["jacot2025"].run({"steps": 5, "seeds": 1}, Place(tmp_path).context("one"))
    assert torch.equal(torch.get_rng_state(), before[0])
    assert torch.get_num_threads() == before[1]


def test_a_run_without_a_network_imports_no_torch(tmp_path: Path) -> None:
    code = f"""
import sys
from pathlib import Path
from lopsided.reproduce import CLAIMS, Place
place = Place(Path({str(tmp_path)!r}))
CLAIMS["ridge-path"].run({{"ratios": (1, 5), "points": 9}}, place.context("one"))
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_record_of_other_images_is_not_taken_for_one_of_these(tmp_path: Path) -> None:
    for part in ("train", "test"):
        for label in ("ant", "bee"):
            (tmp_path / "own" / part / label).mkdir(parents=True)
            Image.new("L", (4, 4), ord(label[0])).save(tmp_path / "own" / part / label / "0.png")
    own = str(tmp_path / "own")
    options = {"dataset": own, "largest": 1, "ratio": 1.0}
    claim, place = CLAIMS["deep"], Place(tmp_path / "out")
    seen = {"data_sha256": data.load(own, None).digest()}
    Record("deep", claim.configuration(options), {}, Verdict(True, "It holds."), seen).save(
        place.out
    )
    assert len(grid.run(claim, [options], place, 1, Console(quiet=True))) == 1
    Image.new("L", (4, 4), 9).save(tmp_path / "own" / "train" / "ant" / "0.png")
    with pytest.raises(ValueError, match=r"a record of other images than .*own holds now"):
        grid.run(claim, [options], place, 1, Console(quiet=True))


@pytest.mark.parametrize(
    ("setting", "rest"),
    [
        ({"rho": 0.3}, {"profile": "exponential"}),
        ({"ratio": 77.0}, {"profile": "given", "counts": "3,2"}),
        ({"largest": 9}, {"profile": "given", "counts": "3,2"}),
        ({"depth": 9}, {"model": "cnn"}),
    ],
)
def test_a_setting_without_a_part_in_the_run_is_refused(
    setting: dict[str, Any], rest: dict[str, Any]
) -> None:
    Training(**rest)
    with pytest.raises(ValueError, match=f"{next(iter(setting))} belongs to"):
        Training(**setting, **rest)
