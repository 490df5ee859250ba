"""lopsided measure, as its user types it."""

import json
import shlex
from pathlib import Path

import numpy as np
import pytest

from lopsided import Adjustment, Counts, Problem, measure, predict, solve
from lopsided.cli import main


@pytest.fixture
def network(tmp_path):
    """Features near the SELI geometry of 40, 40, 4, 4 samples."""
    counts = Counts([40, 40, 4, 4])
    W, M = predict.seli(counts).vectors(6, 0)
    labels = np.repeat(np.arange(4), counts.values)
    features = M[labels] + 0.01 * np.random.default_rng(0).standard_normal((len(labels), 6))
    np.savez(tmp_path / "<b>net.npz", features=features, labels=labels, weight=W, bias=np.zeros(4))
    return tmp_path / "<b>net.npz"


def test_the_json_says_that_seli_fits(network, capsys):
    assert main(["measure", str(network), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (
        result["distances"]["SELI"]["classifiers"]
        < 1e-6
        < 0.1
        < result["distances"]["ETF"]["classifiers"]
    )
    assert "SELI explains both best" in result["verdict"]
    assert result["metrics"]["nc4"] == 1
    assert "vci" in result["undefined"]


def test_the_table_the_page_and_the_figures(network, tmp_path, capsys):
    arguments = [
        "measure",
        str(network),
        "--passes",
        "1",
        "--report",
        str(tmp_path / "r.html"),
        "--plot",
        str(tmp_path / "f.svg"),
    ]
    assert main(arguments) == 0
    assert "NC1" in capsys.readouterr().out
    page = (tmp_path / "r.html").read_text()
    assert page.count("<svg") == 7
    assert "&lt;b&gt;net" in page
    assert "<b>net" not in page
    assert "http" not in page.replace("http://www.w3.org", "").replace(
        "https://matplotlib", ""
    ).replace("http://purl.org", "").replace("http://creativecommons.org", "")
    assert (tmp_path / "f.svg").read_text().startswith("<?xml")


def test_a_ridge_adds_the_certified_optimum_and_the_gap_to_it(network, capsys):
    assert main(["measure", str(network), "--ridge", "0.1", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert 0 < result["ufm_gap"] < 1
    assert 0 < result["distances"]["UFM, ridge 0.1"]["classifiers"] < 0.5


@pytest.mark.parametrize("numbers", [[40, 40, 4, 4], [40, 20, 9, 4]])
def test_law_and_single_classes_are_told_apart_where_two_counts_are_equal(
    numbers, tmp_path, capsys
):
    counts, rng = Counts(numbers), np.random.default_rng(0)
    W, M = predict.seli(counts).vectors(6, 0)
    labels = np.repeat(np.arange(4), counts.values)
    path, page = tmp_path / "net.npz", tmp_path / "net.html"
    np.savez(path, features=M[labels], labels=labels, weight=W + 0.3 * rng.normal(size=W.shape))
    assert main(["measure", str(path), "--report", str(page)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    equal = len(set(numbers)) < 4
    for text in (said, " ".join(page.read_text().split())):
        assert ("of single classes" in text) == equal
        assert ("o two classes have equal counts" in text) != equal


def test_at_ridge_0_there_is_a_limit_to_compare_with_and_no_gap(network, capsys):
    assert main(["measure", str(network), "--ridge", "0", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["distances"]["UFM, ridge 0"] == pytest.approx(result["distances"]["SELI"])
    assert "ufm_gap" not in result
    assert main(["measure", str(network), "--ridge", "0"]) == 0
    assert "At ridge" not in capsys.readouterr().out


@pytest.mark.parametrize("loss", ["cross-entropy", "weighted", "logit-adjusted"])
def test_at_a_ridge_a_network_at_the_optimum_of_its_loss_is_there(loss, tmp_path, capsys):
    counts = Counts([40, 40, 5, 5])
    problem = Problem(counts, Adjustment.named(loss, counts), ridge=0.5)
    optimum, labels = solve.minimize(problem), np.arange(4).repeat(counts.values)
    path = tmp_path / "there.npz"
    np.savez(path, features=optimum.M[labels], labels=labels, weight=optimum.W)
    line = ["measure", str(path), "--ridge", "0.5", "--loss", loss]
    assert main([*line, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["ufm_gap"] < 1e-8
    assert max(result["distances"]["UFM, ridge 0.5"].values()) < 1e-6
    assert main(line) == 0
    named = "plain cross-entropy" if loss == "cross-entropy" else f"the {loss} loss"
    assert f"At ridge 0.5 the optimum of {named} is at most 0.000% below" in " ".join(
        capsys.readouterr().out.split()
    )


def test_training_counts_may_differ_from_the_samples_measured(network, capsys):
    assert main(["measure", str(network), "--counts", "400,400,1,1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["counts"] == [400, 400, 1, 1]


@pytest.fixture
def balanced(tmp_path):
    """A balanced set of a network that was trained on 40, 40, 4, 4 samples."""
    W, M = predict.seli(Counts([40, 40, 4, 4])).vectors(6, 0)
    labels = np.arange(40) % 4
    features = M[labels] + 0.01 * np.random.default_rng(0).standard_normal((40, 6))
    np.savez(tmp_path / "net.npz", features=features, labels=labels, weight=W)
    return str(tmp_path / "net.npz")


def test_without_training_counts_a_balanced_set_is_not_told_of_seli(balanced, tmp_path, capsys):
    assert (
        main(
            [
                "measure",
                balanced,
                "--json",
                "--report",
                str(tmp_path / "r.html"),
                "--plot",
                str(tmp_path / "f.svg"),
            ]
        )
        == 0
    )
    result = json.loads(capsys.readouterr().out)
    assert list(result["distances"]) == ["ETF"]
    assert not result["counts_given"]
    assert (
        "No training counts were given, and the samples measured are balanced" in result["verdict"]
    )
    page = (tmp_path / "r.html").read_text()
    assert ">SELI<" not in page
    assert "training samples</th>" not in page
    assert main(["measure", balanced, "--ridge", "0.1"]) == 2
    assert "give --counts" in capsys.readouterr().err
    assert main(["measure", balanced, "--counts", "40,40,4,4", "--json"]) == 0
    assert "SELI explains both best" in json.loads(capsys.readouterr().out)["verdict"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nothing.npz"], "there is no file or folder nothing.npz"),
        (["model.pt"], "there is no file or folder model.pt"),
        (["NET", "--counts", "1,2,3"], "counts are of 3 classes, the samples of 4"),
        (["NET", "--processes", "0"], "an engine is a number of processes"),
        (["NET", "--processes", "2", "--scheduler", "tcp://host:8786"], "not by both"),
        (["NET", "--scheduler", "no.json"], "an existing FILE.json of one"),
    ],
)
def test_input_that_cannot_be_used_is_one_sentence_and_status_2(arguments, words, network, capsys):
    assert main(["measure", *(str(network) if word == "NET" else word for word in arguments)]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert "Traceback" not in error


def test_features_without_a_head_are_measured_and_predictions_ask_for_one(tmp_path, capsys):
    rng = np.random.default_rng(0)
    np.save(tmp_path / "features.npy", rng.standard_normal((50, 3)))
    np.save(tmp_path / "labels.npy", np.arange(50) % 4)
    assert main(["measure", str(tmp_path / "features.npy"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["metrics"]["nc1"] > 0
    assert main(["measure", str(tmp_path / "features.npy")]) == 0
    assert "No head was found" in capsys.readouterr().out
    assert (
        main(["measure", str(tmp_path / "features.npy"), "--report", str(tmp_path / "r.html")]) == 2
    )
    assert "give the head's weight" in capsys.readouterr().err


@pytest.fixture
def two_sets(tmp_path):
    """A head that answers the majority too often, its training samples and others."""
    rng, counts = np.random.default_rng(0), np.array([200, 200, 10, 10])
    means = 1.5 * np.eye(4, 6)
    for name, n in (("train", counts), ("val", counts // 5)):
        labels = np.repeat(np.arange(4), n)
        arrays = {"features": means[labels] + rng.standard_normal((len(labels), 6))}
        if name == "train":
            arrays |= {"weight": np.eye(4, 6), "bias": np.log(counts / counts.sum())}
        np.savez(tmp_path / f"{name}.npz", labels=labels, **arrays)
    return str(tmp_path / "train.npz"), str(tmp_path / "val.npz")


def test_held_out_samples_end_in_the_diagnosis(two_sets, tmp_path, capsys, monkeypatch):
    train, val = two_sets
    assert main(["measure", train, "--held-out", val]) == 0
    told = capsys.readouterr().out
    said = " ".join(told.split())
    monkeypatch.chdir(tmp_path)
    command = shlex.split(told.split("The corrected head in a file: ")[1])
    assert main(command[1:]) == 0
    assert (tmp_path / "head.safetensors").exists()
    capsys.readouterr()
    first, cause, geometry = (
        said.index(title) for title in ("What it answers.", "Cause and remedy.", "Geometry.")
    )
    assert first < cause < geometry
    assert "84 held-out samples" in said
    assert "Cause: head" in said
    arrays = dict(np.load(train))
    np.save(tmp_path / "x.features.npy", arrays["features"])
    np.save(tmp_path / "y.npy", arrays["labels"])
    words = [str(tmp_path / "x.features.npy"), "--labels", str(tmp_path / "y.npy"), "--head", train]
    assert main(["measure", *words, "--held-out", val]) == 0
    assert "in a file" not in capsys.readouterr().out  # which steer could not repeat
    assert main(["measure", train, "--held-out", val, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["diagnosis"]
    assert sum(told["held_out"]["answered"]) == told["held_out"]["n"] == 84
    assert told["prescription"]["worth"]["low"] < told["prescription"]["worth"]["expected"]
    assert told["sections"]["Geometry"] in said
    assert main(["measure", train, "--counts", "cat=200,dog=200,newt=10,ibex=10"]) == 0
    assert "Worst is class ibex (right in 0 of 10)." in " ".join(capsys.readouterr().out.split())


def test_labels_to_leave_out_are_no_training_samples_either(tmp_path, capsys):
    labels = np.array([0, 0, 1, 1, -100])
    np.savez(tmp_path / "a.npz", features=np.arange(10.0).reshape(5, 2) ** 2, labels=labels)
    np.save(tmp_path / "y.npy", np.repeat(labels, [4, 3, 1, 1, 9]))
    words = ["measure", str(tmp_path / "a.npz"), "--training-labels", str(tmp_path / "y.npy")]
    assert main([*words, "--ignore", "-100", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["counts"] == [7, 2]
    np.save(tmp_path / "y.npy", np.repeat(labels % 3, [4, 3, 1, 1, 9]))
    for out, counts in (("0", [2]), ("1", [7])):  # a class of the head was trained
        np.savez(tmp_path / "a.npz", features=np.eye(5, 2), labels=labels % 3, weight=np.eye(3, 2))
        assert main([*words, "--ignore", out, "--seen", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["counts"] == [*counts, 9]


def test_the_command_for_the_head_leaves_out_what_the_measurement_does(
    two_sets, tmp_path, capsys, monkeypatch
):
    """A file of the samples without these has the same head."""
    monkeypatch.chdir(tmp_path)
    heads = []
    for marks in ([], [-100], [-100, 255]):
        names = []
        for path in two_sets:
            arrays = dict(np.load(path))
            more = 100.0 + np.arange(len(marks))[:, None] + arrays["features"][: len(marks)]
            arrays["features"] = np.concatenate([more, arrays["features"]])
            arrays["labels"] = np.concatenate([np.array(marks, np.int64), arrays["labels"]])
            names.append(str(tmp_path / f"{len(marks)}-{Path(path).name}"))
            np.savez(names[-1], **arrays)
        left = ["--ignore", *map(str, marks)] if marks else []
        assert main(["measure", names[0], "--held-out", names[1], *left]) == 0
        command = shlex.split(capsys.readouterr().out.split("The corrected head in a file: ")[1])
        assert main(command[1:]) == 0
        heads.append((tmp_path / command[-1]).read_bytes())
    assert heads[0] == heads[1] == heads[2]
    capsys.readouterr()
    words = ["steer", "--features", names[0], "--held-out", names[1]]
    assert main([*words, "--ignore", "-100", "255", "0"]) == 2  # the head answers it
    assert "--ignore leaves out class 0" in capsys.readouterr().err
    assert main(["steer", "--counts", "5,5", "--ignore", "-100"]) == 2
    assert "--ignore goes with --features" in capsys.readouterr().err


def test_files_without_a_class_are_diagnosed_as_a_model_and_its_samples_are(
    two_sets, tmp_path, capsys
):
    torch = pytest.importorskip("torch")
    train, val = (dict(np.load(file)) for file in two_sets)
    seen = train["labels"] != 2
    train |= {name: train[name][seen] for name in ("features", "labels")}
    np.savez(tmp_path / "train.npz", **train)
    counts = {"cat": 200, "dog": 200, "newt": 12, "ibex": 10}
    told = ",".join(f"{name}={count}" for name, count in counts.items())
    files = ["measure", *two_sets[:1], "--held-out", two_sets[1], "--seen", "--json"]
    assert main([*files, "--counts", told]) == 0
    found = json.loads(capsys.readouterr().out)["diagnosis"]
    head = torch.nn.Linear(6, 4).double()
    head.load_state_dict({name: torch.tensor(train[name]) for name in ("weight", "bias")})
    loaders = [
        [(torch.tensor(part["features"]), torch.tensor(part["labels"]))] for part in (train, val)
    ]
    expected = measure.diagnose(
        head, loaders[0], counts, held_out=loaders[1], classes="seen", show_progress=False
    )
    assert found["sections"] == expected.sections
    assert "class newt has no training samples" in found["sections"]["Cause and remedy"]
    assert main(files) == 0
    said = json.loads(capsys.readouterr().out)["diagnosis"]["sections"]["Cause and remedy"]
    assert said == "What to do is not known: there are no training samples of class 2; give counts."


def test_one_set_says_that_the_other_is_missing(network, capsys):
    assert main(["measure", str(network)]) == 0
    assert "No held-out samples were given" in " ".join(capsys.readouterr().out.split())


def test_held_out_samples_that_do_not_fit_are_refused(two_sets, tmp_path, capsys):
    train, val = two_sets
    np.savez(tmp_path / "narrow.npz", features=np.ones((4, 3)), labels=np.arange(4))
    assert main(["measure", train, "--held-out", str(tmp_path / "narrow.npz")]) == 2
    assert "must have the 6 dimensions" in capsys.readouterr().err
    assert main(["measure", val, "--held-out", train]) == 2
    assert "give its weight, with the features or by --head" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["measure", "steer", "measure --ood"])
def test_samples_of_another_network_are_refused_unless_the_head_is_named(
    verb, two_sets, tmp_path, capsys
):
    train, val = two_sets
    head = {name: np.load(train)[name] for name in ("weight", "bias")}
    np.savez(tmp_path / "head.npz", **head)
    np.savez(tmp_path / "same.npz", **np.load(val), **head)
    np.savez(tmp_path / "other.npz", **np.load(val), **(head | {"weight": -head["weight"]}))
    words = ["steer", "--features", train] if verb == "steer" else ["measure", train]
    words += ["--ood" if verb.endswith("ood") else "--held-out"]
    assert main([*words, str(tmp_path / "same.npz")]) == 0
    assert main([*words, str(tmp_path / "other.npz")]) == 2
    assert "other.npz hold different heads, so their features are of" in capsys.readouterr().err
    assert main([*words, str(tmp_path / "other.npz"), "--head", str(tmp_path / "head.npz")]) == 0


def test_samples_are_not_told_apart_from_themselves(two_sets, tmp_path, capsys):
    train, val = two_sets
    (tmp_path / "link.npz").symlink_to(val)
    for given, words in (
        ([train, "--ood", train], "is among the training samples and those of another"),
        ([train, "--held-out", val, "--ood", train], "is among the training samples and those"),
        ([train, "--held-out", val, "--ood", str(tmp_path / "link.npz")], "among the held-out"),
    ):
        assert main(["measure", *given]) == 2
        assert words in capsys.readouterr().err


def test_samples_of_another_distribution_are_told_apart(network, tmp_path, capsys):
    rng = np.random.default_rng(1)
    np.savez(tmp_path / "other.npz", features=rng.standard_normal((30, 6)))
    words = ["measure", str(network), "--ood", str(tmp_path / "other.npz")]
    assert main([*words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["ood"]
    assert (told["n"], told["inside"], len(told["scores"]["NCI"]["rejected"])) == (
        30,
        "training",
        4,
    )
    assert told["scores"]["NECO"]["auroc"] > 0.99  # the network has collapsed
    page = tmp_path / "r.html"
    assert main([*words, "--report", str(page)]) == 0
    assert "30 samples of another distribution" in capsys.readouterr().out
    assert "Samples of another distribution" in page.read_text()
    np.savez(tmp_path / "narrow.npz", features=np.ones((3, 5)))
    np.savez(tmp_path / "bare.npz", features=np.eye(4), labels=[0, 0, 1, 1])
    for wrong, said in (
        ([*words[:3], str(tmp_path / "narrow.npz")], "must have the 6 dimensions"),
        ([*words[:3], str(tmp_path / "none.npz")], "there is no file"),
        ([*words, "--csv"], "--csv is a row a class: of --ood"),
        ([*words[:2], "--csv", "--held-out", words[1]], "of --held-out take --json"),
        ([*words[:2], "--csv", "--ridge", "1"], "of --ridge take --json"),
        ([*words[:2], "--csv", "--loss", "weighted"], "of --loss take --json"),
        (["measure", str(tmp_path / "bare.npz"), "--loss", "weighted"], "give its weight"),
    ):
        assert main(wrong) == 2
        assert said in capsys.readouterr().err
