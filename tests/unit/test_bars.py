"""Bars are seen where somebody looks, and nowhere else."""

import io
import sys

import pytest
import torch

from lopsided.bars import tracked
from lopsided.measure import diagnose


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_script_that_is_piped_prints_its_own_lines_alone(capfd):
    data = [torch.randn(20, 2), torch.arange(20) % 2]
    diagnose(torch.nn.Linear(2, 2), [data], held_out=[(2 * data[0], data[1])])
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("show", [True, False])
def test_a_bar_is_on_standard_error_of_a_terminal(show, monkeypatch):
    out, error = Terminal(), Terminal()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", error)
    monkeypatch.setenv("TERM", "xterm")
    assert list(tracked(range(3), "counting", show=show)) == [0, 1, 2]
    assert not out.getvalue()
    assert ("counting" in error.getvalue()) == show
