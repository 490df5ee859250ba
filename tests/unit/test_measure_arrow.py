"""Features in Arrow and Parquet files and in folders of Hugging Face data sets."""

import json
import pickle

import numpy as np
import pytest

from lopsided.measure import open_store, stored
from lopsided.measure.storage import plan

pa = pytest.importorskip("pyarrow")
import pyarrow.feather  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402

K, D, N = 4, 6, 300


def arrays():
    rng = np.random.default_rng(0)
    labels = np.concatenate([np.arange(K), rng.integers(0, K, N - K)])
    features = 3 * rng.standard_normal((K, D))[labels] + rng.standard_normal((N, D))
    return features.astype(np.float32), labels


def table(rows=slice(None), kind="fixed", features=None, labels=None):
    x, y = arrays()
    x, y = (x if features is None else features)[rows], (y if labels is None else labels)[rows]
    flat = pa.array(x.reshape(-1))
    if kind in ("fixed", "tensor"):
        column = pa.FixedSizeListArray.from_arrays(flat, D)
        if kind == "tensor":
            column = pa.ExtensionArray.from_storage(pa.fixed_shape_tensor(flat.type, [D]), column)
    else:
        make = pa.LargeListArray if kind == "large" else pa.ListArray
        column = make.from_arrays(pa.array(np.arange(len(y) + 1) * D, flat_offsets(kind)), flat)
    return pa.table({"labels": y, "features": column, "text": ["x"] * len(y)})


def flat_offsets(kind):
    return pa.int64() if kind == "large" else pa.int32()


def stream(path, content, chunk=64):
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, content.schema) as writer:
        writer.write_table(content, max_chunksize=chunk)


def write_stream(folder, kind):
    stream(folder / "x.arrow", table(kind=kind))
    return folder / "x.arrow"


def write_file(folder, kind):
    pyarrow.feather.write_feather(
        table(kind=kind), folder / "x.arrow", compression="uncompressed", chunksize=70
    )
    return folder / "x.arrow"


def write_without_stream(folder, kind):
    """What polars writes: a file whose footer alone tells what lies where."""
    path = write_file(folder, kind)
    content = bytearray(path.read_bytes())
    content[8:16] = bytes(8)  # the length of the schema that a stream starts with
    path.write_bytes(content)
    return path


def write_parquet(folder, kind):
    pq.write_table(table(kind=kind), folder / "x.parquet", row_group_size=70)
    return folder / "x.parquet"


def write_datasets(folder, kind):
    """What `Dataset.save_to_disk` writes, with a left-over of another computation."""
    names = [f"data-0000{i}-of-00003.arrow" for i in range(3)]
    for name, rows in zip(names, (slice(0, 0), slice(0, 111), slice(111, N)), strict=True):
        stream(folder / name, table(rows, kind))
    stream(folder / "cache-1234.arrow", table(slice(0, 50)))
    state = {"_data_files": [{"filename": name} for name in names], "_split": "train"}
    (folder / "state.json").write_text(json.dumps(state))
    return folder


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    features, labels = arrays()
    path = tmp_path_factory.mktemp("npz") / "x.npz"
    np.savez(path, features=features, labels=labels)
    return stored(path)


@pytest.mark.parametrize("kind", ["fixed", "list", "large", "tensor"])
@pytest.mark.parametrize(
    "write", [write_stream, write_file, write_without_stream, write_parquet, write_datasets]
)
def test_every_form_gives_the_bits_of_the_arrays(write, kind, alone, tmp_path):
    store = open_store(write(tmp_path, kind))
    assert (store.n, store.d, store.k) == (N, D, K)
    found = stored(store).moments
    assert found.means.tobytes() == alone.moments.means.tobytes()
    assert found.spread.tobytes() == alone.moments.spread.tobytes()


@pytest.mark.parametrize("write", [write_stream, write_file, write_parquet])
def test_rows_are_those_of_the_array(write, tmp_path):
    (shard,), (features, labels) = open_store(write(tmp_path, "fixed")).shards, arrays()
    for start, stop in ((0, N), (0, 1), (69, 71), (130, 290), (7, 7), (N - 3, N)):
        x, y = shard.rows(start, stop)
        np.testing.assert_array_equal(x, features[start:stop])
        np.testing.assert_array_equal(y, labels[start:stop])


@pytest.mark.parametrize("kind", ["fixed", "list"])
def test_a_row_group_without_rows_adds_none(kind, alone, tmp_path):
    content = table(kind=kind)
    with pq.ParquetWriter(tmp_path / "x.parquet", content.schema) as writer:
        for start, stop in ((0, 0), (0, 90), (90, 90), (90, N), (N, N)):
            writer.write_table(content.slice(start, stop - start))
    store = open_store(tmp_path / "x.parquet")
    assert store.shards[0].rows(5, 5)[0].shape == (0, D)
    assert stored(store).moments.spread.tobytes() == alone.moments.spread.tobytes()


def test_another_column_may_hold_what_arrow_makes_no_empty_table_of(alone, tmp_path):
    pictures = pa.FixedShapeTensorArray.from_numpy_ndarray(np.ones((N, 2, 3)))
    stream(tmp_path / "x.arrow", table().append_column("picture", pictures))
    store = open_store(tmp_path / "x.arrow")
    assert stored(store).moments.spread.tobytes() == alone.moments.spread.tobytes()


def test_half_precision_and_small_integers_are_read(tmp_path):
    x, y = arrays()
    content = table(features=x.astype(np.float16), labels=y.astype(np.uint8))
    stream(tmp_path / "x.arrow", content)
    pq.write_table(content, tmp_path / "x.parquet")
    for name in ("x.arrow", "x.parquet"):
        features, labels = open_store(tmp_path / name).shards[0].rows(0, N)
        assert (features.dtype, labels.dtype) == (np.float16, np.uint8)
        np.testing.assert_array_equal(features, x.astype(np.float16))


def test_a_task_over_many_record_batches_is_small(tmp_path):
    stream(tmp_path / "x.arrow", table(), chunk=1)
    (task,) = plan.tasks(open_store(tmp_path / "x.arrow"), N)
    assert len(pickle.dumps(task)) < 2000 + 20 * N


@pytest.mark.parametrize("write", [write_stream, write_file, write_parquet])
@pytest.mark.parametrize("left", [0, 3, 100, -300, -9, -1])
def test_a_file_that_was_cut_short_is_refused(write, left, tmp_path):
    path = write(tmp_path, "fixed")
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(ValueError, match=r"x\.\w+ is damaged or truncated"):
        stored(open_store(path))


def nested(folder):
    content = pa.table({"features": [[[1.0], [2.0]]] * 3, "labels": [0, 1, 0]})
    stream(folder / "x.arrow", content)
    return folder / "x.arrow"


def uneven(folder):
    pq.write_table(
        pa.table({"features": [[1.0, 2.0]] * 2 + [[3.0]], "labels": [0, 1, 0]}),
        folder / "x.parquet",
    )
    return folder / "x.parquet"


def with_null(place):
    def write(folder):
        rows = [[1.0, 2.0], [3.0, 4.0], [5.0, None if place == "number" else 6.0]]
        labels = [0, 1, None if place == "label" else 0]
        rows[2] = None if place == "row" else rows[2]
        kind = pa.list_(pa.float32(), 2)
        stream(folder / "x.arrow", pa.table({"features": pa.array(rows, kind), "labels": labels}))
        return folder / "x.arrow"

    return write


def with_a_gap(folder):
    path = write_file(folder, "fixed")
    content = path.read_bytes()
    path.write_bytes(content[:200] + content[-1000:])
    return path


def compressed(folder):
    pyarrow.feather.write_feather(table(), folder / "x.arrow", compression="lz4")
    return folder / "x.arrow"


def coded(folder):
    content = table().append_column("c", pa.array(["a"] * N).dictionary_encode())
    stream(folder / "x.arrow", content)
    return folder / "x.arrow"


def splits(folder):
    (folder / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    return folder


def elsewhere(folder):
    write_datasets(folder, "fixed")
    (folder / "state.json").write_text('{"_data_files": [{"filename": "../x.arrow"}]}')
    return folder


def texts(folder):
    stream(folder / "x.arrow", pa.table({"features": [["a", "b"]] * 2, "labels": [0, 1]}))
    return folder / "x.arrow"


def pictures(name):
    """Tensors of two axes."""

    def write(folder):
        both = pa.FixedShapeTensorArray.from_numpy_ndarray(np.ones((6, 2, 3)))
        content = pa.table({"features": both, "labels": [0, 1] * 3})
        if name.endswith("arrow"):
            stream(folder / name, content)
        else:
            pq.write_table(content, folder / name)
        return folder / name

    return write


def twice(name):
    def write(folder):
        content = table().append_column("features", table()["features"])
        if name == "x.arrow":
            stream(folder / name, content)
        else:
            pq.write_table(content, folder / name)
        return folder / name

    return write


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (twice("x.arrow"), "x.arrow holds features twice"),
        (twice("x.parquet"), "x.parquet holds features twice"),
        (nested, "holds features of type list"),
        (pictures("x.arrow"), "x.arrow holds features of type extension<arrow.fixed_shape_tensor"),
        (pictures("x.parquet"), "holds features of type extension<arrow.fixed_shape_tensor"),
        (texts, "holds features of type list"),
        (uneven, "holds 2 features in row 0 and 1 in row 2"),
        (with_null("row"), "holds a null in features, in row 2"),
        (with_null("number"), "holds a null in features, in row 2"),
        (with_null("label"), "holds a null in labels, in row 2"),
        (with_a_gap, r"x.arrow is damaged or truncated \(its footer names what it has not"),
        (compressed, "x.arrow is compressed; write it uncompressed"),
        (coded, "codes a column by a dictionary"),
        (splits, "holds the splits train, test of a data set; give the folder of one"),
        (elsewhere, "names files elsewhere"),
    ],
)
def test_what_cannot_be_read_is_refused_in_a_sentence(write, words, tmp_path):
    with pytest.raises(ValueError, match=words):
        stored(open_store(write(tmp_path)))


def test_a_row_that_is_not_finite_is_named_across_record_batches(tmp_path):
    features, _ = arrays()
    features[222, 1] = np.inf
    stream(tmp_path / "x.arrow", table(features=features))
    with pytest.raises(ValueError, match=r"row 222 of .*x.arrow \(class \d\) has NaN"):
        stored(tmp_path / "x.arrow")
