"""No run starts, and no record is written, under a setting that is not one."""

import math
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lopsided.cli import main
from lopsided.reproduce import CLAIMS, Place, grid
from lopsided.reproduce.network.models import MODELS
from lopsided.reproduce.settings import Training
from lopsided.reproduce.typed import Bounds, declared_fields, typed

MANY = ",".join(map(str, range(1, 102)))

#: Texts that are checked by what they name: data, counts, records.
TEXTS = {"dataset", "counts", "runs"}

SETTINGS = [
    (claim, name, kind)
    for claim in CLAIMS.values()
    for name, kind in declared_fields(claim.settings).items()
]


def inner(kind: Any) -> Any:
    """The annotation of one value: of an element, for tuples."""
    return get_args(kind)[0] if get_origin(kind) is tuple else kind


@pytest.mark.parametrize(
    ("claim", "name", "kind"), SETTINGS, ids=lambda x: getattr(x, "name", str(x))[:20]
)
def test_every_setting_of_every_claim_has_bounds_or_words(claim: Any, name: str, kind: Any) -> None:
    kind = inner(kind)
    if kind is str:
        assert name in TEXTS
    elif get_origin(kind) is not Literal:
        assert get_origin(kind) is Annotated
        number, bounds = get_args(kind)
        assert isinstance(bounds, Bounds)
        assert number in (int, float)
        assert bounds.most < math.inf or bounds.below < math.inf


@pytest.mark.parametrize(
    ("claim", "name", "kind"), SETTINGS, ids=lambda x: getattr(x, "name", str(x))[:20]
)
def test_no_setting_of_any_claim_takes_what_it_cannot_mean(
    claim: Any, name: str, kind: Any
) -> None:
    wrong: list[Any] = [
        None,
        True,
        b"x",
        {},
        math.nan,
        math.inf,
        -math.inf,
        object(),
        "\x1b[31m",
        "\udcff",
    ]
    if inner(kind) is not str:
        wrong += ["foo", "", -(10**400), 10**400]
    for value in wrong:
        given_value = [value] if get_origin(kind) is tuple else value
        with pytest.raises(ValueError, match=f"^{name} must be "):
            claim.configuration({name: given_value})


LISTS = [
    (claim, name, list(default))
    for claim in CLAIMS.values()
    for name, kind in declared_fields(claim.settings).items()
    if get_origin(kind) is tuple and inner(kind) is not str and get_origin(inner(kind)) is Annotated
    if (default := claim.configuration({})[name])
]


@pytest.mark.parametrize(("claim", "name", "values"), LISTS, ids=lambda x: getattr(x, "name", ""))
def test_no_list_holds_a_number_twice_and_no_verdict_compares_one_number(
    claim: Any, name: str, values: list[Any]
) -> None:
    for twice in (values[-1], values[-1] * (1 + 1e-9)):
        if type(twice) is type(values[-1]):
            with pytest.raises(ValueError, match=f"^{name} must be "):
                claim.configuration({name: [*values, twice]})
    for few in ([], values[:1]):
        if name in claim.settings.compared:
            with pytest.raises(ValueError, match="two numbers or more, for the verdict compares"):
                claim.configuration({name: few})


def test_a_verdict_on_balanced_classes_has_some() -> None:
    for claim in (CLAIMS["uf-svm"], CLAIMS["ridge-path"]):
        with pytest.raises(ValueError, match=r"ratios must hold 1, .* got 5, 10"):
            claim.configuration({"ratios": [5, 10]})


@pytest.mark.parametrize(
    ("name", "settings", "sentence"),
    [
        ("margins", {"ridges": [2.0, 0.1]}, "ridges must be above 0 and below 1, got 2"),
        ("code-temperature", {"temperatures": [3.0, 1.0]}, "must hold one of 0.05 or below"),
        ("norms", {"ratios": [10**5, 10**6]}, "seen must be at least the smallest ratio, 100000,"),
        ("zhai2025", {"ratio": 1.0}, "ratio must be above 1 .* got 1"),
        ("hasegawa2024", {"ratio": 1.0}, "ratio must be above 1 .* got 1"),
        ("wang2023", {"widths": [12], "steps": [3]}, "two networks or more of each source"),
        ("garrod2024", {"layers": [1]}, "layers must hold 2 or more, .* got 1"),
        ("jiang2025", {"blocks": 1}, "blocks must be at least 2 .* got 1"),
        ("ufm-sgd", {"k": 2}, "k must be at least 4 .* got 2"),
        ("unique", {"ratios": [1]}, "ratios must be two numbers or more, .* got 1"),
        ("unique", {"starts": 1}, "starts must be at least 2 .* got 1"),
        ("behnia2023", {"exponents": [0.25, 0.5]}, "must be three numbers or more, .* 0.25, 0.5"),
        ("norms", {"seen": 0.5}, "seen must be at least the smallest ratio, 1, .* got 0.5"),
    ],
)
def test_a_verdict_has_what_it_speaks_of(name: str, settings: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        CLAIMS[name].configuration(settings)


@pytest.mark.parametrize(
    ("name", "settings", "sentence"),
    [
        ("garrod2024", {"ridges": [100.0]}, "no multiple of the logits is better than zero"),
        ("kothapalli2023", {"ridge": 100.0}, "at a ridge of 100 the optimum is zero"),
        ("sukenik2024", {"ridge": 10.0}, "the optimum of 3 layers is zero"),
        ("ridge-path", {"points": 3}, "of 3 points at R = 5 there are 1: take more"),
    ],
)
def test_a_run_whose_verdict_would_be_about_nothing_ends_in_a_sentence(
    tmp_path: Path, name: str, settings: Any, sentence: str
) -> None:
    claim = CLAIMS[name]
    with pytest.raises(ValueError, match=sentence):
        claim.run(settings, Place(tmp_path).context("run"))


def test_the_ratio_from_which_minorities_are_near_is_not_one_below_which_nobody_looked(
    tmp_path: Path,
) -> None:
    for ratios, told in (((1e12, 1e13), "from the smallest R, 1e+12, on"), ((1, 1e12), "only at")):
        options = {"ratios": ratios, "seen": 1e12}
        record = CLAIMS["norms"].run(options, Place(tmp_path).context("run"))
        assert told in record.verdict.sentence


@given(st.floats() | st.integers())
def test_a_number_is_taken_exactly_within_its_bounds(value: float) -> None:
    kind = Annotated[float, Bounds(above=0, most=2.5)]
    if 0 < value <= 2.5:
        assert typed(kind, value, "x") == value
    else:
        with pytest.raises(ValueError, match=r"^x must be above 0 and at most 2\.5, got"):
            typed(kind, value, "x")


def test_a_number_of_classes_of_which_half_are_minorities_is_even() -> None:
    for claim in (CLAIMS[name] for name in ("norms", "ridge-path", "ufm-sgd")):
        with pytest.raises(ValueError, match=r"k must be .* and a multiple of 2, got 7"):
            claim.configuration({"k": 7})


def test_the_models_of_the_settings_are_those_that_there_are() -> None:
    assert set(get_args(get_type_hints(Training)["model"])) == MODELS.keys()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ["--grid", "schedule=constant,foo"],
            "schedule must be one of constant, published, late, got 'foo'",
        ),
        (["--grid", "amp=off,fp8"], "amp must be one of off, bf16, got 'fp8'"),
        (
            ["--grid", "profile=step,foo"],
            "profile must be one of step, exponential, given, got 'foo'",
        ),
        (["--grid", "bias=none,some"], "bias must be one of none, decayed, free, got 'some'"),
        (["--grid", "device=cpu,tpu"], "device must be one of cpu, cuda, got 'tpu'"),
        (["--grid", "model=mlp,lenet"], "one of mlp, cnn, resnet18, vgg13, got 'lenet'"),
        (["--grid", "dataset=digits,nowhere"], "no data set 'nowhere'"),
        (["--grid", "dataset=digits,mnist"], "mnist is read from a folder"),
        (["--grid", "rate=0.1,1e300"], "rate must be above 0 and at most 1e+38, got 1e+300"),
        (["--grid", "rate=0.1,nan"], "rate must be above 0 and at most 1e+38, got nan"),
        (["--grid", "rate=0.1,-1"], "rate must be above 0 and at most 1e+38, got -1.0"),
        (["--grid", "momentum=0.9,1"], "momentum must be at least 0 and below 1, got 1.0"),
        (["--grid", "epochs=1,0"], "epochs must be at least 1 and at most 1,000,000,000, got 0"),
        (["--grid", "epochs=1,1.5"], "epochs must be a whole number, got '1.5'"),
        (["--grid", "depth=2,0"], "depth must be at least 1 and at most 1,000, got 0"),
        (["--grid", "seed=0,-1"], "seed must be at least 0"),
        (["--grid", "width=8,100000000"], "width must be at least 1 and at most 1,000,000"),
        (["--grid", "width=8,1000000"], "a network of width 1,000,000 and depth 6 needs"),
        (["--grid", "rho=0.5,2"], "rho must be above 0 and below 1, got 2.0"),
        (
            ["--grid", "profile=given counts=5,x"],
            "counts must be whole numbers, comma-separated, got '5,x'",
        ),
        (["--grid", "largest=20,21"], "largest / ratio must be a whole number, got 21 / 10"),
        (
            ["--grid", "schedul=constant"],
            "the claim deep has no setting 'schedul'; did you mean schedule? It has dataset,",
        ),
        (["--grid", "zzz=1"], "the claim deep has no setting 'zzz'; it has dataset,"),
        (["--grid", "seed=0,0"], "two runs of the grid 'seed=0,0' are the same"),
        (["--grid", "ratio=10,1e1"], "are the same"),
        (["--grid", f"seed={MANY} batch={MANY}"], "at most 10,000 runs"),
        (["--grid", "seed=0,1", "--processes", "0"], "processes must be at least 1, got 0"),
    ],
)  # fmt: skip
def test_a_wrong_word_anywhere_in_a_grid_is_found_before_any_run(
    words: list[str],
    sentence: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("LOPSIDED_DATA", raising=False)
    short = [] if "dataset=" in words[1] else ["--dataset", "digits"]
    short += [] if "width=" in words[1] else ["--width", "8"]
    assert main(["reproduce", "deep", *short, *words, "--out", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert error.count("\n") == 1
    assert not any(path.is_file() for path in tmp_path.rglob("*"))


def test_a_grid_under_torchrun_is_not_done_by_each_of_its_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rich.console import Console

    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ValueError, match="leave out --processes"):
        grid.run(
            CLAIMS["norms"], [{"points": 5}, {"points": 6}], Place(tmp_path), 2, Console(quiet=True)
        )


def test_the_name_of_a_record_fits_a_file_system_whatever_the_data_is_called() -> None:
    from lopsided.reproduce.record import name_of

    names = [name_of("deep", CLAIMS["deep"].configuration({"dataset": c * 4000})) for c in "ab"]
    assert names[0] != names[1]
    assert max(map(len, names)) < 200
