"""Forms of what goes in and comes out of the command line: standard input and files, JSON and
CSV."""

import csv
import io
import json
import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from lopsided import Counts, predict
from lopsided.adjustment import EXPONENTS
from lopsided.cli import main

SCHEMA = json.loads((Path(__file__).parents[2] / "docs/schema.json").read_text())
KINDS = {
    "null": (type(None),),
    "number": (int, float),
    "integer": (int,),
    "string": (str,),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}


def said(capsys, *words):
    assert main(list(words)) == 0
    return capsys.readouterr().out


def rows(capsys, *words):
    return list(csv.DictReader(io.StringIO(said(capsys, *words, "--csv"))))


def require_fit(value, schema, where="answer"):
    """The part of JSON Schema that ours is written in."""
    assert value == schema.get("const", value), where
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    assert not kinds or isinstance(value, sum((KINDS[kind] for kind in kinds), ())), where
    if isinstance(value, dict):
        assert set(schema.get("required", ())) <= set(value), where
        for name, part in schema.get("properties", {}).items():
            if name in value:
                require_fit(value[name], part, f"{where}.{name}")
    if isinstance(value, list) and "items" in schema:
        for part in value:
            require_fit(part, schema["items"], f"{where}[]")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], [20, 6, 4])
    features = rng.standard_normal((30, 4)) + 3 * np.eye(3, 4)[labels]
    head = {"weight": 3 * np.eye(3, 4), "bias": np.zeros(3)}
    np.savez("net.npz", features=features, labels=labels, **head)
    np.savez("held.npz", features=features + 0.5, labels=labels)
    np.savez("y.npz", features=features, targets=features @ np.eye(4, 2), weight=np.eye(2, 4))
    np.savez(
        "sets.npz", features=features, labels=np.eye(3, dtype=int)[labels] | np.eye(3, dtype=int)[0]
    )
    np.savetxt("y.csv", features[:, :2], delimiter=",")
    return tmp_path


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("predict", "predict --counts cat=50,dog=20,eel=5"),
        ("predict-samples", "predict --form regression --targets y.csv --ridge 1"),
        ("predict-compare", "predict --counts cat=50,dog=20,eel=5 --compare"),
        ("solve", "solve --counts 50,5,5 --ridge 0.1"),
        ("solve-path", "solve --counts 50,5 --path"),
        ("measure", "measure net.npz --held-out held.npz"),
        ("measure-regression", "measure y.npz"),
        ("measure-label-sets", "measure sets.npz"),
        ("steer", "steer --counts 50,5,5 --family ldt"),
        ("prescription", "steer --features net.npz --held-out held.npz"),
        ("members", "steer --list"),
        ("claims", "reproduce --list"),
    ],
)
def test_json_is_what_its_schema_says(kind, words, folder, capsys):
    answer = json.loads(said(capsys, *words.split(), "--json"))
    assert answer["schema"] == f"lopsided.{kind}.v1"
    require_fit(answer, SCHEMA["$defs"][kind])


def test_every_schema_is_tested_and_told():
    page = (Path(__file__).parents[2] / "docs/reference/json.md").read_text()
    (tested,) = test_json_is_what_its_schema_says.pytestmark[0].args[1:]
    assert [kind for kind, _ in tested] == list(SCHEMA["$defs"])
    rows = [line for line in page.splitlines() if line.startswith("| `lopsided.")]
    told = {row.split("`")[1]: row for row in rows}
    for kind, schema in SCHEMA["$defs"].items():
        row, keys = told[f"lopsided.{kind}.v1"], schema["properties"].keys() - {"schema"}
        assert "and more" in row or all(f"`{key}`" in row for key in keys), kind


def test_csv_is_the_records(folder, capsys):
    found = rows(capsys, "predict", "--counts", "cat=50,dog=20,eel=5")
    wanted = predict.seli(Counts([50, 20, 5], ["cat", "dog", "eel"])).to_records()
    assert found == [{name: str(value) for name, value in row.items()} for row in wanted]
    assert [row["class"] for row in rows(capsys, "solve", "--counts", "9,5", "--ridge", "0.1")] == [
        "0",
        "1",
    ]
    assert len(rows(capsys, "solve", "--counts", "9,5", "--path")) == 17
    assert len(rows(capsys, "predict", "--counts", "9,5", "--compare")) == len(EXPONENTS)
    assert rows(capsys, "measure", "net.npz")[2]["measured"] == "4"
    zero = rows(capsys, "steer", "--counts", "99,99,1,1", "--family", "ldt", "--ridge", "5")
    assert "" in [row["minority_cosine"] for row in zero]
    assert "margin_9" in rows(capsys, "steer", "--counts", "9,5,5", "--family", "ldt")[0]


GIVEN = {
    "counts in lines": ("--counts", "50\n5\n", None),
    "counts in a line": ("--counts", "50, 5", None),
    "names and counts": ("--counts", "class,samples\ncat,50\ndog,5\n", ("cat", "dog")),
    "names and counts in a line": ("--counts", "cat=50,dog=5\n", ("cat", "dog")),
    "names and counts as YAML": ("--counts", "red fox: 50\n'dog': 5\n", ("red fox", "dog")),
    "a list of names and counts as YAML": (
        "--counts",
        "- red fox: 50\n- dog: 5\n",
        ("red fox", "dog"),
    ),
    "numbers and counts as YAML": ("--counts", "0: 50\n1: 5\n", None),
    "YAML with blanks before colons": ("--counts", "cat : 50\ndog : 5\n", ("cat", "dog")),
    "YAML below its start": ("--counts", "---\ncat: 50\ndog: 5\n", ("cat", "dog")),
    "YAML under a key": ("--counts", "counts:\n  cat: 50\n  dog: 5\n", ("cat", "dog")),
    "an object": ("--counts", '{"cat": 50, "dog": 5}', ("cat", "dog")),
    "labels": ("--labels", "0\n" * 50 + "1\n" * 5, None),
    "labels with a title": ("--labels", "label\n" + "cat\n" * 50 + "dog\n" * 5, ("cat", "dog")),
    "a column": ("--labels", "id,label\n" + "7,cat\n" * 50 + "8,dog\n" * 5, ("cat", "dog")),
    "labels of two words": (
        "--labels",
        "label\n" + "red fox\n" * 50 + "sea bass\n" * 5,
        ("red fox", "sea bass"),
    ),
    "labels of two words without a title": (
        "--labels",
        "red fox\n" * 50 + "sea bass\n" * 5,
        ("red fox", "sea bass"),
    ),
    "labels in quotes": (
        "--labels",
        '"red fox"\n' * 50 + "snail\n" * 5,
        ("red fox", "snail"),
    ),
    "labels that begin as a title does": (
        "--labels",
        "class 1\n" * 50 + "class 2\n" * 5,
        ("class 1", "class 2"),
    ),
    "a column beside spaces": (
        "--labels",
        "id label\n" + "7 cat\n" * 50 + "8 dog\n" * 5,
        ("cat", "dog"),
    ),
    "a title that is a label": ("--labels", "x,y\n" + "7,n\n" * 50 + "8,y\n" * 5, ("n", "y")),
    "a title above what is missing": ("--labels", "x,y\n" + "7,n\n" * 50 + ",y\n" * 5, ("n", "y")),
    "a title above dates": (
        "--labels",
        "day,y\n" + "2026-11-02,n\n" * 50 + "2026-11-03,y\n" * 5,
        ("n", "y"),
    ),
    "a title above paths": (
        "--labels",
        "file,y\n" + "a.png,n\n" * 50 + "b.png,y\n" * 5,
        ("n", "y"),
    ),
    "a sign in brackets": ("--counts", "class,(#)\ncat,50\ndog,5\n", ("cat", "dog")),
    "a sign for numbers above": ("--counts", "class,%\ncat,50\ndog,5\n", ("cat", "dog")),
    "a list": ("--labels", json.dumps([0] * 50 + [1] * 5), None),
}


def piped(content):
    """What is given on standard input, as the interpreter opens it."""
    return io.TextIOWrapper(io.BytesIO(content), encoding="utf-8", errors="surrogateescape")


@pytest.mark.parametrize("way", GIVEN)
def test_counts_and_labels_are_the_same_however_they_are_given(way, tmp_path, monkeypatch, capsys):
    option, text, names = GIVEN[way]
    wanted = list(names or ("0", "1"))
    monkeypatch.setattr(sys, "stdin", piped(text.encode()))
    found = rows(capsys, "predict", option, "-")
    assert [(row["class"], row["count"]) for row in found] == list(
        zip(wanted, ["50", "5"], strict=True)
    )
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))  # as of who calls main in Python
    assert rows(capsys, "predict", option, "-") == found
    if "a line" not in way:
        path = tmp_path / ("a.json" if text[0] in "[{" else "a.txt")
        path.write_text(text)
        assert rows(capsys, "predict", option, str(path)) == found


@pytest.mark.parametrize(
    ("option", "content", "told"),
    [
        ("--counts", "c\u00e4t,5\ndog,3\n".encode("utf-8-sig"), ["c\u00e4t", "dog"]),
        ("--counts", '{"cat": 5, "dog": 3}'.encode("utf-8-sig"), ["cat", "dog"]),
        ("--counts", "cat,5\r\ndog,3\r\n".encode("utf-16"), ["cat", "dog"]),
        ("--labels", "0\n0\n1\n".encode("utf-8-sig"), ["0", "1"]),
        ("--labels", "label\ncat\ndog\n".encode("utf-8-sig"), ["cat", "dog"]),
        ("--counts", "c\u00e4t,5\ndog,3\n".encode("latin-1"), "is no utf-8 text in line 1"),
    ],
)
def test_standard_input_is_decoded_as_a_file_is(option, content, told, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", piped(content))
    if isinstance(told, list):
        assert [row["class"] for row in rows(capsys, "predict", option, "-")] == told
    else:
        assert main(["predict", option, "-"]) == 2
        assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "standard input holds no labels"),
        ("a,b\nc,d\n", "has 2 columns, of which one must be called class"),
        ("a\n\nb,c\n", "has 2 cells in line 3 where 1 were expected"),
        ("cat\ndog\n\ncat\n", "has no label in line 3"),
        ("label\n\n0\n1\n", "has no label in line 2"),
        ("[1, 2.5]", "neither all whole numbers nor all names"),
        ("10.0\n2.0\n", "all whole numbers from 0 or all names, got '10.0'"),
        ("fine_label\n0\n1\n", "all names, got '0' beside 'fine_label'"),
        ("cat\ncat\nNA\ndog\n", "has 'NA' in line 3, as where a label is missing"),
        ("id,label\n1,cat\n2,<NA>\n", "has '<NA>' in line 3, as where a label is missing"),
        ("target dog\nred fox\nsea bass\nred fox\n", "'target dog' in line 1 and nowhere else"),
        ("1 cat\n2 dog\n", "has 2 columns, of which one must be called class"),
        ("0 3\n1 5\n", "has 2 columns, of which one must be called class"),
        ("0\n1\n2\n1\n", "'0' in line 1 and nowhere else, which may be a class or a title"),
        ("0\n01\n0\n1\n", "holds no labels: the labels '01' and '1' are one number"),
        ("dx\nnv\nmel\nnv\n", "'dx' in line 1 and nowhere else, which may be a class or a title"),
        ("y\nn\nn\ny\n", "'y' in line 1 and again in line 4, which may be a title or a class"),
        ("7,Y\n8,N\n9,Y\n", "has 'Y' in line 1 and again in line 3, which may be a title or"),
        ("label\ncat\ndog\nlabel\ncat\n", "has 'label' in line 1 and again in line 4, which"),
        ("cat\nnan\ndog\n", "all names, got 'nan'"),
        ("[1", "standard input is damaged or truncated"),
        ('"label"\n"1" 0\n"2" 0\n"3" 1\n', "has more cells in each line than titles in line 1"),
        (" label\n0 red fox\n1 dog\n", "titles in line 1, and the first numbers the lines"),
        (
            "label\n0   cat\n1   cat\n2   dog\n",
            "the lines: leave these numbers out, or write titles",
        ),
        ("cat\ncat\ndog\n# end\n", "has '# end' in line 4, which may be a remark: remarks stand"),
        ("# of May\n#sky\ncat\ncat\n#sky\n", "has '#sky' in line 2, which may be a remark or a"),
        ("#sky\n#sea\n#sky\n", "has '#sky' in line 1, which may be a remark or a class"),
        ("#N/A\ncat\ncat\n", "has '#N/A' in line 1, which may be a remark or a class"),
        ("label,count\ncat,50\ndog,5\n", "has each class once, beside 'count': it counts them"),
        ("class;n;share\n0;50;.9\n1;5;.1\n", "has each class once, beside 'n': it counts them"),
    ],
)
def test_labels_that_are_none_are_told_by_their_line(text, sentence, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", piped(text.encode()))
    assert main(["predict", "--labels", "-"]) == 2
    assert sentence in capsys.readouterr().err


def test_a_class_is_not_dropped_as_a_remark_nor_cut_in_two(tmp_path, capsys):
    for option, text, sentence in (
        ("--counts", "#sky,50\ncat,5\ndog,3\n", "has '#sky,50' in line 1, which may be a remark"),
        ("--counts", "#sky 50\n#sea 5\n", "has '#sky 50' in line 1, which may be a remark"),
        ("--counts", "# May 2024\n#tag,count\n#sky,50\n", "has '#sky,50' in line 3, which may"),
        ("--counts", "class,n\n#sky,50\ncat,5\n", ["#sky", "cat"]),
        ("--counts", '"#sky",50\n"cat",5\n', ["#sky", "cat"]),
        ("--counts", "# May, 2024\n#class,count\ncat,50\n#sky,5\n", ["cat", "#sky"]),
        ("--labels", "label\n#sky\n#sky\ncat\n", ["#sky", "cat"]),
        ("--labels", "#label\ncat\ncat\n#sky\n", ["#sky", "cat"]),
        ("--labels", "#fine\n0\n1\n", ["0", "1"]),
        ("--labels", "#\n# of May\n#\ncat\ncat\ndog\n", ["cat", "dog"]),
        ("--labels", "#\n!\n#\n!\n", "has '#' in line 1, which may be a remark or a class"),
        ("--counts", "#\t50\n!\t5\n", "has '#\\t50' in line 1, which may be a remark or a class"),
        ("--counts", '"sea\nside",50\ncat,5\n', "has a quote in line 1 that is not closed there"),
        ("--labels", 'label\ncat \n"sea\nside"\n', "has a quote in line 3 that is not closed"),
        ("--labels", 'cat \n"""sea"""\ncat \n', ['"sea"', "cat"]),
        ("--labels", 'cat\n5" pipe\ncat\n5" pipe\n', ['5" pipe', "cat"]),
        ("--labels", "sea\u2028side\nsea\u2028side\rcat\r\ncat", ["cat", "sea\u2028side"]),
    ):
        (tmp_path / "a.csv").write_text(text)
        if isinstance(sentence, str):
            assert main(["predict", option, str(tmp_path / "a.csv")]) == 2
            assert f"a.csv {sentence}" in capsys.readouterr().err
        else:
            found = rows(capsys, "predict", option, str(tmp_path / "a.csv"))
            assert [row["class"] for row in found] == sentence


def test_a_table_of_classes_and_counts_is_not_counted_as_labels(tmp_path, capsys):
    assert main(["predict", "--counts", "cat=50,dog=5", "--csv"]) == 0
    (tmp_path / "a.csv").write_text(capsys.readouterr().out)
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    counted = {"label": ["cat", "dog"], "count": [50, 5]}
    parquet.write_table(arrow.table(counted), tmp_path / "a.parquet")
    for name in ("a.csv", "a.parquet"):
        assert main(["predict", "--labels", str(tmp_path / name)]) == 2
        assert f"{name} has each class once, beside 'count'" in capsys.readouterr().err
    (tmp_path / "b.csv").write_text("label,count\ncat,50\ncat,5\ndog,7\n")  # a feature of samples
    found = rows(capsys, "predict", "--labels", str(tmp_path / "b.csv"))
    assert [row["count"] for row in found] == ["2", "1"]


def test_labels_of_training_are_not_counted_among_those_of_other_samples(tmp_path, capsys):
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    table = {"label": ["cat", "cat", "dog"], "Split": ["train", "train", "val"]}
    parquet.write_table(arrow.table(table), tmp_path / "a.parquet")
    (tmp_path / "a.csv").write_text("label,Split\ncat,train\ncat,train\ndog,val\n")
    for name in ("a.csv", "a.parquet"):
        assert main(["predict", "--labels", str(tmp_path / name)]) == 2
        told = "has samples of train, val by its column 'Split', and all would be counted"
        assert f"{name} {told}" in capsys.readouterr().err
    # One part, or two of training, or of another meaning.
    for first, second in (("train", "train"), ("train", "train_extra"), ("A", "B")):
        (tmp_path / "b.csv").write_text(f"label,set\ncat,{first}\ndog,{second}\n")
        assert len(rows(capsys, "predict", "--labels", str(tmp_path / "b.csv"))) == 2


def test_a_file_of_impossible_counts_is_not_called_damaged(tmp_path, capsys):
    for name, text in (("a.json", '{"cat": -1, "dog": 2}'), ("a.csv", "cat,0\ndog,3\n")):
        (tmp_path / name).write_text(text)
        assert main(["predict", "--counts", str(tmp_path / name)]) == 2
        assert f"{name} holds no class counts: each count must be" in capsys.readouterr().err


def test_parquet_files_are_read(tmp_path, capsys):
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "a.parquet"
    parquet.write_table(arrow.table({"id": [1, 2, 3], "label": ["b", "a", "b"]}), path)
    assert [row["count"] for row in rows(capsys, "predict", "--labels", str(path))] == ["1", "2"]
    parquet.write_table(arrow.table({"name": ["b", "a"], "count": [7, 5]}), path)
    assert [row["class"] for row in rows(capsys, "predict", "--counts", str(path))] == ["b", "a"]
    table = arrow.table({"count": [7, 5], "name": ["b", "a"]})  # as `value_counts().to_frame()`
    index = {"pandas": json.dumps({"index_columns": ["name"]})}
    parquet.write_table(table.replace_schema_metadata(index), path)
    assert [row["class"] for row in rows(capsys, "predict", "--counts", str(path))] == ["b", "a"]


@pytest.mark.parametrize(
    "words",
    [
        "--counts 40,9,8",
        "--step k=3,minority=8,ratio=5,rho=0.3333333333333333",
        "--zipf k=3,largest=40",
    ],
)
def test_training_counts_are_told_to_measure_in_all_ways(words, folder, capsys):
    given = json.loads(said(capsys, "predict", *words.split(), "--json"))["samples"]
    found = json.loads(said(capsys, "measure", "net.npz", *words.split(), "--json"))
    assert (found["counts_given"], sum(found["counts"])) == (True, given)


def test_training_counts_are_those_of_labels(folder, capsys):
    Path("train.txt").write_text("cat\n" * 40 + "dog\n" * 9 + "eel\n" * 8)
    words = ("measure", "net.npz", "--training-labels", "train.txt", "--held-out", "held.npz")
    found = json.loads(said(capsys, *words, "--json"))
    assert (found["names"], found["counts"]) == (["cat", "dog", "eel"], [40, 9, 8])


def test_a_page_is_not_written_over_a_file_of_another_kind(folder, capsys):
    words = ["explore", "--counts", "50,5", "--out", "a.html"]
    Path("a.html").write_text("my notes")
    assert main(words) == 2
    assert "give --force to write over it" in capsys.readouterr().err
    assert Path("a.html").read_text() == "my notes"
    assert main([*words, "--force"]) == 0
    assert main(words) == 0  # its own page


@pytest.mark.parametrize("name", ["contexture", "softmax-code", "multiple_centers"])
def test_what_is_no_form_names_the_call_in_python(name, capsys):
    assert main(["predict", "--form", name, "--counts", "5,5"]) == 2
    assert f"lopsided.predict.{name.replace('-', '_')} in Python" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "form"),
    [("free_bias", "free-bias"), ("nonnegative", "non-negative"), ("ETF", "etf")],
)
def test_a_form_by_the_name_of_its_function_is_answered_with_the_list(name, form, capsys):
    assert main(["predict", "--form", name, "--counts", "5,5"]) == 2
    assert re.search(f"must be one of etf, .* did you mean {form}", capsys.readouterr().err)


def test_help_has_no_empty_defaults_and_whole_lines(capsys):
    for verb in ("predict", "solve", "measure", "steer", "reproduce", "explore"):
        told = said(capsys, verb, "--help")
        assert "None" not in told
        assert "(default: False)" not in told
    assert "(default: 1)" in said(capsys, "predict", "--help")
    brief = said(capsys, "--help")
    assert "--version" in brief
    assert "held-out" not in brief


@pytest.mark.parametrize("option", ["--counts", "--labels"])
def test_texts_larger_than_memory_are_refused_unread(tmp_path, capsys, option):
    (place := tmp_path / "x.csv").touch()
    os.truncate(place, 2**43)
    assert main(["predict", option, str(place)]) == 2
    assert "x.csv needs 8,192.0 GiB" in capsys.readouterr().err


@pytest.mark.parametrize("terminal", [True, False])
def test_names_as_csv_speak_to_no_terminal_and_go_into_files_as_they_are(
    tmp_path, capsys, monkeypatch, terminal
):
    name = "cat\x1b]0;title\x07\u202e"
    (tmp_path / "x.json").write_text(json.dumps({name: 5, "dog": 3}))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    assert main(["predict", "--counts", str(tmp_path / "x.json"), "--csv"]) == 0
    told = [row["class"] for row in csv.DictReader(io.StringIO(capsys.readouterr().out))]
    assert told == [r"cat\x1b]0;title\x07\u202e" if terminal else name, "dog"]
