"""What memory a process may have: the machine's, its control groups', its shell's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lopsided import memory

MACHINE = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def mounted(tmp_path: Path, groups: str, limits: dict[str, str]) -> list[int]:
    (tmp_path / "cgroup").write_text(groups)
    for name, words in limits.items():
        file = tmp_path / "fs" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(words + "\n")
    return sorted(memory.group_limits(tmp_path / "cgroup", tmp_path / "fs"))


@pytest.mark.parametrize(
    ("groups", "limits", "expected"),
    [
        ("0::/\n", {"memory.max": "max"}, []),
        ("0::/\n", {"memory.max": "1024"}, [1024]),  # in a container
        (
            "0::/slurm/job:7/step\n",
            {"slurm/memory.max": "max", "slurm/job:7/memory.max": "4096"},
            [4096],
        ),
        ("0::/a/b\n", {"a/memory.max": "9", "a/b/memory.max": "8"}, [8, 9]),
        (
            "5:cpu:/other\n4:cpuset,memory:/docker/x\n0::/\n",
            {"memory/memory.limit_in_bytes": "77", "memory/other/memory.limit_in_bytes": "1"},
            [77],
        ),
        ("", {"memory.max": "1"}, []),
    ],
)
def test_the_limits_of_a_process_are_those_of_its_groups_and_of_those_around_them(
    tmp_path, groups, limits, expected
):
    assert mounted(tmp_path, groups, limits) == expected


def test_without_groups_the_machine_is_the_limit(tmp_path):
    assert list(memory.group_limits(tmp_path / "none", tmp_path)) == []
    assert 0 < memory.available() <= MACHINE


def test_what_a_shell_allows_is_the_limit():
    code = "from lopsided.memory import available; print(available())"
    limited = ["bash", "-c", f"ulimit -v 4000000; exec {sys.executable} -c '{code}'"]
    found = subprocess.run(limited, capture_output=True, text=True, check=True)
    assert int(found.stdout) == 4_000_000 * 1024


def test_where_the_system_tells_no_limit_there_is_none():
    code = (
        "import os, sys; sys.modules['resource'] = None; del os.sysconf; import lopsided; "
        "sys.platform = 'win32'; lopsided.memory.require_memory(2**50, 'a matrix')"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
