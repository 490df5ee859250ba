"""Memory: what this process may have, and the refusal of what needs more."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

#: Where Linux says which groups a process is in, and which limits they have.
GROUPS, LIMITS = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")


@cache
def available() -> int:
    """Return the bytes of memory that this process may have: the machine's, or fewer where its
    container, its job on a cluster or its shell (`ulimit -v`) has fewer; no limit on Windows, which
    tells Python of none.
    """
    if sys.platform == "win32":
        return sys.maxsize
    import resource

    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    address_space, _ = resource.getrlimit(resource.RLIMIT_AS)
    unlimited = address_space == resource.RLIM_INFINITY
    return min([machine, *group_limits(GROUPS, LIMITS), *([] if unlimited else [address_space])])


def group_limits(groups: Path, limits: Path) -> Iterator[int]:
    """Yield the limits in bytes of the control groups that this process is in, and of those around
    them; of both versions of control groups.

    Args:
        groups: file of a line "number:controllers:path" for each hierarchy.
        limits: folder in which the hierarchies are mounted.
    """
    for line in groups.read_text().splitlines() if groups.is_file() else []:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            top, name = limits, "memory.max"
        elif "memory" in controllers.split(","):
            top, name = limits / "memory", "memory.limit_in_bytes"
        else:
            continue
        # A container sees its own group as the top one, and may not have the folders of its path.
        within = Path(path.lstrip("/"))
        for folder in (within, *within.parents):
            file = top / folder / name
            words = file.read_text().strip() if file.is_file() else "max"
            if words.isdecimal():  # "max" is no limit
                yield int(words)


def require_memory(
    size: float, what: str, instead: str = "ask for the entries you need instead"
) -> None:
    """Refuse an array that would take more than half of the memory that this process may have.

    Args:
        size: bytes.
        what: what the bytes are for, for the message.
        instead: what to do about it.

    Raises:
        MemoryError: naming the bytes needed and the bytes there are.
    """
    if size > (present := available()) / 2:
        raise MemoryError(
            f"{what} needs {size / 2**30:,.1f} GiB and there are {present / 2**30:,.1f} GiB of"
            f" memory; {instead}"
        )
