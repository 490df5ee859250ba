"""Laws of the files on a command line: what is read is never written over."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from lopsided.cli import main

LINKS = {"symbolic link": os.symlink, "hard link": os.link}
#: A file that is read -> a command that reads it and writes OUT.
COMMANDS = {
    "net.npz": "measure net.npz --report OUT.html",
    "head.npz": "measure features.npy --head head.npz --plot OUT.svg",
    "labels.npy": "measure features.npy --head head.npz --report OUT.html",
    "folder/net.npz": "measure folder --plot OUT.png",
    "counted.npy": "predict --labels counted.npy --plot OUT.pdf",
    "targets.csv": "predict --form regression --targets targets.csv --ridge 1 --plot OUT.svg",
    "labels.npz": "solve --labels labels.npz --path --plot OUT.svg",
}


@pytest.fixture
def files(tmp_path, monkeypatch):
    labels, features = np.arange(12) % 3, np.random.default_rng(0).standard_normal((12, 4))
    head = {"weight": features[:3]}
    (tmp_path / "folder").mkdir()
    for name in ("net.npz", "folder/net.npz"):
        np.savez(tmp_path / name, features=features, labels=labels, **head)
    np.savez(tmp_path / "head.npz", **head)
    np.savez(tmp_path / "labels.npz", labels=labels)
    np.save(tmp_path / "features.npy", features)
    np.save(tmp_path / "labels.npy", labels)
    np.save(tmp_path / "counted.npy", labels)
    np.savetxt(tmp_path / "targets.csv", features, delimiter=",")
    monkeypatch.chdir(tmp_path)
    return {name: (tmp_path / name).read_bytes() for name in COMMANDS}


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("name", COMMANDS)
def test_an_output_that_is_an_input_is_refused_and_nothing_is_written(files, name, link, capsys):
    words = COMMANDS[name].split()
    out = next(word for word in words if word.startswith("OUT"))
    LINKS[link](name, out)
    assert main([word if word != out else f"./{out}" for word in words]) == 2
    assert f"{out} is the file {name} that is read" in capsys.readouterr().err
    assert {other: Path(other).read_bytes() for other in COMMANDS} == files


def test_two_outputs_are_two_files(files, capsys):
    os.symlink("figure.svg", "page.html")
    assert main(["measure", "net.npz", "--plot", "figure.svg", "--report", "page.html"]) == 2
    assert "page.html is the file figure.svg" in capsys.readouterr().err
