"""lopsided predict, as its user runs it."""

import json
import os
import re
import resource
import subprocess
import sys

import numpy as np
import pytest

from lopsided import Adjustment, Counts, predict
from lopsided.cli import main
from lopsided.measure import LabelSets

PAPER = ["predict", "--counts", "50,50,50,50,50,5,5,5,5,5"]


def answer(capsys, *words):
    assert main(["predict", *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_paper_s_numbers(capsys):
    found = answer(capsys, *PAPER[1:])
    w, m = found["classifiers"], found["embeddings"]
    assert w["squared_norm_ratio"] == pytest.approx(2.6721, abs=5e-5)
    assert m["squared_norm_ratio"] == pytest.approx(0.35083, abs=5e-6)
    np.testing.assert_allclose(w["cosines"], [[-0.14395, -0.13868], [-0.13868, 0.03337]], atol=5e-6)
    np.testing.assert_allclose(m["cosines"], [[-0.0697, -0.0854], [-0.0854, -0.1867]], atol=1e-4)
    assert [(group["count"], group["size"]) for group in found["groups"]] == [(50, 5), (5, 5)]
    assert found["cosines_between"] == [50, 5]
    assert [group["alignment"] for group in found["groups"]] == pytest.approx(
        [0.9956, 0.9639], abs=5e-5
    )


@pytest.mark.parametrize(
    ("words", "own"),
    [
        ([], False),
        (["--loss", "cdt"], False),
        (["--loss", "ldt"], True),
        (["--bias", "free"], True),
        (["--ridge", "1"], True),
        (["--compare"], True),
    ],
)
def test_class_means_that_are_not_measured_as_the_law_has_them_are_told(words, own, capsys):
    assert main([*PAPER, *words]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert ("a network's are measured" in said) == own


def test_the_spectrum_is_that_of_the_label_matrix(capsys):
    counts = Counts([7, 4, 4, 2])
    labels = np.repeat(np.eye(4) - 1 / 4, counts.values, axis=1)
    singular = np.linalg.svd(labels, compute_uv=False)
    found = answer(capsys, "--counts", "7,4,4,2")
    spectrum = found["classifiers"]["spectrum"]
    assert (spectrum["rank"], spectrum["largest"], spectrum["sum"]) == (
        3,
        pytest.approx(singular[0]),
        pytest.approx(singular.sum()),
    )
    assert found["embeddings"]["spectrum"]["smallest_positive"] == pytest.approx(1 / singular[0])


def test_equal_counts_give_the_simplex(capsys):
    found = answer(capsys, "--counts", "7,7,7,7")
    for part in ("classifiers", "embeddings"):
        assert found[part]["squared_norm_ratio"] == 1
        np.testing.assert_allclose(found[part]["cosines"], [[-1 / 3]])


@pytest.mark.parametrize("ratio", ["2", "1", "0", "-1", "inf", "nan", "1e300"])
@pytest.mark.parametrize("minority", ["5", "0", "-5", "inf", "nan", "1e300"])
def test_a_step_is_made_or_refused_in_words_of_our_own(ratio, minority, capsys):
    status = main(["predict", "--step", f"k=4,ratio={ratio},minority={minority}"])
    assert status == (0 if (ratio, minority) in {("2", "5"), ("1", "5")} else 2)
    if status:
        assert re.search(
            "ratio must be at least 1 and finite|must be a whole number|from 1 to 2",
            capsys.readouterr().err,
        )


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ["--counts", "5,0,3"],
            "each count must be a whole number from 1 to 2**53, got 0 for class 1",
        ),
        (["--counts", "5"], "counts must be at least 2 whole numbers, one a class, got [5]"),
        (["--counts", "a,b"], "--counts: counts as text must be numbers"),
        (["--counts", "-1,2"], "got -1 for class 0"),
        (["--counts", "nan,2"], "got nan for class 0"),
        (["--counts", "2.5,2"], "got 2.5 for class 0"),
        (["--counts", "9007199254740993,2"], "got 9007199254740993 for class 0"),
        (["--counts", "1e400,2"], "got inf for class 0"),
        (["--counts", "1.000,5"], "a point may part the thousands"),
        (["--step", "k=10,minority=5.000,ratio=10"], "a point may part the thousands"),
        (["--counts", "5,3", "--counts=3,3"], "--counts is given twice; give it once"),
        (["--counts", "5,3", "--bias", "1e-10"], "at least 1e-09 (of less, "),
        ([], "give the class counts in exactly one way"),
        (["--counts", "3,2", "--step", "k=2"], "--counts and --step"),
        (["--step", "k=4,ratio=10"], "--step also needs minority"),
        (["--step", "k=4,k=6"], "--step has k twice"),
        (["--zipf", "k=10,size=3"], "--zipf takes"),
        (["--zipf", "k=3.5,largest=9"], "at least 2 classes, got 3.5"),
        (["--counts", "3,2", "--form", "torus"], "--form must be one of etf, seli, "),
        (
            ["--counts", "3,2", "--form", "etf"],
            "etf does not speak of this problem: all counts must be equal",
        ),
        (
            ["--counts", "3,2", "--form", "squared", "--loss", "cdt"],
            "a loss of its own, leave out --loss",
        ),
        (
            ["--counts", "3,2", "--form", "regression"],
            "the form regression is of regression: give them by --targets FILE",
        ),
        (
            ["--counts", "3,2", "--compare", "--layers", "5", "--smoothing", "0.9"],
            "leave out --layers and --smoothing",
        ),
        (["--counts", "3,2", "--form", "squared", "--gamma", "0.5"], "leave out --gamma"),
        (["--form", "supports", "--targets", "a.npy", "--loss", "ldt"], "leave out --loss"),
        (
            ["--form", "regression", "--targets", "y.csv", "--csv", "--plot", "y.svg"],
            "CSV has a row a class, the form regression is of regression: leave out --csv",
        ),
        (["--counts", "3,2", "--targets", "y.csv"], "--targets is for a form that wants them"),
        (
            ["--counts", "3,2", "--ridge", "0.1", "--layers", "2"],
            "no closed form speaks of this problem",
        ),
        (["--counts", "3,2", "--gamma", "1"], "the loss cross-entropy has no gamma"),
        (["--counts", "3,2", "--loss", ""], "--loss is empty, as where a variable"),
        (["--counts", "3,2", "--loss", "cdt", "--gamma", "1e9"], "scale"),
        (["--counts", "3,2", "--loss", "cdt", "--gamma", "nan"], "exponent"),
        (["--counts", "3,2", "--compare", "--loss", "cdt"], "leave out --loss"),
        (["--counts", "3,2", "--plot", "a.txt"], ".svg, .png or .pdf"),
        (["--labels", "absent.npy"], "absent.npy"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_status_2(words, sentence, capsys):
    assert main(["predict", *words]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n"), err[:10]) == ("", 1, "lopsided: ")
    assert sentence.replace("--", "") in err.replace("--", "")


def test_labels_are_counted(tmp_path, capsys):
    np.save(tmp_path / "y.npy", [0, 0, 0, 1, 2, 2])
    assert answer(capsys, "--labels", str(tmp_path / "y.npy")) == answer(
        capsys, "--counts", "3,1,2"
    )


def test_files_that_hold_no_labels_are_refused_by_name(tmp_path, capsys):
    np.save(tmp_path / "rows.npy", np.eye(3, dtype=int))
    (tmp_path / "empty.npy").touch()
    (tmp_path / "text.npy").write_text("0 1 2")
    np.save(tmp_path / "objects.npy", np.array(["a", None], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "several.npz", a=[0, 1])
    words = {
        "rows.npy": "holds labels of shape (3, 3), where one a sample was expected",
        "empty.npy": "holds no npy data as labels",
        "text.npy": "holds no npy data as labels",
        "objects.npy": "holds pickled objects, which are not read",
        "several.npz": "must hold labels but lacks labels; it holds a",
    }
    for name, said in words.items():
        assert main(["predict", "--labels", str(tmp_path / name)]) == 2
        assert f"{name} {said}" in capsys.readouterr().err


@pytest.mark.parametrize("loss", ["cdt", "ldt", "vs"])
def test_scaled_losses_give_their_geometry(loss, capsys):
    counts = Counts([90, 90, 30, 10])
    gamma = {"gamma": 0.3} | ({"tau": 2.0} if loss == "vs" else {})
    wanted = predict.cross_entropy(counts, getattr(Adjustment, loss)(counts, **gamma))
    found = answer(
        capsys,
        "--counts",
        "90,90,30,10",
        "--loss",
        loss,
        *(f"--{name}={value}" for name, value in gamma.items()),
    )
    assert [group["classifier_squared_norm"] for group in found["groups"]] == pytest.approx(
        wanted.classifiers.squared_norms()[[0, 2, 3]]
    )
    assert found["embeddings"]["cosines"][0] == pytest.approx(
        wanted.embeddings.cosine(0, [1, 2, 3])
    )
    assert found["classifiers"]["cosines"][2][2] is None
    assert found["source"]["name"].startswith(loss.upper())


@pytest.mark.parametrize("loss", ["weighted", "logit-adjusted", "ldam"])
def test_losses_without_scales_lead_to_seli_and_say_so(loss, capsys):
    plain, other = (
        answer(capsys, "--counts", "9,3,3"),
        answer(capsys, "--counts", "9,3,3", "--loss", loss),
    )
    np.testing.assert_allclose(
        other["embeddings"]["cosines"][0][1], plain["embeddings"]["cosines"][0][1]
    )
    assert "no effect" in other["source"]["assumptions"]


#: Form -> what it is asked with.
ASKED = {
    "etf": ["--counts", "9,9,9"],
    "seli": ["--counts", "9,8,7,6,5,4,3,2"],
    "free-bias": ["--counts", "7,3"],
    "non-negative": ["--counts", "10,10,1"],
    "balanced": ["--counts", "9,9,9", "--ridge", "0.3"],
    "smoothed": ["--counts", "9,9,9", "--ridge", "0.3", "--smoothing", "0.1"],
    "squared": ["--counts", "9,9,3,3", "--ridge", "0.3", "--layers", "2"],
    "cross-entropy": ["--counts", "100,100,1,1", "--loss", "cdt"],
    "regression": ["--ridge", "0.5"],
    "supports": [],
    "label-sets": ["--ridge", "0.5"],
}
TABLES = {
    "regression": "1,0.5\n-1,0.5\n3,-2\n0,1\n",
    "supports": "1,1,0,0\n1,0,1,0\n1,0,0,1\n0,1,1,0\n0,1,0,1\n0,0,1,1\n",
    "label-sets": "1,0,0\n0,1,0\n0,0,1\n1,1,0\n0,1,1\n1,0,1\n",
}


@pytest.mark.parametrize("form", predict.FORMS)
def test_every_form_is_predicted_by_name_and_drawn(form, capsys, tmp_path):
    asked = ["--form", form, *ASKED.get(form, ["--counts", "9,9,3,3"])]
    if form in TABLES:
        (tmp_path / "y.csv").write_text(TABLES[form])
        asked += ["--targets", str(tmp_path / "y.csv")]
    assert answer(capsys, *asked)["source"]["reference"]
    assert main(["predict", *asked, "--plot", str(tmp_path / "a.svg")]) == 0
    assert (tmp_path / "a.svg").read_text().startswith("<?xml")
    out = capsys.readouterr().out
    assert "…" not in out
    assert max(map(len, out.splitlines())) <= 100


def test_a_regression_is_told_by_outputs_and_directions(capsys, tmp_path):
    np.save(tmp_path / "y.npy", np.array([[3.0, 0], [-3, 0], [0, 1], [0, -1]]))
    words = ("--form", "regression", "--targets", str(tmp_path / "y.npy"), "--ridge", "0.5")
    found = answer(capsys, *words)
    assert found["source"]["assumptions"].endswith("free bias")
    assert answer(capsys, *words, "--bias", "none")["source"]["assumptions"].endswith("no bias")
    assert found["classifiers"]["squared_norms"] == pytest.approx([18**0.5 - 0.5, 2**0.5 - 0.5])
    assert found["directions"] == pytest.approx([18**0.5 - 0.5, 2**0.5 - 0.5])
    assert found["embeddings"]["number"] == 4


def test_embeddings_of_several_labels_are_told_with_their_labels(capsys, tmp_path):
    (tmp_path / "y.csv").write_text(TABLES["label-sets"])
    words = ("--form", "label-sets", "--targets", str(tmp_path / "y.csv"), "--ridge", "0.5")
    found = answer(capsys, *words)["embeddings"]
    seen = LabelSets.of(np.loadtxt(tmp_path / "y.csv", delimiter=","))
    assert found["sets"] == [list(labels) for labels in seen.sets]
    squares = predict.label_sets(3, {1: 1, 2: 1}, 0.5).embeddings.squared_norms()
    alone = [len(labels) == 1 for labels in found["sets"]]
    assert found["squared_norms"] == pytest.approx(np.where(alone, squares[0], squares[-1]))


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ("label-sets", {"label", "label set", "1+2"}),
        ("supports", {"token", "context"}),
        ("regression", {"output", "sample"}),
    ],
)
def test_a_picture_says_what_is_no_class(form, told, tmp_path):
    (tmp_path / "y.csv").write_text(TABLES[form])
    words = ["predict", "--form", form, *ASKED[form], "--targets", str(tmp_path / "y.csv")]
    assert main([*words, "--plot", str(tmp_path / "a.svg")]) == 0
    texts = set(re.findall("<!-- (.*) -->", (tmp_path / "a.svg").read_text()))
    assert told <= texts
    assert "class" not in texts


def test_a_ridge_without_a_form_is_foreseen(capsys):
    found = answer(capsys, "--counts", "9,9,3,3", "--ridge", "0.1")
    assert found["source"]["name"] == "UFM optimum"
    assert (
        answer(capsys, "--counts", "9,9,9", "--ridge", "0.1")["source"]["name"]
        == "balanced, ridge 0.1"
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1,a\n", "has 'a' in line 1"),
        ("", "holds no numbers"),
        ("0.5,0,1\n", "0 and 1"),
        ("nan,1\n", "0 and 1"),
    ],
)
def test_targets_that_are_no_table_are_refused(text, words, capsys, tmp_path):
    (tmp_path / "y.csv").write_text(text)
    assert (
        main(
            [
                "predict",
                "--form",
                "label-sets",
                "--ridge",
                "1",
                "--targets",
                str(tmp_path / "y.csv"),
            ]
        )
        == 2
    )
    assert words in capsys.readouterr().err


def test_losses_side_by_side(capsys):
    counts = Counts([50, 50, 5, 5])
    found = answer(capsys, "--counts", "50,50,5,5", "--compare", "--gamma", "0.5")
    rows = {row["loss"]: row for row in found["losses"]}
    assert len(rows) == 8
    assert rows["LDT, γ=0.5"]["distance_to_etf"]["classifiers"] < 1e-12
    assert rows["CDT, γ=0.5"]["minority_alignment"] == pytest.approx(1)
    wanted = predict.seli(counts).distance(predict.etf(4))
    for loss in ("cross-entropy", "weighted", "effective-number", "logit-adjusted, τ=1", "LDAM"):
        assert rows[loss]["distance_to_etf"] == pytest.approx(wanted._asdict())


@pytest.mark.parametrize(
    "words",
    [
        ["--counts", "9007199254740992,9007199254740991,3,2,1"],
        ["--exponential", "k=100,largest=500,ratio=100"],
        [
            "--zipf",
            "k=1000,largest=1000000000",
            "--loss",
            "vs",
            "--gamma",
            "0.123456",
            "--tau",
            "1.23456",
        ],
        [
            "--zipf",
            "k=1000,largest=1000000000",
            "--compare",
            "--gamma",
            "0.123456",
            "--tau",
            "1.23456",
        ],
        ["--step", "k=100000,ratio=1000,minority=5", "--compare"],
    ],
)
def test_no_number_is_cut_in_80_columns(words, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    assert main(["predict", *words]) == 0
    out = capsys.readouterr().out
    assert "…" not in out
    assert max(len(line) for line in out.splitlines()) <= 80


def test_many_groups_are_shown_by_their_largest_middle_and_smallest(capsys):
    assert main(["predict", "--exponential", "k=100,largest=500,ratio=100"]) == 0
    table = capsys.readouterr().out.split("cosines of")[0]
    assert table.count("⋮") == 2
    assert [
        int(line.split()[0])
        for line in table.splitlines()
        if line.split() and line.split()[0].isdigit()
    ][::8] == [500, 5]


def test_a_comparison_of_too_many_groups_says_why_it_has_no_distances(capsys):
    assert main(["predict", "--counts", ",".join(map(str, range(1, 4100))), "--compare"]) == 0
    assert "no distances: 4099 distinct counts" in capsys.readouterr().out


def test_it_costs_little_more_than_its_imports_and_takes_neither_torch_nor_matplotlib():
    code = (
        "import sys; from lopsided.cli import main; main(sys.argv[1:]);print([m for m in ('torch',"
        " 'matplotlib', 'lopsided.plot') if m in sys.modules], file=sys.stderr)"
    )

    # Modules are compiled once, as where the library is installed.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}

    def processor_time(*words: str) -> float:
        # A busy machine takes more of it too, of both alike.
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            [sys.executable, "-c", *words], capture_output=True, check=True, env=environment
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert done.stderr.strip() in (b"", b"[]")
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    imports = processor_time("import numpy, tyro, rich.table")
    assert min(processor_time(code, *PAPER) for _ in range(2)) < 3 * imports


def test_a_free_bias_has_its_own_prediction(capsys):
    found = answer(capsys, "--counts", "50,50,5,5", "--bias", "free")
    expected = predict.cross_entropy(Counts([50, 50, 5, 5]), bias="free")
    assert found["source"]["name"] == "cross-entropy, free bias"
    assert found["groups"][0]["classifier_squared_norm"] == pytest.approx(
        expected.classifiers.squared_norms()[0]
    )
    assert main(["predict", "--counts", "50,50,5,5", "--bias", "free", "--form", "etf"]) == 2
    assert "bias" in capsys.readouterr().err


@pytest.mark.parametrize("options", [[], ["--form", "seli"], ["--loss", "cdt"]])
def test_a_bias_with_a_ridge_is_told_to_vanish_in_the_limit(options, capsys):
    assert main(["predict", "--counts", "50,5,5", "--bias", "0.5", "--json", *options]) == 0
    told = capsys.readouterr().out
    assert "a bias with a fixed ridge of 0.5, which vanishes beside the logits" in told
    assert "no bias" not in told
