"""What a run leaves on disk is whole or not there, and no changed bit of it is ever taken."""

import errno
import json
import os
import resource
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from lopsided.cli.output import require_writable
from lopsided.drafts import write_atomically
from lopsided.measure import Means
from lopsided.measure.storage.shelf import Shelf
from lopsided.plot import save
from lopsided.reproduce import checkpoint, data
from lopsided.reproduce.checkpoint import Checkpoint
from lopsided.reproduce.context import Context, Place
from lopsided.reproduce.disk import alone
from lopsided.reproduce.record import Record, Verdict

FACTS = {"identity": "me", "epoch": 1, "rows": [{"nc1": 0.125}], "seconds": 1.5, "busy": 1.0}


def save_record(folder: Path, x: float) -> Path:
    return Record(
        "demo", {"seed": 0}, {"x": x}, Verdict(True, "It holds."), {"seconds": 1.0, "versions": {}}
    ).save(folder)


def context(folder: Path, note: Callable[[str], None] = print) -> Context:
    return Context(folder, Place(folder), note=note, identity="me")


def save_checkpoint(folder: Path, x: float) -> Path:
    epoch = int(x)
    checkpoint.write(
        folder, epoch, Checkpoint({"w": torch.full((3,), x)}, {**FACTS, "epoch": epoch})
    )
    return next(folder.glob(f"{epoch:08d}*"))


def remember(folder: Path, x: float) -> Path:
    assert context(folder).remember(f"value {x:g}", float, lambda: x) == x
    return next(folder.glob(f"value {x:g}.*.json"))


def write_indices(folder: Path, x: float) -> Path:
    return folder / f"{data.write_indices(torch.arange(int(x) + 1).numpy(), folder)}.txt"


def save_picture(folder: Path, x: float) -> Path:
    figure = Figure((1, 1))
    figure.text(0.5, 0.5, f"{x:g}")
    save(figure, path := folder / "picture.svg")
    return path


#: Everything that a run writes: each maker writes another content for another x.
WRITERS = {
    "record": save_record,
    "checkpoint": save_checkpoint,
    "remembered": remember,
    "indices": write_indices,
    "picture": save_picture,
}


def damaged(content: bytes, place: int, bit: int) -> bytes:
    place %= len(content)
    return content[:place] + bytes([content[place] ^ (1 << bit)]) + content[place + 1 :]


places = {"place": st.integers(0, 10**6), "bit": st.integers(0, 7)}


@given(**places)
def test_no_changed_bit_of_a_checkpoint_is_ever_taken(
    tmp_path_factory: pytest.TempPathFactory, place: int, bit: int
) -> None:
    folder, notes = tmp_path_factory.mktemp("checkpoints"), []
    save_checkpoint(folder, 1)
    last = save_checkpoint(folder, 2)
    last.write_bytes(damaged(last.read_bytes(), place, bit))
    found = checkpoint.latest(folder, "me", notes.append)
    assert found is not None
    assert found.facts["epoch"] == 1
    assert notes == [
        "00000002.safetensors is damaged: its content does not fit the hash in its name;"
        " going back to the checkpoint before it"
    ]


@given(**places)
def test_no_changed_bit_of_a_remembered_value_is_ever_taken(
    tmp_path_factory: pytest.TempPathFactory, place: int, bit: int
) -> None:
    folder, notes = tmp_path_factory.mktemp("remembered"), []
    path = remember(folder, 1.0)
    path.write_bytes(damaged(path.read_bytes(), place, bit))
    assert context(folder, notes.append).remember("value 1", float, lambda: 7.0) == 7.0
    assert len(notes) == 1


@given(**places)
def test_a_record_with_a_changed_bit_is_refused_or_says_the_same(
    tmp_path_factory: pytest.TempPathFactory, place: int, bit: int
) -> None:
    path = save_record(tmp_path_factory.mktemp("records"), 0.125)
    original = Record.load(path)
    path.write_bytes(damaged(path.read_bytes(), place, bit))
    try:
        found = Record.load(path)
    except ValueError:
        return
    assert found == original


@pytest.mark.parametrize("change", [{"identity": "you"}, {"epoch": None}])
def test_a_checkpoint_of_another_run_or_other_facts_is_not_taken(
    tmp_path: Path, change: dict[str, object]
) -> None:
    notes: list[str] = []
    checkpoint.write(tmp_path, 1, Checkpoint({"w": torch.ones(2)}, {**FACTS, **change}))

    def fits(found: Checkpoint) -> None:
        if found.facts["epoch"] is None:
            raise ValueError("there is no epoch")

    assert checkpoint.latest(tmp_path, "me", notes.append, fits) is None
    assert len(notes) == 1


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[" * 100_000, b"\x10" + bytes(15), b"\xff" * 64, b"null"]
)
@pytest.mark.parametrize("writer", ["checkpoint", "remembered"])
def test_a_file_with_a_true_hash_and_any_content_is_no_traceback(
    tmp_path: Path, content: bytes, writer: str
) -> None:
    from lopsided.reproduce.disk import seal

    notes: list[str] = []
    if writer == "checkpoint":
        seal(tmp_path, "00000001", ".safetensors", content)
        assert checkpoint.latest(tmp_path, "me", notes.append) is None
    else:
        seal(tmp_path, "x", ".json", content)
        assert context(tmp_path, notes.append).remember("x", float, lambda: 7.0) == 7.0
    assert len(notes) == 1


def test_what_one_name_remembers_is_not_taken_for_another(tmp_path: Path) -> None:
    remember(tmp_path, 0.25)
    assert context(tmp_path).remember("value 0", float, lambda: 7.0) == 7.0


def test_what_was_remembered_with_other_data_or_versions_is_not_taken(tmp_path: Path) -> None:
    remember(tmp_path, 1.0)
    assert context(tmp_path).of("other data").remember("value 1", float, lambda: 7.0) == 7.0
    assert context(tmp_path).remember("value 1", float, lambda: 8.0) == 1.0


def test_a_file_larger_than_a_checkpoint_can_be_is_not_read(tmp_path: Path) -> None:
    notes: list[str] = []
    with (tmp_path / "00000001.safetensors").open("wb") as file:
        file.truncate(2**40)  # a hole: it takes no room on the disk
    assert checkpoint.latest(tmp_path, "me", notes.append, most=1000) is None
    assert notes == [
        "00000001.safetensors has 1,099,511,627,776 bytes, 1,000 at most are expected; starting"
        " from the beginning"
    ]


@contextmanager
def small_disk(bytes_left: int) -> Iterator[None]:
    """No file can grow beyond so many bytes: what a full disk does, without filling one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_left, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("bytes_left", [0, 2])
@pytest.mark.parametrize("writer", WRITERS)
def test_a_full_disk_leaves_what_was_there_and_no_draft(
    tmp_path: Path, writer: str, bytes_left: int
) -> None:
    write = WRITERS[writer]
    write(tmp_path, 3)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(OSError) as caught, small_disk(bytes_left):
        write(tmp_path, 4)
    assert Path(caught.value.filename).parent == tmp_path
    assert "draft" not in caught.value.filename
    assert str(caught.value).endswith(f": {caught.value.filename!r}")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_full_scratch_folder_is_named(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, (0,))
    shelf.lay_out(2, 3)
    means = Means(2, 3)
    for write in (
        lambda: shelf.keep(0, means),
        lambda: shelf.put(weight=np.ones((100, 100))),
        lambda: shelf.lay_out(1000, 3),
    ):
        with pytest.raises(OSError) as caught, small_disk(2):
            write()
        assert Path(caught.value.filename).parent == tmp_path


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("writer", WRITERS)
def test_a_disk_that_fails_late_leaves_what_was_there_and_no_draft(
    tmp_path: Path, writer: str, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = WRITERS[writer]
    write(tmp_path, 3)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(*((os, call) if call == "fsync" else (Path, call)), fail)
    with pytest.raises(OSError, match="No space left"):
        write(tmp_path, 4)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_the_draft_of_a_killed_writer_is_used_up_by_the_next(tmp_path: Path) -> None:
    (tmp_path / ".x.json.draft").write_text("half a f")
    write_atomically(tmp_path / "x.json", b"whole")
    assert [path.name for path in tmp_path.iterdir()] == ["x.json"]


@pytest.mark.parametrize("name", ["x" * 255, "ü" * 127], ids=["ascii", "utf-8"])
def test_a_name_as_long_as_systems_take_is_written(tmp_path: Path, name: str) -> None:
    for content in (b"old", b"new"):
        write_atomically(tmp_path / name, content)
    assert [place.name for place in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_bytes() == b"new"
    with pytest.raises(OSError, match="File name too long"):
        write_atomically(tmp_path / (name + "xx"), b"new")


IN_THE_WAY = {
    "a link": Path.symlink_to,
    "a file that has another name too": Path.hardlink_to,
    "a named pipe": lambda draft, _: os.mkfifo(draft),
    "a folder": lambda draft, _: draft.mkdir(),
}


@pytest.mark.parametrize("what", IN_THE_WAY)
def test_what_a_stranger_laid_where_the_draft_goes_is_refused_and_left(
    tmp_path: Path, what: str
) -> None:
    theirs, path = tmp_path / "theirs", tmp_path / "x.html"
    theirs.write_bytes(b"precious")
    path.write_bytes(b"old")
    IN_THE_WAY[what](tmp_path / ".x.html.draft", theirs)
    with pytest.raises(ValueError, match=rf"\.x\.html\.draft is {what}, and in the way"):
        write_atomically(path, b"new")
    assert (theirs.read_bytes(), path.read_bytes()) == (b"precious", b"old")
    assert len([*tmp_path.iterdir()]) == 3


def test_the_draft_of_a_private_file_is_private(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (path := tmp_path / "x.html").touch(0o600)
    modes = []
    monkeypatch.setattr(os, "fsync", lambda n: modes.append(stat.S_IMODE(os.fstat(n).st_mode)))
    write_atomically(path, b"new")
    assert modes[0] == 0o600


def write_often(path: Path, sign: bytes) -> None:
    for _ in range(50):
        write_atomically(path, sign * 100_000)


def test_many_who_write_one_file_wait_for_each_other_and_nobody_reads_a_part(
    tmp_path: Path,
) -> None:
    path, fork = tmp_path / "x.html", get_context("fork")
    write_atomically(path, b"a" * 100_000)
    writers = [fork.Process(target=write_often, args=(path, sign)) for sign in (b"a", b"b", b"c")]
    for process in writers:
        process.start()
    while any(process.is_alive() for process in writers):
        content = path.read_bytes()
        assert content == content[:1] * 100_000
    assert [process.exitcode for process in writers] == [0, 0, 0]
    assert [place.name for place in tmp_path.iterdir()] == ["x.html"]


def test_what_is_written_over_keeps_its_mode_and_its_links_and_is_a_file(tmp_path: Path) -> None:
    path, link, pipe = tmp_path / "x.html", tmp_path / "link.html", tmp_path / "pipe.html"
    path.write_bytes(b"old")
    path.chmod(0o600)
    link.symlink_to(path)
    write_atomically(link, b"new")
    assert link.is_symlink()
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    os.mkfifo(pipe)
    with pytest.raises(ValueError, match=r"pipe\.html is a named pipe, not a file"):
        write_atomically(pipe, b"new")
    with pytest.raises(ValueError, match=r"pipe\.html is a named pipe, not a file"):
        require_writable(pipe)


def test_what_one_does_alone_another_cannot_begin_until_it_has_ended(tmp_path: Path) -> None:
    with (  # noqa: SIM117
        alone(tmp_path / "lock", "it"),
        pytest.raises(ValueError, match="another process is at it already"),
    ):
        with alone(tmp_path / "lock", "it"):
            raise AssertionError
    with alone(tmp_path / "lock", "it"):
        pass


def test_a_record_is_json_that_other_tools_read(tmp_path: Path) -> None:
    assert json.loads(save_record(tmp_path, 0.5).read_text())["numbers"] == {"x": 0.5}
