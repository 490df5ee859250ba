"""Laws of tables in text files: what is unambiguous is read however it is written, the rest is
refused by its line."""

from __future__ import annotations

import codecs

import numpy as np
import pytest

from lopsided.cli import main
from lopsided.cli.targets import read_targets

ROWS = [[1.5, -2.0], [3.0, 4e-3], [0.0, 7.0]]


def text(separator, ending="\n"):
    return "".join(separator.join(map(str, row)) + ending for row in ROWS)


#: How a table is written -> its bytes.
WRITTEN = {
    "commas": text(",").encode(),
    "commas and spaces": text(", ").encode(),
    "semicolons": text(";").encode(),
    "tabs": text("\t").encode(),
    "spaces": text("  ").encode(),
    "the lines of Windows, one blank": text(",", "\r\n").encode() + b"\r\n",
    "names above": b"height,width\n" + text(",").encode(),
    "quoted names above": b'"height (m)";"width"\n' + text(";").encode(),
    "a remark above": b"# height,width\n" + text(",").encode(),
    "quoted numbers": "".join(f'"{a}","{b}"\n' for a, b in ROWS).encode(),
    "UTF-8 with a mark": text(",").encode("utf-8-sig"),
    "UTF-16": text(",").encode("utf-16"),
    "UTF-16, the other way round": codecs.BOM_UTF16_BE + text(",").encode("utf-16-be"),
}


@pytest.mark.parametrize("way", WRITTEN)
def test_a_table_is_the_same_in_every_way_it_is_written(way, tmp_path):
    (tmp_path / "y.csv").write_bytes(WRITTEN[way])
    found = read_targets(tmp_path / "y.csv", "regression")
    np.testing.assert_array_equal(found.matrix.T, ROWS)


@pytest.mark.parametrize("above", ["", "a,b\n"])
def test_a_row_that_looks_like_numbers_of_columns_is_one_where_there_is_no_doubt(above, tmp_path):
    rows = [[0, 1], [1, 0], [0, 1]] if not above else [[0, 1], [5, 7], [2, 2]]
    (tmp_path / "y.csv").write_text(above + "".join(f"{a},{b}\n" for a, b in rows))
    found = read_targets(tmp_path / "y.csv", "regression")
    np.testing.assert_array_equal(found.matrix.T, rows)


#: Content of a file -> what is said of it.
REFUSED = {
    "decimal commas": (b"1,5;2,5\n3;4\n", "has '1,5' in line 1 where a number was expected"),
    "a word": (b"1,2\n3,x\n", "has 'x' in line 2 where a number was expected"),
    "a short line": (b"1,2\n\n3\n", "has 1 cell in line 3 where 2 were expected, as in line 1"),
    "numbered rows": (b",a\n0,1\n1,3\n", "column without a name in line 1"),
    "numbered columns": (b"0,1\n1.5,2.0\n3.0,4.0\n", "has 0 to 1 in line 1, which may number"),
    "a numbered column": (b"0\n1.5\n3.0\n", "has 0 in line 1, which may number the columns"),
    "numbered columns of whole numbers": (b"0,1,2\n1,0,0\n0,1,0\n", "has 0 to 2 in line 1"),
    "rows as R writes them": (
        b'"a"\n"1" 1.5\n"2" 3\n',
        "has 1 name in line 1 and 2 cells in line 2",
    ),
    "rows as pandas pads them": (b"   a  b\n0  1  5\n1  2  7\n", "if the first numbers the rows"),
    "numbered rows without names": (
        b"0,1.5\n1,2\n2,7\n",
        "has 0 to 2 in its first cells, which may",
    ),
    "rows numbered from 1": (
        b'"1" 1.5\n"2" 2\n"3" 7\n',
        "has 1 to 3 in its first cells, which may",
    ),
    "a name among numbers": (b"a,1\n2,3\n", "has 'a' in line 1"),
    "an empty cell": (b"1,\n3,4\n", "has '' in line 1"),
    "another encoding": (b"1,2\n3,\xe9\n", "no utf-8 text in line 2"),
    "UTF-16 without a mark": ("1,2".encode("utf-16-le"), "UTF-16 that does not say so"),
    "a row that is missing": (
        b"NA,NA\n1,2\n3,7\n",
        "has 'NA' in line 1 where a number was expected",
    ),
    "a row of databases": (b"null\tNULL\n1\t2\n3\t7\n", "has 'null' in line 1 where a number"),
    "nothing": (b"", "holds no numbers"),
    "names alone": (b"a,b\n", "holds no numbers"),
    "no number": (b"nan,1\n2,3\n", "targets must be finite, sample 0"),
    "a square that is none": (b"1e200,1\n2,3\n", "regression targets reach 1e+200"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_table_that_is_ambiguous_or_broken_is_refused_by_its_line(case, tmp_path, capsys):
    content, words = REFUSED[case]
    path = tmp_path / "y.csv"
    path.write_bytes(content)
    assert main(["predict", "--form", "regression", "--targets", str(path), "--ridge", "1"]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert "damaged" not in error


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("--form regression --targets . --ridge 1", ". is a folder, not a file"),
        ("--form regression --targets /dev/null --ridge 1", "/dev/null is a device, not a file"),
        ("--form regression --targets y.doc --ridge 1", "y.doc must end in .csv, .tsv, .txt, .npz"),
        ("--labels .", ". is a folder, not a file"),
        ("--labels /dev/null", "/dev/null is a device, not a file"),
        ("--labels y.doc", "labels are read from files of .csv, .tsv, .txt, .json, .parquet, .npz"),
    ],
)
def test_what_is_no_table_is_told_in_a_sentence(words, sentence, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in ("y.doc", "y.csv"):
        (tmp_path / name).write_bytes(b"1\n")
    assert main(["predict", *words.split()]) == 2
    assert sentence in capsys.readouterr().err
