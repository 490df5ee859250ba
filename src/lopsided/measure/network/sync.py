"""Measurements of many processes joined into one, by torch.distributed.

Each process has its shard's counts n_r, means m_r and scatter S_r. The joint mean is m = sum n_r
m_r / n and the joint scatter sum [S_r + n_r (m_r - m)(m_r - m)'], so a few sums over the processes
do it. Shards may be uneven or empty, and no process ever holds the state of another. All terms of
the scatter are squares, and means are summed as differences from a common vector near them, so
nothing cancels.

Sums over processes that hold different things would hang, or abort, or be wrong. So each process
first says in a sentence what it holds, or why it holds nothing of use, and where the sentences
differ every process raises the same error.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from lopsided.measure.state.blocks import left_over
from lopsided.measure.state.confusions import Confusions
from lopsided.measure.state.decisions import SUMS, Decisions
from lopsided.measure.state.means import Means
from lopsided.measure.state.moments import Moments
from lopsided.measure.state.regression import RegressionMoments
from lopsided.measure.state.scatter import Pooled, Projected
from lopsided.measure.state.second import SecondPass
from lopsided.needs import need, torch

First = TypeVar("First", bound=Means)
#: Bytes in which a process says what it holds.
SENTENCE = 1024


def available() -> bool:
    """Return whether this process belongs to a group of torch.distributed, with others."""
    distributed = need("torch.distributed", "'lopsided[torch]'")
    belongs = distributed.is_available() and distributed.is_initialized()
    return bool(belongs and distributed.get_world_size() > 1)


def first() -> bool:
    """Return whether this process is the first of all, or the only one."""
    return not available() or need("torch.distributed", "'lopsided[torch]'").get_rank() == 0


def agree(holds: str, group: Any = None, *, problem: str = "") -> None:
    """Go on only if all processes hold things of one kind; every process must call it.

    Args:
        holds: what this process holds, shapes included.
        group: process group; by default all processes.
        problem: why this process cannot take part; the others, which may be in any function of this
            module, learn it too.

    Raises:
        ValueError: the same in every process, if one has a problem or two hold different things.
    """
    said = _gather(f"!{problem}" if problem else holds, group)
    for rank, sentence in enumerate(said):
        if sentence.startswith("!"):
            raise ValueError(f"process {rank} could not measure: {sentence[1:]}")
    for rank, sentence in enumerate(said):
        if sentence != said[0]:
            raise ValueError(
                f"all processes must measure one thing, but process 0 has {said[0]} and process"
                f" {rank} has {sentence}"
            )


@contextmanager
def others_told(together: bool) -> Iterator[None]:
    """Let the other processes, which wait for samples, know why those of this one will not come."""
    try:
        yield
    except Exception as error:
        if together:
            with suppress(ValueError):
                agree("", problem=str(error))
        raise


def means(local: First, group: Any = None) -> First:
    """Return the counts and means of the samples of all processes, and nothing else changed; every
    process must call it.

    Args:
        local: means of this process's samples.
        group: process group; by default all processes.

    Raises:
        ValueError: the same in every process, if they hold different things.
    """
    agree(f"means of k={local.k}, d={local.d}", group)
    return _means(local, group)


def _means(local: First, group: Any) -> First:
    joint = local.copy()
    (joint.counts,) = reduce([local.counts], "sum", group)
    had = (local.counts > 0)[:, None]
    # Each class is shifted by the largest mean that a process has of it, coordinate by coordinate:
    # near them all at any offset.
    (shift,) = reduce([np.where(had, local.means, -np.inf)], "max", group)
    shift = np.where(joint.counts[:, None] > 0, shift, 0.0)
    apart = np.where(had, local.means - shift + local.rests, 0.0)
    (total,) = reduce([local.counts[:, None] * apart], "sum", group)
    joined = total / np.maximum(joint.counts, 1)[:, None]
    joint.means = shift + joined
    joint.rests = left_over(shift, joined, joint.means)
    return joint


def moments(local: Moments, group: Any = None) -> Moments:
    """Return the moments of the samples of all processes; every process must call it.

    Args:
        local: moments of this process's samples.
        group: process group; by default all processes.

    Raises:
        ValueError: the same in every process, if one has moments that were closed by a second pass,
            or they hold different things.
    """
    closed = isinstance(local.scatter, Projected)
    kept = "none" if local.scatter is None else "pooled"
    agree(
        f"moments of k={local.k}, d={local.d}, scatter={kept!r}",
        group,
        problem=(
            "synchronise the first pass before the second one starts, and the second pass itself"
            if closed
            else ""
        ),
    )
    joint = _means(local, group)
    apart = local.means - joint.means + (local.rests - joint.rests)
    between = np.sqrt(local.counts)[:, None] * apart
    (joint.spread,) = reduce([local.spread + np.einsum("cd,cd->c", between, between)], "sum", group)
    if isinstance(joint.scatter, Pooled):
        joint.scatter.add(between)
        (upper,) = reduce([joint.scatter.upper.T], "sum", group)
        joint.scatter = Pooled(upper.T)
    return joint


def regression(local: RegressionMoments, group: Any = None) -> RegressionMoments:
    """Return the moments of a regression on the samples of all processes; every process must call
    it.

    Raises:
        ValueError: the same in every process, if they hold different things.
    """
    d, t = (len(mean) for mean in local.means)
    agree(f"moments of {d} features and {t} outputs", group)
    joint = RegressionMoments(d, t)
    (counted,) = reduce([np.array([local.n])], "sum", group)
    joint.n = int(counted[0])
    if not joint.n:
        return joint
    means, scatters = [], []
    for mean, scatter in zip(local.means, local.scatters, strict=True):
        (shift,) = reduce([mean if local.n else np.full_like(mean, -np.inf)], "max", group)
        (apart,) = reduce([local.n * (mean - shift)], "sum", group)
        means.append(shift + apart / joint.n)
        off = mean - means[-1]
        scatters += reduce([scatter + local.n * np.outer(off, off)], "sum", group)
    joint.means, joint.scatters = (means[0], means[1]), (scatters[0], scatters[1])
    return joint


def decisions(local: Decisions, group: Any = None) -> Decisions:
    """Return the decisions on the samples of all processes; every process must call it.

    Raises:
        ValueError: the same in every process, if they hold different things.
    """
    agree(f"decisions on {local.k} classes", group)
    joint = Decisions(local.k)
    for name, array in zip(
        SUMS, reduce([getattr(local, name) for name in SUMS], "sum", group), strict=True
    ):
        setattr(joint, name, array)
    (joint.smallest_margin,) = reduce([local.smallest_margin], "min", group)
    _confusions(local.confusions, joint.confusions, group)
    return joint


def _confusions(local: Confusions, joint: Confusions, group: Any) -> None:
    """Bring the pairs of all processes into one, of one process after the other."""
    distributed, state = need("torch.distributed", "'lopsided[torch]'"), local.state()
    rank, processes = distributed.get_rank(group), distributed.get_world_size(group)
    sizes = np.zeros((2, processes), np.int64)
    sizes[:, rank] = state.shape[1], local.missed
    (sizes,) = reduce([sizes], "sum", group)
    for other, (size, missed) in enumerate(sizes.T.tolist()):
        own = state if other == rank else np.zeros((2, size), np.int64)
        joint.merge_state(reduce([own], "sum", group)[0], missed)


def second_pass(local: SecondPass, group: Any = None) -> SecondPass:
    """Return the second pass over the samples of all processes, under a common first pass; every
    process must call it.

    Raises:
        ValueError: the same in every process, if they hold different things.
    """
    agree(f"a second pass of k={len(local.sums()[0])}", group)
    counts, spread, traces = reduce(local.sums(), "sum", group)
    return local.joint(counts, spread, traces, decisions(local.decisions, group))


def reduce(
    arrays: Sequence[npt.NDArray[Any]], operation: str, group: Any = None
) -> list[npt.NDArray[Any]]:
    """Return the sums, minima or maxima of arrays over the processes; gloo works on the CPU, nccl
    on the current GPU.
    """
    distributed = need("torch.distributed", "'lopsided[torch]'")
    operations = {
        "sum": distributed.ReduceOp.SUM,
        "min": distributed.ReduceOp.MIN,
        "max": distributed.ReduceOp.MAX,
    }
    results = []
    for array in arrays:
        tensor = torch().tensor(np.ascontiguousarray(array), device=_device(group))
        distributed.all_reduce(tensor, op=operations[operation], group=group)
        results.append(tensor.cpu().numpy())
    return results


def _gather(sentence: str, group: Any) -> list[str]:
    """Return the sentences of all processes, each cut to what a tensor of SENTENCE bytes holds."""
    distributed = need("torch.distributed", "'lopsided[torch]'")
    mine = torch().tensor(
        list(sentence.encode()[:SENTENCE].ljust(SENTENCE)),
        dtype=torch().uint8,
        device=_device(group),
    )
    everyone = [torch().empty_like(mine) for _ in range(distributed.get_world_size(group))]
    distributed.all_gather(everyone, mine, group=group)
    return [bytes(tensor.tolist()).decode(errors="ignore").rstrip() for tensor in everyone]


def _device(group: Any) -> str:
    return (
        "cuda"
        if need("torch.distributed", "'lopsided[torch]'").get_backend(group) == "nccl"
        else "cpu"
    )
