"""The diagnosis of a torch model and its loaders, in one call."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Literal

from lopsided.bars import bars
from lopsided.counts import Counts, CountsLike
from lopsided.diagnosis.diagnosis import Diagnosis
from lopsided.diagnosis.kept import Kept
from lopsided.labels import Ignore, sentinels
from lopsided.measure.checks import samples_of
from lopsided.measure.collapse import Classes, Collapse
from lopsided.measure.counted import contradicted, seen_of
from lopsided.measure.network import sync
from lopsided.measure.network.head import tied
from lopsided.measure.network.run import Part, Run
from lopsided.measure.network.tensors import to_numpy
from lopsided.measure.network.trained import trained
from lopsided.measure.state.decisions import Decisions
from lopsided.measure.state.means import Means
from lopsided.measure.state.second import SecondPass
from lopsided.steer.prescribe import Prescription, Trained, prescribed, rows_read
from lopsided.steer.prescribe.prescription import Loss

#: Of several processes none has all features, which a second head is trained on.
SEVERAL = (
    "What another head would be worth was not tried: it takes all features, and each process has"
    " its own; give every process all samples, or diagnose in one process that is in no group."
)
#: What is fitted to some positions of an image is judged by its other positions.
POSITIONS = (
    "Careful: several held-out samples are positions of one sequence or image and go together, but"
    " count as if each were drawn alone: the interval is too narrow, and in other sequences or"
    " images the gain may be less."
)


def diagnose(
    model: Any,
    train_loader: Iterable[Any] | None,
    counts: CountsLike | None = None,
    *,
    held_out: Iterable[Any] | None = None,
    loss: Loss | None = None,
    head: Any = None,
    passes: Literal[1, 2] | None = None,
    classes: Classes = "all",
    ignore: Ignore = None,
    shift: int | None = None,
    inputs: Part = None,
    labels: Part = None,
    show_progress: bool = True,
) -> Diagnosis:
    """Return what a trained network answers, why, what to do about it and what that is worth.

    Errors are counted on held-out samples, geometry is measured on training samples: give both. The
    model runs once over each, in evaluation mode and without gradients, and is left as it was, and
    features are kept in memory, n d numbers; `passes` does without. In a process group of
    torch.distributed the samples of all processes are joined, so every process must call this; the
    same samples in all of them count once.

    Args:
        model: a torch module; one that is compiled runs uncompiled meanwhile.
        train_loader: batches of the samples trained on, best not augmented: pairs (inputs, labels),
            or mappings with `labels` in them that are given to the model as keywords; of others say
            `inputs` and `labels`. None where there are none.
        counts: training samples of each class, with names where they have any; by default those of
            `train_loader`.
        held_out: batches of samples that were not trained on, best in the proportions of the
            training set; one to five of the rarest class tell a lot.
        loss: what the network was trained with: "cross-entropy", "weighted", "logit-adjusted", or
            None for unknown; held-out samples tell more than this.
        head: the last layer, or its name in the model; by default the last linear layer, or the one
            as wide as it that makes the model's output; a message names it.
        passes: where the features of the training samples are too many to keep: how often the model
            runs over them instead, 2 for nearest class means too (NC4). No second head is tried.
        classes: "all", or "seen" to leave out of the geometry classes without training samples.
        ignore: the label, or labels, of positions without a class, such as -100.
        shift: 1 where position t of a sequence was trained on the label of t + 1.
        inputs: what of a batch the model is given: a function of the batch, or a place or name in
            it; a tuple is given as arguments, a mapping as keywords.
        labels: what of a batch the labels are, likewise.
        show_progress: show a progress bar.

    Raises:
        ValueError: if the head is not found, is not linear or does not fit, a loader gives nothing,
            or a sample cannot be used; it is named.
        TypeError: if a loader gives anything else, or labels are not whole numbers.
        MemoryError: if the features take more than half of this machine's memory.

    Example:
        >>> import torch
        >>> data = [(torch.tensor([[1.0, 0.0], [3.0, 0.0], [0.0, 2.0]]), torch.tensor([0, 0, 1]))]
        >>> found = diagnose(torch.nn.Linear(2, 2), data, show_progress=False)
        >>> round(found.collapse.nc1, 6), list(found.sections)
        (0.083333, ['What it answers', 'Cause and remedy', 'Geometry'])
    """
    if train_loader is None and held_out is None:
        raise ValueError("give training samples, held-out samples, or best both")
    if held_out is not None and held_out is train_loader:
        raise ValueError(
            "training and held-out samples are one loader: errors on samples trained on tell"
            " nothing of others; give a loader of samples that were not trained on"
        )
    known = None if counts is None else Counts.of(counts)
    options: dict[str, Any] = {"head": head, "ignore": ignore, "shift": shift}
    options |= {"inputs": inputs, "labels": labels, "show_progress": show_progress}
    collapse = None
    if train_loader is not None and passes is not None:
        collapse = trained(model, train_loader, known, passes=passes, classes=classes, **options)
    run = Run(model, known, **options)
    marks, sets, decided = sentinels(ignore), {}, {}
    with run:
        for name, loader in (("training", train_loader), ("held-out", held_out)):
            if loader is not None and (name == "held-out" or passes is None):
                sets[name] = Kept(name)
                decided[name] = _read(run, loader, sets[name], marks)
        found = run.head() if sets else None
    if found is None:
        assert collapse is not None
        weight, bias = collapse.weight, collapse.bias
    else:
        weight, bias = (None if part is None else to_numpy(part) for part in found)
    if "training" in sets:
        collapse = _collapse(
            sets["training"], (weight, bias), decided["training"], run, classes, known
        )
    if known is None and collapse is not None and collapse.k == run.passing.shape[0]:
        known = Counts(collapse.moments.counts)
    with bars(show=show_progress) as bar:
        rows = [len(sets[name]) if name in sets else 0 for name in ("training", "held-out")]
        task = bar.add_task("finding a head", total=rows_read(*rows) if all(rows) else 0)
        prescription, notes = _prescribed(
            run, (weight, bias), sets, known, loss, collapse, lambda rows: bar.advance(task, rows)
        )
    if prescription is not None and sets and (odd := run.passing.affine.unlike_stored()):
        directions = run.passing.affine.of_directions()
        prescription = replace(prescription, directions=directions)
        behind = " behind a layer that divides features by their lengths" if directions else ""
        notes = (
            *notes,
            f"The head is {odd}, not its weight as stored: what takes its place is a plain linear"
            f" layer{behind}, with the prescription's weight and bias.",
        )
    elif (
        prescription is not None
        and prescription.remedy != "nothing"
        and (other := tied(model, run.passing.head))
    ):
        notes = (
            *notes,
            f"The head's weight is {other!r} too, which would change with it, and the features"
            " after that: put a linear layer of its own in the head's place before apply_.",
        )
    if run.passing.made:
        made = run.passing.made[0].upper() + run.passing.made[1:]
        notes = (
            *notes,
            f"{made}: what is said of answers, cause and gain is of the head's own. What corrects"
            " for class counts behind the head, as an offset of log(n_c / n) does, is to go when"
            " another head takes its place: it would correct a second time.",
        )
    return Diagnosis.of(collapse, decided.get("held-out"), prescription, known, notes=notes)


def _read(run: Run, loader: Iterable[Any], kept: Kept, marks: tuple[int, ...]) -> Decisions:
    """Run the model over a loader, keep features and labels, and return its decisions."""
    decisions: list[Decisions] = []

    def take(features: Any, labels: Any, logits: Any) -> None:
        batch = to_numpy(features), labels, to_numpy(logits)
        x, y, z = samples_of(*batch, run.passing.shape, marks)
        if not decisions:
            decisions.append(Decisions(run.passing.shape[0]))
        decisions[0].update(z, y, linear=True)
        kept.add(x, y)

    kept.shared = run.read(loader, f"reading {kept.what} samples", take)
    kept.rows = run.rows
    own = decisions[0] if decisions else Decisions(run.passing.shape[0])
    joined = sync.decisions(own) if kept.shared else own
    if not joined.counts.any():
        raise ValueError(
            f"there is no {kept.what} sample: the loader gave no batch, or all its labels say to"
            " leave out"
        )
    return joined


def _collapse(
    kept: Kept,
    head: tuple[Any, Any],
    decisions: Decisions,
    run: Run,
    classes: Classes,
    counts: Counts | None,
) -> Collapse:
    first = Means(*run.passing.shape)
    for features, labels in kept:
        first.update(features, labels)
    first = sync.means(first) if kept.shared else first
    if classes == "all":
        first.require_every_class()
    second = SecondPass(first, *head)
    for features, labels in kept:
        second.update(features, labels)
    second = sync.second_pass(second) if kept.shared else second
    compared = second.decisions
    decisions.compared, decisions.agreed = compared.compared, compared.agreed
    collapse = Collapse.of(second.moments(), *head, decisions, classes, counts)
    if counts is not None:
        contradicted(collapse, counts, one_epoch=True)
    return collapse


def _prescribed(
    run: Run,
    head: tuple[Any, Any],
    sets: dict[str, Kept],
    counts: Counts | None,
    loss: Loss | None,
    collapse: Collapse | None,
    progress: Callable[[int], object],
) -> tuple[Prescription | None, tuple[str, ...]]:
    """Return the prescription, or why there is none."""
    if "held-out" in sets and any(kept.shared for kept in sets.values()):
        return None, (SEVERAL,)
    if counts is None or head[0] is None:
        return None, ("What to do is not known without the training counts: give counts.",)
    if len(head[0]) != counts.k:
        return None, (
            "What to do is not known of a head of which classes were left out: leave out passes=.",
        )
    held_out = sets.get("held-out")
    train = None if held_out is None else sets.get("training")  # a second head only to be tried
    seen = None if collapse is None else seen_of(collapse, counts.k)
    trained = Trained.of(head, train, counts, loss, progress, seen)
    found = prescribed(trained, held_out, progress)
    if held_out is not None and found.worth is not None and len(held_out) > held_out.rows:
        sentences, doubts = (POSITIONS, *found.sentences), (POSITIONS, *found.doubts)
        found = replace(found, sentences=sentences, doubts=doubts)
    return found, ()
