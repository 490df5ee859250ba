"""Random sets of stored features: what the command says of each is what their numbers come to.

    OMP_NUM_THREADS=1 python benchmarks/campaigns/sets.py --cases 2000 --seed 1 --out
    benchmarks/records/campaigns/sets.json

A set is drawn (classes, some of which may have no sample; precision, layout and labels of some
type; samples to leave out), written in one of several forms, with its head in one of several
places, and measured by `lopsided measure` in one of several ways, with training counts or without,
beside samples held out or alone. What should come out is computed here from the same arrays by
plain linear algebra, sample by sample. Wrong is: a figure that is another by more than `ERROR`, a
class that is called by another number or name, and a set that is refused, though nothing is wrong
with it.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet
from campaign import random_cases
from safetensors.numpy import save_file

from lopsided.cli import main

Array = npt.NDArray[Any]
#: Error allowed in a figure, by the largest of its kind.
ERROR = 1e-9
LEFT_OUT = -100
#: Choices of a set.
CHOICES: dict[str, tuple[str, ...]] = {
    "form": ("npz", "compressed npz", "npy", "safetensors", "arrow", "parquet"),
    "folder": ("no", "one", "several", "several forms"),
    "precision": ("float16", "float32", "float64", "int8"),
    "labels": ("int64", "int32", "uint8", "int8"),
    "layout": ("plain", "plain", "Fortran", "big-endian", "a column of labels"),
    "order": ("mixed", "sorted"),
    "classes": ("all", "all", "some left out", "the last left out", "two are left"),
    "samples": ("all", "all", "some left out"),
    "head": ("in the files", "beside", "named", "none"),
    "bias": ("yes", "no"),
    "counts": ("none", "numbers", "names", "a file", "labels"),
    "passes": ("1", "2", "2"),
    "processes": ("1",) * 19 + ("2",),
    "held out": ("no", "yes", "yes"),
    "shown": ("json", "json", "csv"),
}


@dataclass(frozen=True)
class Samples:
    """Features and labels in the order in which they are stored; the last label may be a mark."""

    features: Array
    labels: Array

    def kept(self) -> Samples:
        """Return those that are not left out, exactly."""
        kept = self.labels != LEFT_OUT
        return Samples(self.features[kept].astype(np.float64), self.labels[kept].astype(np.int64))


@dataclass(frozen=True)
class Drawn:
    """A set: the plan, its samples and those held out, its head, its training counts."""

    plan: dict[str, str]
    k: int
    trained: Samples
    held_out: Samples
    weight: Array
    bias: Array | None
    counts: Array
    names: tuple[str, ...]


def drawn(rng: np.random.Generator) -> Drawn:
    """Draw a set; labels without a sign have no marks."""
    plan = {name: str(rng.choice(choices)) for name, choices in CHOICES.items()}
    if plan["labels"] == "uint8":
        plan["samples"] = "all"
    if plan["form"] in ("arrow", "parquet", "npy") and plan["head"] == "in the files":
        plan["head"] = "named"
    if plan["folder"] == "no" and plan["head"] == "beside":
        plan["head"] = "named"
    if plan["form"] not in ("npz", "compressed npz", "npy") or plan["folder"] == "several forms":
        plan["layout"] = "plain"  # others have none, and take no lists of lists
    if plan["head"] == "none":
        plan |= {"held out": "no", "classes": "all"}
    if plan["shown"] == "csv":
        plan["held out"] = "no"
    k, d = int(rng.integers(3, 10)), int(rng.integers(3, 13))
    counts = np.sort(rng.integers(2, 40, k))[::-1] if rng.random() < 0.7 else np.full(k, 8)
    seen = {
        "all": np.arange(k),
        "some left out": np.sort(rng.choice(k, int(rng.integers(2, k)), replace=False)),
        "the last left out": np.arange(k - 1),
        "two are left": np.sort(rng.choice(k, 2, replace=False)),
    }[plan["classes"]]
    means = rng.standard_normal((k, d)) * 3 + rng.standard_normal(d)

    def samples(each: Array) -> Samples:
        y = np.repeat(seen, each)
        y = y if plan["order"] == "sorted" else rng.permutation(y)
        x = means[y] + rng.standard_normal((len(y), d))
        x = np.round(x * 4) if plan["precision"] == "int8" else x
        y = y.astype(plan["labels"])
        if plan["samples"] == "some left out":
            marked = rng.random(len(y)) < 0.2
            marked[np.unique(y, return_index=True)[1]] = False  # no class is without samples by it
            y[marked] = LEFT_OUT
        x = x.astype(plan["precision"])
        if plan["layout"] == "big-endian":
            x, y = x.astype(x.dtype.newbyteorder(">")), y.astype(y.dtype.newbyteorder(">"))
        return Samples(np.asfortranarray(x) if plan["layout"] == "Fortran" else x, y)

    weight = means + rng.standard_normal((k, d))
    bias = rng.standard_normal(k) if plan["bias"] == "yes" else None
    names = tuple(f"{'abc'[i % 3]}-{i}" for i in range(k))
    of_training = counts[seen] if rng.random() < 0.5 else rng.integers(1, 30, len(seen))
    return Drawn(
        plan,
        k,
        samples(of_training),
        samples(rng.integers(1, 20, len(seen))),
        weight,
        bias,
        counts,
        names,
    )


def written(given: Drawn, folder: Path) -> list[str]:
    """Write a set, and return the words that measure it."""
    plan, head = given.plan, {"weight": given.weight}
    head |= {} if given.bias is None else {"bias": given.bias}
    inside = head if plan["head"] == "in the files" else {}
    train = _stored(given.trained, folder / "train", plan, inside)
    words = ["measure", str(train), "--passes", plan["passes"], "--processes", plan["processes"]]
    if plan["head"] == "beside":
        np.savez(train / "head.npz", **head)
    if plan["head"] == "named":
        save_file(head, folder / "w.safetensors")
        words += ["--head", str(folder / "w.safetensors")]
    if plan["held out"] == "yes":
        words += ["--held-out", str(_stored(given.held_out, folder / "val", plan, {}))]
    if plan["samples"] == "some left out":
        words += ["--ignore", str(LEFT_OUT)]
    if plan["classes"] != "all":
        words += ["--seen"]
    pairs = [f"{name}={n}" for name, n in zip(given.names, given.counts, strict=True)]
    if plan["counts"] == "numbers":
        words += ["--counts", ",".join(map(str, given.counts))]
    elif plan["counts"] == "names":
        words += ["--counts", ",".join(pairs)]
    elif plan["counts"] == "a file":
        (folder / "c.csv").write_text("class,count\n" + "\n".join(pairs).replace("=", ",") + "\n")
        words += ["--counts", str(folder / "c.csv")]
    elif plan["counts"] == "labels":
        np.save(folder / "y.npy", np.repeat(np.arange(given.k), given.counts))
        words += ["--training-labels", str(folder / "y.npy")]
    return [*words, f"--{plan['shown']}"]


def _stored(samples: Samples, path: Path, plan: dict[str, str], head: dict[str, Array]) -> Path:
    """Write samples as a file, or as a folder of shards, and return where."""
    if plan["folder"] == "no":
        return _file(samples, path, plan["form"], plan, head)
    path.mkdir()
    several = plan["folder"] != "one"
    parts = np.array_split(np.arange(len(samples.labels)), 3 if several else 1)
    for i, part in enumerate(parts):
        forms = ("npz", "safetensors", "npy")
        form = forms[i] if plan["folder"] == "several forms" else plan["form"]
        rows = slice(part[0], part[-1] + 1) if len(part) else slice(0)
        own = Samples(samples.features[rows], samples.labels[rows])
        holds = form not in ("npy", "arrow", "parquet")
        _file(own, path / f"part{i}", form, plan, head if holds else {})
    return path


def _file(
    samples: Samples, path: Path, form: str, plan: dict[str, str], head: dict[str, Array]
) -> Path:
    column = plan["layout"] == "a column of labels"
    labels = samples.labels[:, None] if column else samples.labels
    arrays = {"features": samples.features, "labels": labels} | head
    if form in ("npz", "compressed npz"):
        path = path.with_suffix(".npz")
        (np.savez if form == "npz" else np.savez_compressed)(path, **arrays)
    elif form == "npy":
        np.save(f"{path}.features.npy", samples.features)
        np.save(f"{path}.labels.npy", labels)
        return Path(f"{path}.features.npy")
    elif form == "safetensors":
        path = path.with_suffix(".safetensors")
        save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, path)
    else:
        rows = pa.array(samples.features.reshape(-1))
        lists = pa.FixedSizeListArray.from_arrays(rows, samples.features.shape[1])
        table = pa.table({"features": lists, "labels": pa.array(samples.labels)})
        path = path.with_suffix(f".{form}")
        if form == "parquet":
            pyarrow.parquet.write_table(table, path)
        else:
            with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as out:
                out.write_table(table)
    return path


def expected(given: Drawn) -> dict[str, Any]:
    """Return what should come out, by plain linear algebra."""
    kept = given.trained.kept()
    x, y = kept.features, kept.labels
    seen = np.unique(y)
    means = np.stack([x[y == c].mean(0) for c in seen])
    about = means - means.mean(0)
    scatter = sum((x[y == c] - means[i]).T @ (x[y == c] - means[i]) for i, c in enumerate(seen))
    between = about.T @ about / len(seen)
    distances = {c: x[y == c] - means[i] for i, c in enumerate(seen)}
    figures: dict[str, Any] = {
        "classes": seen,
        "measured": [int((y == c).sum()) for c in seen],
        "embedding_norms": np.linalg.norm(about, axis=1),
        "spreads": [np.sqrt((distances[c] ** 2).sum(1).mean()) for c in seen],
        "nc1": _nc1(scatter / len(y), about),
        "scatter_ratio": np.trace(scatter) / len(y) / np.trace(between),
        "drift": np.linalg.norm(means.mean(0)) / np.sqrt(np.trace(between)),
        "rank": np.linalg.matrix_rank(about),
    }
    variances = np.square(figures["spreads"])
    pairs = [(i, j) for i in range(len(seen)) for j in range(len(seen)) if i != j]
    figures["cdnv"] = np.mean(
        [variances[i] / np.square(means[i] - means[j]).sum() for i, j in pairs]
    )
    if given.plan["passes"] == "1":
        total = np.linalg.pinv(scatter / len(y) + between, rcond=1e-12)
        figures["vci"] = 1 - np.trace(total @ between) / figures["rank"]
    given_counts = given.plan["counts"] != "none"
    figures["counts"] = given.counts[seen] if given_counts else figures["measured"]
    if given.plan["head"] == "none":
        return figures
    weight = given.weight
    bias = np.zeros(given.k) if given.bias is None else given.bias
    figures["classifier_norms"] = np.linalg.norm(weight[seen], axis=1)
    cosines = (weight[seen] * about).sum(1)
    figures["nc3"] = np.linalg.norm(
        weight[seen] / np.linalg.norm(weight[seen]) - about / np.linalg.norm(about)
    )
    figures["alignment"] = cosines / figures["classifier_norms"] / figures["embedding_norms"]
    if given.plan["passes"] == "2":
        z = x @ weight.T + bias
        others = np.where(np.arange(given.k) == y[:, None], -np.inf, z).max(1)
        margins = z[np.arange(len(y)), y] - others
        near = seen[np.square(x[:, None] - means).sum(2).argmin(1)]
        figures["nc4"] = (z.argmax(1) == near).mean()
        figures["error_rates"] = [(z[y == c].argmax(1) != c).mean() for c in seen]
        figures["smallest_margins"] = [margins[y == c].min() for c in seen]
        figures["mean_margins"] = [margins[y == c].mean() for c in seen]
    law = given.counts if given_counts else np.asarray(figures["measured"])
    own = np.asarray(figures["counts"])
    few = np.flatnonzero((2 * own <= law.max()) & (own**2 < law.min() * law.max()))
    if len(few) > 1:
        rare = weight[seen][few] / figures["classifier_norms"][few, None]
        rare = (rare @ rare.T)[~np.eye(len(few), dtype=bool)]
        figures |= {"minority_cosine_mean": rare.mean(), "minority_cosine_max": rare.max()}
    k, taken = (given.k, seen) if given_counts else (len(seen), np.arange(len(seen)))
    laws = {"ETF": np.ones(k, int)} | ({"SELI": law} if given_counts or len(few) else {})
    figures["laws"] = {name: _distances(weight[seen], about, n, taken) for name, n in laws.items()}
    if given.plan["held out"] == "yes":
        new = given.held_out.kept()
        answered = (new.features @ weight.T + bias).argmax(1)
        right = [(answered[new.labels == c] == c).mean() for c in np.unique(new.labels)]
        figures["held_out"] = {
            "n": len(new.labels),
            "accuracy": (answered == new.labels).mean(),
            "balanced_accuracy": np.mean(right),
            "answered": np.bincount(answered, minlength=given.k),
            "counts": np.bincount(new.labels, minlength=given.k),
        }
    return figures


def _nc1(within: Array, about: Array) -> float:
    """Return tr(S_W S_B^+) / k from the centred class means: squared first they lose half the
    digits.
    """
    _, values, right = np.linalg.svd(about, full_matrices=False)
    kept = values > 1e-12 * values[0]
    spent = np.einsum("rd,de,re->r", right[kept], within, right[kept])
    return float((spent / values[kept] ** 2).sum())


def _distances(weight: Array, means: Array, counts: Array, taken: Array) -> dict[str, float]:
    """Return how far classifiers, class means and logits are from the simplex-encoded-label
    interpolation of counts, of which some classes are taken: it is the SVD of its label matrix.
    """
    k = len(counts)
    labels = np.repeat(np.eye(k), counts, axis=1) - 1 / k
    left, values, right = np.linalg.svd(labels, full_matrices=False)
    first = np.concatenate([[0], np.cumsum(counts)[:-1]])[taken]
    law_weight = (left * np.sqrt(values))[taken]
    law_means = (np.sqrt(values)[:, None] * right).T[first]
    law_means = law_means - law_means.mean(0)
    pairs = {
        "classifiers": (weight @ weight.T, law_weight @ law_weight.T),
        "embeddings": (means @ means.T, law_means @ law_means.T),
        "logits": (weight @ means.T, law_weight @ law_means.T),
    }
    return {
        name: float(np.linalg.norm(a / np.linalg.norm(a) - b / np.linalg.norm(b)))
        for name, (a, b) in pairs.items()
    }


def said(words: list[str]) -> tuple[int, str, str]:
    """Return the status of a command, and what it wrote."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main(words)
    return status, out.getvalue(), err.getvalue()


def wrong_in(given: Drawn, text: str) -> list[str]:
    """Return the figures that are wrong in what a command wrote."""
    should, wrong = expected(given), []
    named = given.plan["counts"] in ("names", "a file")
    if given.plan["shown"] == "csv":
        head, *rows = [line.split(",") for line in text.splitlines()]
        columns = dict(zip(head, zip(*rows, strict=True), strict=True))
        called = [given.names[c] if named else str(c) for c in should["classes"]]
        wrong += ["names"] * (list(columns.pop("class")) != called)
        found: dict[str, Any] = {name: np.array(v, float) for name, v in columns.items()}
        found["counts"] = found.pop("count")
        should = {name: v for name, v in should.items() if name in found}
        lacking = {"counts", "measured", "embedding_norms", "spreads"} - found.keys()
    else:
        told = json.loads(text)
        found = told | told["metrics"]
        should_names = [given.names[c] for c in should["classes"]] if named else None
        wrong += ["names"] * (told.get("names") != should_names)
        found["laws"] = told.get("distances")
        found["held_out"] = told.get("diagnosis", {}).get("held_out")
        lacking = should.keys() - found.keys()
    wrong += sorted(lacking)
    for name, value in _flat(should):
        other: Any = found
        for part in name:
            other = other[part]
        scale = max(float(np.abs(value).max()), 1.0 if name[0] != "nc1" else 0.0)
        if np.shape(other) != np.shape(value) or np.abs(np.subtract(other, value)).max() > (
            ERROR * scale
        ):
            wrong.append(f"{'.'.join(name)} is {other}, and should be {np.asarray(value)}")
    if (found.get("laws") or {}).keys() != should.get("laws", {}).keys() and "laws" in should:
        wrong.append(f"laws are {found['laws'].keys()}")
    return wrong


def _flat(
    figures: dict[str, Any], above: tuple[str, ...] = ()
) -> list[tuple[tuple[str, ...], Any]]:
    pairs: list[tuple[tuple[str, ...], Any]] = []
    for name, value in figures.items():
        own = (*above, name)
        pairs += _flat(value, own) if isinstance(value, dict) else [(own, value)]
    return pairs


def run(cases: int, seed: int) -> dict[str, Any]:
    """Try so many sets, and return what came of them."""
    kinds: Counter[str] = Counter()
    wrong = []
    for i in range(cases):
        given = drawn(np.random.default_rng([seed, i]))
        folder = Path(tempfile.mkdtemp())
        try:
            words = written(given, folder)
            status, out, err = said(words)
            found = [f"status {status}: {err}"] if status else wrong_in(given, out)
        except Exception as error:
            found = [f"{type(error).__name__}: {error}"]
        finally:
            shutil.rmtree(folder)
        kinds.update(f"{name}: {choice}" for name, choice in given.plan.items())
        if found:
            plan = ", ".join(f"{name} {choice}" for name, choice in given.plan.items())
            wrong.append({"case": i, "plan": plan, "what": found})
            print(i, plan, found, flush=True)
    return {"choices": dict(sorted(kinds.items())), "wrong": wrong}


if __name__ == "__main__":
    random_cases(__doc__, "random sets of stored features", run, 2000)
