import gzip
import io
import struct
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lopsided import Counts
from lopsided.reproduce import data
from lopsided.reproduce.data.cifar import read_batch
from lopsided.reproduce.data.idx import read_idx


def write_idx(path: Path, array: np.ndarray, cut: int = 0) -> None:
    content = (
        struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
        + array.astype(np.uint8).tobytes()
    )
    content = content[: len(content) - cut]
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def write_images(folder: Path, mode: str = "RGB") -> None:
    rng = np.random.default_rng(0)
    for part, many in (("train", 3), ("test", 2)):
        for label in ("ant", "bee"):
            (folder / part / label).mkdir(parents=True)
            for i in range(many):
                pixels = rng.integers(0, 256, (6, 5, 3) if mode == "RGB" else (6, 5)).astype(
                    np.uint8
                )
                Image.fromarray(pixels).save(folder / part / label / f"{i}.png")


# The split of Cao et al. (LDAM-DRW, imbalance_cifar.py), transcribed as its authors wrote it.
def cao(targets: list[int], kind: str, factor: float, cls_num: int = 10) -> np.ndarray:
    np.random.seed(0)  # noqa: NPY002
    img_max = len(targets) / cls_num
    numbers = []
    for c in range(cls_num):
        if kind == "exp":
            numbers.append(int(img_max * (factor ** (c / (cls_num - 1.0)))))
        else:
            numbers.append(int(img_max) if c < cls_num // 2 else int(img_max * factor))
    targets_np = np.array(targets, dtype=np.int64)
    chosen = []
    for the_class, the_img_num in zip(np.unique(targets_np), numbers, strict=True):
        idx = np.where(targets_np == the_class)[0]
        np.random.shuffle(idx)  # noqa: NPY002
        chosen.append(idx[:the_img_num])
    return np.concatenate(chosen)


@pytest.mark.parametrize(
    ("kind", "ratio"),
    [("exp", 10), ("exp", 50), ("exp", 100), ("exp", 200), ("step", 10), ("step", 100)],
)
def test_the_choice_of_samples_is_that_of_cao_et_al_bit_for_bit(kind: str, ratio: int) -> None:
    labels = np.random.default_rng(5).permutation(np.repeat(np.arange(10), 5000))
    counts = (
        Counts.exponential(10, 5000, ratio)
        if kind == "exp"
        else Counts.step(10, 5000 // ratio, ratio)
    )
    np.testing.assert_array_equal(
        data.choose(labels, counts), cao(labels.tolist(), kind, 1 / ratio)
    )


def test_more_samples_than_a_class_has_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match="class 1 has 2 training samples, 5 are wanted"):
        data.choose(np.array([0] * 9 + [1] * 2), Counts([5, 5]))


def test_counts_for_another_number_of_classes_are_refused() -> None:
    with pytest.raises(ValueError, match="has 3 classes, the counts are for 2"):
        data.choose(np.array([0, 1, 2]), Counts([1, 1]))


def test_the_hash_of_an_index_list_is_that_of_its_file(tmp_path: Path) -> None:
    import hashlib

    digest = data.write_indices(np.array([3, 1, 2]), tmp_path)
    content = (tmp_path / f"{digest}.txt").read_bytes()
    assert content == b"3\n1\n2\n"
    assert hashlib.sha256(content).hexdigest() == digest


def test_a_balanced_test_set_has_as_many_of_each_class() -> None:
    labels = np.array([0, 1, 1, 0, 2, 1, 2, 0])
    np.testing.assert_array_equal(np.bincount(labels[data.balanced(labels)]), [2, 2, 2])


def test_no_test_digit_is_ever_trained_on() -> None:
    digits = data.load("digits", None)
    seen = {image.tobytes() for image in digits.train.pixels}
    assert len(digits.train.labels) + len(digits.test.labels) == 1797
    assert not any(image.tobytes() in seen for image in digits.test.pixels)
    assert np.bincount(digits.test.labels).tolist() == [70] * 10


def test_normalised_training_images_have_mean_zero_and_deviation_one() -> None:
    digits = data.load("digits", None)
    pixels = digits.normalise(digits.train).astype(np.float64)
    assert abs(pixels.mean()) < 1e-6
    assert abs(pixels.std() - 1) < 1e-6


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_idx_files_are_read_as_written(tmp_path: Path, ending: str) -> None:
    array = np.random.default_rng(0).integers(0, 256, (4, 3, 2))
    write_idx(tmp_path / f"x{ending}", array)
    np.testing.assert_array_equal(read_idx(tmp_path / f"x{ending}"), array)


def test_damaged_idx_files_are_refused_in_a_sentence(tmp_path: Path) -> None:
    write_idx(tmp_path / "short", np.zeros((4, 3, 2)), cut=1)
    with pytest.raises(
        ValueError, match=r"should hold 24 bytes of data for shape \(4, 3, 2\), got 23"
    ):
        read_idx(tmp_path / "short")
    write_idx(tmp_path / "whole.gz", np.zeros((4, 3, 2)))
    (tmp_path / "cut.gz").write_bytes((tmp_path / "whole.gz").read_bytes()[:-5])
    with pytest.raises(ValueError, match=r"cut\.gz is damaged or truncated"):
        read_idx(tmp_path / "cut.gz")
    (tmp_path / "text").write_text("hello world")
    with pytest.raises(ValueError, match="is not an IDX file"):
        read_idx(tmp_path / "text")


def test_mnist_is_read_from_its_four_files_and_a_missing_one_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "mnist"
    folder.mkdir()
    write_idx(folder / "train-images-idx3-ubyte.gz", np.ones((4, 3, 3)))
    write_idx(folder / "train-labels-idx1-ubyte.gz", np.array([0, 1, 0, 1]))
    write_idx(folder / "t10k-images-idx3-ubyte", np.zeros((2, 3, 3)))
    with pytest.raises(FileNotFoundError, match="no file t10k-labels-idx1-ubyte"):
        data.load("mnist", tmp_path)
    write_idx(folder / "t10k-labels-idx1-ubyte", np.array([0, 1]))
    mnist = data.load("mnist", tmp_path)
    assert mnist.train.pixels.shape == (4, 1, 3, 3)
    assert mnist.test.labels.tolist() == [0, 1]


def test_data_without_a_folder_or_of_unknown_name_is_refused() -> None:
    with pytest.raises(FileNotFoundError, match="LOPSIDED_DATA"):
        data.load("mnist", None)
    with pytest.raises(FileNotFoundError, match="no data set 'imagenet'"):
        data.load("imagenet", None)


def test_a_cifar_batch_is_read_by_rows_and_checked(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).integers(0, 256, (3, 3073)).astype(np.uint8)
    rows[:, 0] = [1, 9, 0]
    rows.tofile(tmp_path / "good")
    images = read_batch(tmp_path / "good")
    assert images.labels.tolist() == [1, 9, 0]
    np.testing.assert_array_equal(images.pixels[2, 1, 0], rows[2, 1 + 1024 : 1 + 1024 + 32])
    rows[1, 0] = 10
    rows.tofile(tmp_path / "bad")
    with pytest.raises(ValueError, match="got 10 for image 1"):
        read_batch(tmp_path / "bad")
    (tmp_path / "cut").write_bytes(b"123")
    with pytest.raises(ValueError, match="multiple of 3073 bytes, got 3"):
        read_batch(tmp_path / "cut")


def test_cifar_is_read_from_its_binary_folder(tmp_path: Path) -> None:
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    for i, name in enumerate([*(f"data_batch_{j}" for j in range(1, 6)), "test_batch"]):
        np.full((2, 3073), i, np.uint8).tofile(folder / f"{name}.bin")
    cifar = data.load("cifar-10", tmp_path)
    assert cifar.title == "CIFAR-10"
    assert cifar.train.labels.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert cifar.test.labels.tolist() == [5, 5]


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_folder_and_a_tar_of_it_are_the_same_data(tmp_path: Path, mode: str) -> None:
    write_images(tmp_path / "own", mode)
    with tarfile.open(tmp_path / "own.tar.xz", "w:xz") as archive:
        archive.add(tmp_path / "own", "own")
    folder, tar = (
        data.load(str(tmp_path / "own"), None),
        data.load(str(tmp_path / "own.tar.xz"), None),
    )
    assert folder.train.pixels.shape == (6, 3 if mode == "RGB" else 1, 6, 5)
    assert folder.test.labels.tolist() == [0, 0, 1, 1]
    np.testing.assert_array_equal(folder.train.pixels, tar.train.pixels)
    with Image.open(tmp_path / "own" / "train" / "bee" / "2.png") as last:
        np.testing.assert_array_equal(
            np.atleast_3d(np.asarray(last)).transpose(2, 0, 1), folder.train.pixels[5]
        )


def test_jpeg_copies_of_cifar_say_so(tmp_path: Path) -> None:
    write_images(tmp_path / "cifar-10-jpeg")
    assert data.load("cifar-10", tmp_path).title == "CIFAR-10 (JPEG)"


def test_wrong_image_folders_are_refused_in_a_sentence(tmp_path: Path) -> None:
    write_images(tmp_path / "own")
    (tmp_path / "own" / "train" / "ant" / "0.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"train/ant/0\.png is no image that pillow can read"):
        data.load(str(tmp_path / "own"), None)
    Image.fromarray(np.zeros((9, 9, 3), np.uint8)).save(
        tmp_path / "own" / "train" / "ant" / "0.png"
    )
    with pytest.raises(
        ValueError,
        match=(
            r"ant/1\.png has shape \(3, 6, 5\), not \(3, 9, 9\); images must have one size and"
            r" colour mode"
        ),
    ):
        data.load(str(tmp_path / "own"), None)
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="no images in"):
        data.load(str(tmp_path / "empty"), None)
    (tmp_path / "cut.tar").write_bytes(io.BytesIO(b"123").getvalue())
    with pytest.raises(ValueError, match=r"cut\.tar is damaged or truncated"):
        data.load(str(tmp_path / "cut.tar"), None)


def test_images_that_would_be_left_out_are_refused(tmp_path: Path) -> None:
    own, tar = tmp_path / "own", tmp_path / "own.tar"
    write_images(own)
    bee = own / "train" / "bee"
    for link in (bee / "hard.png", bee / "soft.png"):
        (link.hardlink_to if link.stem == "hard" else link.symlink_to)(bee / "0.png")
        with tarfile.open(tar, "w") as archive:
            archive.add(own, "own")
        assert len(data.load(str(own), None).train.labels) == 7
        with pytest.raises(ValueError, match=r"holds the link own/train/bee/\w+\.png and not"):
            data.load(str(tar), None)
        link.unlink()
    (bee / "young").mkdir()
    (bee / "0.png").rename(bee / "young" / "0.png")
    with tarfile.open(tar, "w") as archive:
        archive.add(own, "own")
    for place in (own, tar):
        with pytest.raises(ValueError, match=r"young/0\.png below the folder of its class"):
            data.load(str(place), None)


@pytest.mark.parametrize("root", ["own", "train"])  # a tar's own folder may be called like a part
def test_a_class_whose_files_are_no_images_that_are_read_is_not_left_out(
    tmp_path: Path, root: str
) -> None:
    own, tar = tmp_path / root, tmp_path / "own.tar"

    def packed() -> tuple[Path, Path]:
        with tarfile.open(tar, "w") as archive:
            archive.add(own, root)
        return own, tar

    write_images(own)
    (own / "train" / ".cache").mkdir()
    (own / "train" / "labels.txt").write_text("ant, bee")
    for place in packed():
        assert len(data.load(str(place), None).train.labels) > 0
    for part in ("train", "test"):
        (own / part / "ape").mkdir()
        (own / part / "ape" / "0.heic").write_bytes(b"a photo of a phone")
    for place in packed():
        with pytest.raises(ValueError, match=r"has no image in test/ape; files are read whose"):
            data.load(str(place), None)


def test_transparent_images_and_those_of_several_frames_are_refused(tmp_path: Path) -> None:
    write_images(tmp_path / "own")
    image = Image.new("RGBA", (5, 6), (1, 2, 3, 255))
    image.save(tmp_path / "own" / "train" / "ant" / "0.png")
    assert data.load(str(tmp_path / "own"), None).train.pixels[0, :, 0, 0].tolist() == [1, 2, 3]
    image.putpixel((4, 5), (1, 2, 3, 254))
    image.save(tmp_path / "own" / "train" / "ant" / "0.png")
    with pytest.raises(ValueError, match=r"ant/0\.png is transparent in places"):
        data.load(str(tmp_path / "own"), None)
    (tmp_path / "own" / "train" / "ant" / "0.png").unlink()
    frames = [Image.new("RGB", (5, 6), (shade, 0, 0)) for shade in (1, 99)]
    frames[0].save(
        tmp_path / "own" / "train" / "ant" / "0.tif", save_all=True, append_images=frames[1:]
    )
    with pytest.raises(ValueError, match=r"ant/0\.tif has 2 frames"):
        data.load(str(tmp_path / "own"), None)


@pytest.mark.parametrize("value", [0, 77, 200])
def test_a_channel_of_one_value_is_zero_and_not_nan(value: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (6, 3, 4, 4)).astype(np.uint8)
    pixels[:, 2] = value
    images = data.Images(pixels, np.arange(6) % 2)
    found = data.Dataset("", images, images).normalise(images)
    np.testing.assert_allclose(found[:, 2], 0, atol=1e-6)
    np.testing.assert_allclose(found[:, :2].std(axis=(0, 2, 3)), 1, rtol=1e-5)
