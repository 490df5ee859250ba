"""The command line whatever its words, its streams and its surroundings: one sentence, a status,
never a traceback."""

import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from lopsided import __version__
from lopsided.cli import EXTRAS, main
from lopsided.cli.output import shown
from lopsided.cli.predict import Predict

PREDICT = [sys.executable, "-m", "lopsided.cli", "predict", "--counts", "50,50,5"]


@pytest.fixture(autouse=True)
def _without_traceback(monkeypatch):
    monkeypatch.delenv("LOPSIDED_TRACEBACK", raising=False)


def answer(capsys, words):
    """Return status and sentence of a command line that is refused."""
    status = main(words)
    out, error = capsys.readouterr()
    assert out == ""
    assert error.startswith("lopsided: ")
    assert error.count("\n") == 1
    return status, error


def test_the_version_is_told(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"lopsided {__version__}\n"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            [],
            "name what to do; there are predict, solve, measure, steer, reproduce, explore; see"
            " lopsided --help",
        ),
        (["pridict"], "there is no verb 'pridict'; did you mean predict? There are predict, solve"),
        (["--versoin"], "no option --versoin goes before a verb; did you mean --version"),
        (["--verbose", "predict"], "no option --verbose goes before a verb"),
        (["predict", "--counts", "5,5", "--json", "--csv"], "two forms of one answer"),
        (
            ["predict", "--stepp", "k=10"],
            "unrecognized options: --stepp, k=10; perhaps --step was meant",
        ),
        (
            ["predict", "--counts", "5,5", "--bias", "None"],
            "--bias must be none, free or a number, got 'None'",
        ),
        (
            ["measure", "x.npz", "--passes", "3"],
            "invalid choice '3' for argument '--passes'; there are 1, 2",
        ),
        (["predict", "--counts", "5,5", "--gamma", "much"], "--gamma must be a number, got 'much'"),
        (
            ["predict", "--counts", "5,5", "--layers", "1e3"],
            "--layers must be a whole number, got '1e3'",
        ),
        (
            ["predict", "--counts", "5,5", "--layers", "9" * 5000],
            "--layers must be a whole number of fewer digits",
        ),
        (["predict", "--list"], "applied to lopsided predict); see lopsided --help"),
        (["predict", "--counts"], "missing value for argument '--counts'"),
        (["measure"], "missing from lopsided measure: PATH"),
        (
            ["reproduce", "demo", "--device", "tpu"],
            "invalid choice 'tpu' for argument '--device'; there are cpu, cuda",
        ),
        (["--tyro-print-completion", "elvish"], "Shell should be one"),
    ],
)
def test_a_command_line_that_is_none_is_answered_in_one_sentence(words, sentence, capsys):
    status, error = answer(capsys, words)
    assert status == 2
    assert sentence in error


@pytest.mark.parametrize("colour", ["", "1"])
def test_help_is_help_and_has_no_colours_for_those_who_want_none(colour, capsys, monkeypatch):
    monkeypatch.setenv("NO_COLOR", colour)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert main(["predict", "--help"]) == 0
    out = capsys.readouterr().out
    assert "usage:" in out
    assert ("\x1b[" in out) == (not colour)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("plain ü ‖w‖²", "plain ü ‖w‖²"),
        ("\x1b[31mred\x07", "\\x1b[31mred\\x07"),
        ("two\nlines\n  of text", "two lines of text"),
        ("\u202eright to left", "\\u202eright to left"),
        (os.fsdecode(b"caf\xe9.npz"), "caf\\udce9.npz"),
    ],
)
def test_nothing_that_is_shown_speaks_to_the_terminal(text, line):
    assert shown(text) == line


def test_names_of_files_do_not_speak_to_the_terminal(tmp_path, capsys):
    assert main(["measure", str(tmp_path / "\x1b[2Jx.npz")]) == 2
    assert "\\x1b[2Jx.npz" in capsys.readouterr().err


def test_a_path_that_is_not_utf8_is_measured_and_written_on_the_page(tmp_path, capsys):
    path = os.path.join(os.fsencode(tmp_path), b"caf\xe9.npz")
    rng = np.random.default_rng(0)
    with open(path, "wb") as file:
        np.savez(
            file,
            features=rng.standard_normal((40, 3)),
            labels=np.arange(40) % 4,
            weight=rng.standard_normal((4, 3)),
        )
    assert main(["measure", os.fsdecode(path), "--report", str(tmp_path / "r.html"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["k"] == 4
    assert "caf\\udce9.npz" in (tmp_path / "r.html").read_text()


def test_a_mistake_of_our_own_says_so_and_keeps_its_traceback_for_those_who_ask(
    monkeypatch, capsys
):
    def mistaken(self):
        return {}["x"]

    monkeypatch.setattr(Predict, "run", mistaken)
    status, error = answer(capsys, ["predict", "--counts", "5,5"])
    assert status == 70
    assert (
        "a mistake in lopsided, please report it with what LOPSIDED_TRACEBACK=1 shows (KeyError:"
        " 'x')" in error
    )
    monkeypatch.setenv("LOPSIDED_TRACEBACK", "1")
    with pytest.raises(KeyError):
        main(["predict", "--counts", "5,5"])


def test_another_process_that_has_ended_is_no_mistake_of_our_own(monkeypatch, capsys):
    def left_alone(self):
        raise RuntimeError("[gloo/transport/tcp/pair.cc:553] Connection closed by peer")

    monkeypatch.setattr(Predict, "run", left_alone)
    status, error = answer(capsys, ["predict", "--counts", "5,5"])
    assert status == 2
    assert error.startswith("lopsided: another process of torchrun has ended or does not answer,")


def test_processes_that_do_not_find_each_other_are_no_mistake_of_our_own(monkeypatch, capsys):
    distributed = pytest.importorskip("torch.distributed")

    def apart(self):
        raise distributed.DistNetworkError("the server socket has failed to listen: EADDRINUSE")

    monkeypatch.setattr(Predict, "run", apart)
    status, error = answer(capsys, ["predict", "--counts", "5,5"])
    assert status == 2
    assert error.startswith(
        "lopsided: the processes of torchrun do not find each other (the server"
    )


@pytest.mark.parametrize("library", EXTRAS)
def test_a_missing_library_is_answered_with_the_line_that_installs_it(library, monkeypatch, capsys):
    def missing(self):
        raise ModuleNotFoundError(f"No module named '{library}.part'", name=f"{library}.part")

    monkeypatch.setattr(Predict, "run", missing)
    status, error = answer(capsys, ["predict", "--counts", "5,5"])
    assert status == 2
    assert f"pip install 'lopsided[{EXTRAS[library]}]'" in error


def test_interruption_is_one_line_and_status_130(monkeypatch, capsys):
    def interrupted(self):
        raise KeyboardInterrupt

    monkeypatch.setattr(Predict, "run", interrupted)
    assert answer(capsys, ["predict", "--counts", "5,5"]) == (130, "lopsided: interrupted\n")


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_while_words_are_read_is_not_taken_for_words_that_are_wrong(
    number, status, monkeypatch, capsys
):
    monkeypatch.setattr("tyro.cli", lambda *_, **__: signal.raise_signal(number))
    assert main(["predict", "--counts", "5,3"]) == status
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("option", ["--plot", "--report"])
@pytest.mark.parametrize(
    ("place", "sentence"),
    [
        ("absent/f.svg", "there is no folder"),
        ("folder.svg", "is a folder"),
        ("sealed/f.svg", "Permission denied"),
    ],
)
def test_a_result_that_cannot_be_written_is_found_out_before_the_work(
    option, place, sentence, tmp_path, monkeypatch, capsys
):
    (tmp_path / "folder.svg").mkdir()
    (tmp_path / "sealed").mkdir()
    monkeypatch.setattr(
        os, "access", lambda path, mode: "sealed" not in str(path)
    )  # root may write anywhere
    status, error = answer(capsys, ["measure", "absent.npz", option, str(tmp_path / place)])
    assert status == 2
    assert sentence in error


@pytest.mark.parametrize(
    ("shell", "status", "sentence"),
    [
        (
            ">&-",
            2,
            "lopsided: standard output is closed; send it to /dev/null if it is not wanted\n",
        ),
        (">/dev/full", 2, "lopsided: cannot write the output: No space left on device\n"),
        ("| true", 0, ""),
        ("--help | true", 0, ""),
        ("2>&- | head -n 1 | grep -q cross-entropy", 0, ""),
        ("--bias wrong 2>&-", 2, ""),
        ("--bias wrong 2>/dev/full", 2, ""),
    ],
)
def test_streams_that_are_closed_full_or_not_read_end_in_a_sentence_at_most(
    shell, status, sentence
):
    line = f'"$@" {shell}; exit ${{PIPESTATUS[0]}}'
    done = subprocess.run(["bash", "-c", line, "bash", *PREDICT], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (status, sentence)


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["measure", ""], "a word"),
        (["measure", "x.npz", "--ood", ""], "--ood"),
        (["measure", "x.npz", "--scheduler="], "--scheduler"),
        (["steer", "--features", "", "--held-out", "y.npz"], "--features"),
        (["explore", "--out", ""], "--out"),
        (["reproduce", "norms", "--grid", ""], "--grid"),
        (["reproduce", "norms", "--out="], "--out"),
    ],
)
def test_a_word_that_is_empty_is_not_taken_for_the_current_folder_or_the_default(
    capsys, words, what
):
    said = f"lopsided: {what} is empty, as where a variable of the shell is not set\n"
    assert answer(capsys, words) == (2, said)


def test_a_standard_input_that_is_closed_is_told():
    line = '"$@" predict --labels - <&-'
    program = [sys.executable, "-m", "lopsided.cli"]
    done = subprocess.run(["bash", "-c", line, "bash", *program], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (2, "lopsided: standard input is closed\n")


def test_claims_have_their_settings_without_docstrings():
    done = subprocess.run(
        [sys.executable, "-OO", "-m", "lopsided.cli", "reproduce", "norms", "--help"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "--points" in done.stdout


def test_members_are_not_said_to_be_what_all_are_without_docstrings():
    done = subprocess.run(
        [sys.executable, "-OO", "-m", "lopsided.cli", "steer", "--list"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "logit-adjusted" in done.stdout
    assert "Member(" not in done.stdout


@pytest.mark.parametrize(
    ("encoding", "told"),
    [("ascii", "'\\xe4'"), ("cp1252", "'\\u65e5'"), ("utf-8", "")],
)
def test_a_name_that_a_file_cannot_hold_is_not_written_as_its_escape(encoding, told):
    done = subprocess.run(
        [sys.executable, "-m", "lopsided.cli", "predict", "--counts", "ä=5,日=3", "--csv"],
        capture_output=True,
        env=os.environ | {"PYTHONIOENCODING": encoding},
    )
    if not told:
        assert "\nä,5," in done.stdout.decode()
        assert "\n日,3," in done.stdout.decode()
        return
    said = (
        f"lopsided: standard output is {encoding} and cannot hold {told}: take --json, or another"
    )
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.decode(encoding) == f"{said} encoding by PYTHONIOENCODING\n"


def test_a_terminal_that_knows_ascii_only_is_told_in_escapes():
    done = subprocess.run(
        PREDICT, capture_output=True, text=True, env=os.environ | {"PYTHONIOENCODING": "ascii"}
    )
    assert done.returncode == 0
    assert "\\u2016w\\u2016\\xb2" in done.stdout
