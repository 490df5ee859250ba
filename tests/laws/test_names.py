"""Names of classes reach whatever a verb shows: given names, output holds them and not the bare
numbers of classes."""

import json
import re
import shutil

import numpy as np
import pytest

from lopsided import Counts, Problem, measure, plot, predict, solve, steer
from lopsided.cli import main
from lopsided.report import explorer

#: Neither brackets nor a word between colons is markup.
NAMES = ["cat", "hot :dog:", "[eel]"]
COUNTS = "cat=50,hot :dog:=20,[eel]=5"
#: Verb -> a line of the command line whose table tells of every class.
VERBS = {
    "predict": ["predict"],
    "solve": ["solve", "--ridge", "0.001"],
    "steer": ["steer", "--family", "cdt"],
    "measure": ["measure"],
}


@pytest.fixture
def features(tmp_path):
    """A network of which the rarest class has merged with another and is scattered."""
    W, M = predict.seli(Counts.of(COUNTS)).vectors(4, 0)
    W[2] = W[1]
    labels = np.repeat(np.arange(3), 9)
    scatter = 0.5 * np.linalg.norm(M, axis=1)[labels, None] * (labels == 2)[:, None]
    noise = np.random.default_rng(0).standard_normal((27, 4))
    path = tmp_path / "features.npz"
    np.savez(path, features=M[labels] + scatter * noise, labels=labels, weight=W)
    return path


def said(capsys, verb, features, *more):
    line = [*VERBS[verb], *([str(features)] if verb == "measure" else [])]
    assert main([*line, "--counts", COUNTS, *more]) == 0
    return capsys.readouterr().out


def strings(value):
    """All texts of plain data."""
    if isinstance(value, str):
        return {value}
    values = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return set().union(*map(strings, values))


@pytest.mark.parametrize("verb", VERBS)
def test_given_names_tables_and_json_hold_them(verb, features, capsys):
    table = said(capsys, verb, features)
    named = ["hot :dog:", "[eel]"] if verb == "measure" else NAMES  # its verdict tells of those
    assert all(name in re.sub(r"\s+", " ", table) for name in named)
    assert not re.search(r"\bclass(es)? [0-9]", table)
    assert set(NAMES) <= strings(json.loads(said(capsys, verb, features, "--json")))


#: What would be tags, or the escapes of tags, if tables took names for markup.
TAGS = ["[/]", "[red]b", "\\[c\\"]


@pytest.mark.parametrize("verb", ["predict", "solve", "steer"])
def test_names_that_look_like_markup_are_printed_as_they_are(verb, capsys):
    counts = ",".join(f"{name}={n}" for name, n in zip(TAGS, (50, 20, 5), strict=True))
    assert main([*VERBS[verb], "--counts", counts]) == 0
    assert set(TAGS) <= set(capsys.readouterr().out.split())


@pytest.mark.parametrize("order", range(3))
def test_the_class_that_is_taken_for_strangers_most_is_called_by_its_name(order, features, capsys):
    names = np.roll(TAGS, order)
    counts = ",".join(f"{name}={n}" for name, n in zip(names, (50, 20, 5), strict=True))
    others = features.with_name("others.npz")
    shutil.copy(features, others)
    line = ["measure", str(features), "--ood", str(others), "--counts", counts]
    assert main([*line, "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)["ood"]["scores"]
    assert main(line) == 0
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    for score, figures in scores.items():
        (told,) = (row.split()[-2] for row in lines if re.match(rf"{score} +[0-9]", row))
        shares = dict(zip(names.tolist(), figures["rejected"], strict=True))
        assert shares[told] == max(shares.values())


def test_a_comparison_and_a_path_hold_names(features, capsys):
    assert main(["predict", "--counts", COUNTS, "--compare"]) == 0
    assert "cat (50 samples) over [eel] (5)" in capsys.readouterr().out
    assert main(["solve", "--counts", COUNTS, "--path", "--json"]) == 0
    assert set(NAMES) <= strings(json.loads(capsys.readouterr().out))


def test_pages_and_pictures_hold_names(features, capsys, tmp_path):
    page, picture = tmp_path / "page.html", tmp_path / "picture.svg"
    said(capsys, "measure", features, "--report", str(page), "--plot", str(picture))
    text = page.read_text()
    assert all(f'<th scope="row">{name}</th>' in text for name in NAMES)
    assert all(f">{name}</text>" in text for name in NAMES)
    assert not re.search(r">class(es)? [0-9]", text)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "class,samples\ncat,50\nhot :dog:,20\n[eel],5\n"),
        ("a.txt", "cat;50\nhot :dog:;20\n[eel];5\n"),
        ("a.json", '{"cat": 50, "hot :dog:": 20, "[eel]": 5}'),
    ],
)
def test_a_file_of_counts_holds_names_too(name, content, tmp_path, capsys):
    path = tmp_path / name
    path.write_text(content)
    assert main(["predict", "--counts", str(path), "--json"]) == 0
    groups = json.loads(capsys.readouterr().out)["groups"]
    assert [(group["names"], group["count"]) for group in groups] == [
        ([name], count) for name, count in zip(NAMES, (50, 20, 5), strict=True)
    ]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("cat,50\ncat,20\n", "has the class 'cat' 2 times"),
        ("cat,50\n20\n", "has 1 cells in line 2"),
        ("cat,50\ndog,few\n", "has 'few' in line 2 where a count was expected"),
        ("cat,NA\ndog,20\neel,5\n", "has 'NA' in line 1 where a count was expected"),
        ("y,count\ncat,50\ndog,20\n,3\n", "has no name in line 4"),  # missing labels, by pandas
        ("cat,\ndog,20\neel,5\n", "has '' in line 1 where a count was expected"),
        ("cat,.\ndog,20\neel,5\n", "has '.' in line 1 where a count was expected"),
        ("cat,\u2014\ndog,20\neel,5\n", "has '\u2014' in line 1 where a count was expected"),
        ("cat,(null)\ndog,20\neel,5\n", "has '(null)' in line 1 where a count was expected"),
        ("cat,#REF!\ndog,20\neel,5\n", "has '#REF!' in line 1 where a count was expected"),
        ("cat,unknown\ndog,20\neel,5\n", "has 'unknown' in line 1 where a count was expected"),
        ("nan\n20\n5\n", "got nan for class 0"),
        ("0.0,5\n1.0,20\n", "classes as texts must be all whole numbers from 0 or all names"),
        ("", "at least 2"),
    ],
)
def test_a_file_that_names_no_counts_is_refused(content, sentence, tmp_path, capsys):
    path = tmp_path / "a.csv"
    path.write_text(content)
    assert main(["predict", "--counts", str(path)]) == 2
    assert sentence in capsys.readouterr().err


def test_text_that_names_no_counts_is_refused():
    missing = "cat=50 dog=5", "cat=50 dog=5, eel=3", "cat= 5e1\tdog=5, eel=3"
    for text in ("cat=50,dog", "=5,dog=3", "cat=5 6,dog=3", "cat=50,cat=20", *missing):
        with pytest.raises(ValueError, match=r"name=number|comes twice"):
            Counts.of(text)


@pytest.mark.parametrize("around", ["", "{}", "[]", "()"])
@pytest.mark.parametrize("name", ["x", "{x}", "[x]", "(x)", "x}", "{x"])
def test_brackets_around_all_counts_are_no_part_of_a_name_and_others_are(name, around):
    for names in ([name, "b"], ["b", name]):
        text = ", ".join(f"{each}={n}" for each, n in zip(names, (5, 3), strict=True))
        text = f"{around[:1]}{text}{around[1:]}"
        assert Counts.of(text).names == tuple(names)


def test_a_name_may_hold_an_equals_sign():
    assert Counts.of("x=y=50, a=5b c=20, T=300 = 5").names == ("x=y", "a=5b c", "T=300")


def test_names_that_speak_to_terminals_or_browsers_are_words(features, capsys, tmp_path):
    evil = "\x1b[31m<b>$x^2$=50,\u200fb\u202e=20,c=5"
    page = tmp_path / "page.html"
    line = ["measure", str(features), "--counts", evil, "--report", str(page)]
    assert main(line) == 0
    told, written = capsys.readouterr().out, page.read_text()
    assert "<b>" not in written
    for text in (told, written, Counts.of(evil)._repr_html_()):
        assert r"\u200fb\u202e" in text
        assert all(sign.isprintable() or sign == "\n" for sign in text)


BY_LABEL = Counts.of(COUNTS)
#: As pandas counts labels: the largest first. Named, but of the same classes.
BY_SIZE = Counts([20, 50, 5], ["hot :dog:", "cat", "[eel]"])
SGD = solve.Optimizer("descent", 0.1)


def network():
    W, M = predict.seli(BY_LABEL).vectors()
    moments = measure.Moments(3, M.shape[1])
    moments.update(np.repeat(M, 2, axis=0), np.repeat(np.arange(3), 2))
    return measure.Collapse.of(moments, W, counts=BY_LABEL)


#: Who compares classes of BY_LABEL with those of a law.
COMPARED = {
    "distance": lambda law: predict.seli(BY_LABEL).distance(law),
    "the verdict": lambda law: network().verdict({"law": law}),
    "splits": lambda law: network().splits({"law": law}),
    "scalars": lambda law: network().scalars({"law": law}),
    "bars": lambda law: plot.distances(predict.seli(BY_LABEL), {"law": law}),
    "a match": lambda law: solve.match(Problem(BY_LABEL, ridge=1.0), law, points=9),
    "a path": lambda law: solve.train(Problem(BY_LABEL, ridge=1.0), SGD, 2, reference=law),
    "an explorer": lambda law: explorer.page(BY_LABEL, {"law": law}),
    "a design": lambda law: steer.design(BY_LABEL, law),
}


@pytest.mark.parametrize("who", COMPARED)
def test_named_classes_in_another_order_are_not_compared_number_by_number(who):
    law = predict.seli(BY_SIZE)
    with pytest.raises(ValueError, match="another order: class 0 is 'hot :dog:' there and 'cat'"):
        COMPARED[who](law)
    COMPARED[who](law.take([1, 0, 2]))
    COMPARED[who](predict.seli(Counts(BY_SIZE.values)))  # whose classes nobody named
