"""Every classifier and language model of Hugging Face: what is measured of each is right, or it is
refused in words.

    OMP_NUM_THREADS=1 python benchmarks/campaigns/models.py --out
    benchmarks/records/campaigns/models.json

Each class of the library's own lists (of sequences, tokens, images and sounds; of language, causal
and masked, and from one sequence to another) is made small, with two layers and 32 dimensions where
its configuration lets itself be told so, and given two batches of padded samples. By how many
positions it shifts its labels is read off its own loss. It is measured by `trained` and, in
training mode with a step of an optimizer after each batch, by `watch`. Wrong is: class means,
weight and bias that do not make the class means of the model's answers, up to a factor where a
message tells one, other counts than those of the labels, and an error that is no `ValueError`.
"""

from __future__ import annotations

import argparse
import logging
import os
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")

import numpy as np
import torch
import transformers
from campaign import write
from torch.nn.functional import cross_entropy
from transformers.models.auto import modeling_auto

from lopsided import measure

K, SAMPLES, LENGTH, WORDS, LEFT_OUT = 4, 6, 9, 60, -100
#: Parameters of a model that is tried, at most.
MOST = 60_000_000
#: Error allowed in class means of answers, by their largest; and in a loss.
ERROR, SAME = 1e-3, 1e-4
#: Of what a model answers, each kind: the list of the library and what a model is given.
LISTS = {
    "sequences": ("SEQUENCE_CLASSIFICATION", "words"),
    "tokens": ("TOKEN_CLASSIFICATION", "words"),
    "images": ("IMAGE_CLASSIFICATION", "pixels"),
    "sounds": ("AUDIO_CLASSIFICATION", "sounds"),
    "causal language": ("CAUSAL_LM", "words"),
    "masked language": ("MASKED_LM", "words"),
    "sequence to sequence": ("SEQ_TO_SEQ_CAUSAL_LM", "words"),
}
#: Sizes by the names that configurations have for them.
SMALL: dict[str, Any] = {
    **dict.fromkeys(("hidden_size", "d_model", "n_embd", "dim", "embedding_size", "emb_dim"), 32),
    **dict.fromkeys(("num_hidden_layers", "n_layer", "n_layers", "num_layers"), 2),
    **dict.fromkeys(("encoder_layers", "decoder_layers", "num_key_value_heads"), 2),
    **dict.fromkeys(("num_attention_heads", "n_head", "n_heads", "num_heads"), 4),
    **dict.fromkeys(("encoder_attention_heads", "decoder_attention_heads"), 4),
    **dict.fromkeys(("intermediate_size", "hidden_dim", "d_ff", "ffn_dim", "d_inner"), 48),
    **dict.fromkeys(("encoder_ffn_dim", "decoder_ffn_dim"), 48),
    **dict.fromkeys(("vocab_size", "max_position_embeddings", "n_positions", "n_ctx"), 64),
    **dict.fromkeys(("d_kv", "head_dim", "d_head"), 8),
    **dict.fromkeys(("num_experts", "num_local_experts"), 3),
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 16,
    "word_embed_proj_dim": 32,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "num_labels": K,
}
#: Of these every model can be told; for those that cannot be told all of them.
FEW = ("num_labels", "vocab_size", "pad_token_id", *(name for name in SMALL if "layer" in name))
IMAGES = {"image_size": 32, "patch_size": 8, "num_channels": 3}


@dataclass(frozen=True)
class Found:
    """What came of a way to measure a model: "measured", "told", "refused" or "wrong", and how."""

    what: str
    how: str = ""


def made(kind: str, family: str, name: str) -> Any:
    """Return a small model.

    Raises:
        ValueError: if it is not small.
    """
    config = transformers.CONFIG_MAPPING[family]
    known = {*vars(config()), *getattr(config, "attribute_map", {})}
    sizes = SMALL | (IMAGES if kind == "images" else {})
    told = {size: value for size, value in sizes.items() if size in known or size == "num_labels"}
    cls = getattr(transformers, name)
    try:
        small = config(**told)
    except Exception:  # its sizes have to fit each other in a way of its own
        small = config(**{size: value for size, value in told.items() if size in FEW})
    with torch.device("meta"):
        parameters = sum(part.numel() for part in cls(small).parameters())
    if parameters > MOST:
        raise ValueError(f"{parameters:,} parameters")
    torch.manual_seed(0)
    return cls(small)


def batches(kind: str, config: Any) -> Iterator[dict[str, Any]]:
    """Yield two batches with their labels; padding has none."""
    order = torch.Generator().manual_seed(1)
    given = LISTS[kind][1]
    for _ in range(2):
        labels = torch.arange(SAMPLES) % K
        if given == "pixels":
            size = config.image_size if isinstance(getattr(config, "image_size", 0), int) else 32
            shape = (SAMPLES, getattr(config, "num_channels", 3), size or 64, size or 64)
            yield {"pixel_values": torch.randn(shape, generator=order), "labels": labels}
            continue
        if given == "sounds":
            yield {"input_values": torch.randn(SAMPLES, 8000, generator=order), "labels": labels}
            continue
        words = torch.randint(5, WORDS, (SAMPLES, LENGTH), generator=order)
        lengths = torch.randint(4, LENGTH + 1, (SAMPLES,), generator=order)
        lengths[0] = LENGTH
        mask = torch.arange(LENGTH) < lengths[:, None]
        words = torch.where(mask, words, getattr(config, "pad_token_id", 0) or 0)
        if kind in ("sequences", "sequence to sequence"):
            words[torch.arange(SAMPLES), lengths - 1] = getattr(config, "eos_token_id", None) or 2
        if kind == "tokens":
            tags = torch.randint(0, K, words.shape, generator=order)
            labels = torch.where(mask, tags, LEFT_OUT)
        elif kind == "causal language":
            labels = torch.where(mask, words, LEFT_OUT)
        elif kind == "masked language":
            hidden = mask & (torch.rand(words.shape, generator=order) < 0.4)
            labels, words = torch.where(hidden, words, LEFT_OUT), torch.where(hidden, 4, words)
        elif kind == "sequence to sequence":
            labels = torch.randint(5, WORDS, (SAMPLES, LENGTH - 2), generator=order)
            labels[1:, -1] = LEFT_OUT
        yield {"input_ids": words, "attention_mask": mask.long(), "labels": labels}


def shift_of(output: Any, labels: torch.Tensor) -> int:
    """Return by how many positions a model shifts its labels, as its loss tells.

    Raises:
        ValueError: if neither by none nor by one.
    """
    z = output.logits
    if z.ndim == 2:
        return 0
    off = []
    for shift in (0, 1):
        rows, y = z[:, : z.shape[1] - shift].flatten(0, 1), labels[:, shift:].flatten()
        off.append(abs(float(cross_entropy(rows, y, ignore_index=LEFT_OUT) - output.loss)))
    if min(off) > SAME:
        raise ValueError("its loss is of no labels shifted by 0 or 1")
    return off.index(min(off))


def measured(model: Any, given: list[dict[str, Any]], way: str, shift: int) -> Found:
    """Measure a model in one way, and compare."""
    told: list[str] = []
    listener = logging.Handler()
    listener.emit = lambda record: told.append(record.getMessage())  # type: ignore[method-assign]
    log = logging.getLogger("lopsided")
    log.addHandler(listener)
    options: dict[str, Any] = {"ignore": LEFT_OUT, "classes": "seen", "shift": shift or None}
    answers = []
    try:
        if way == "trained":
            with torch.no_grad():
                answers = [model.eval()(**batch).logits for batch in given]
            copies = [dict(batch) for batch in given]
            found = measure.trained(model, copies, show_progress=False, **options)
        else:
            optimizer = torch.optim.SGD(model.train().parameters(), 1e-12)
            with measure.watch(model, **options) as watching:
                for batch in given:
                    output = model(**batch)
                    answers.append(output.logits.detach())
                    output.loss.backward()
                    optimizer.step()
                found = watching.epoch()
    except ValueError as error:
        return Found("refused", str(error))
    except Exception as error:
        return Found("wrong", f"{type(error).__name__}: {error}")
    finally:
        log.removeHandler(listener)
    z, y = beside(answers, [batch["labels"] for batch in given], shift)
    seen = np.unique(y)
    if not np.array_equal(found.classes, seen) or found.moments.n != len(y):
        return Found("wrong", f"{found.moments.n} samples of {found.classes}, {len(y)} of {seen}")
    should = np.stack([z[y == c].mean(axis=0) for c in seen])[:, seen]
    means = found.moments.means + found.moments.rests
    got = means @ found.weight.T + (0 if found.bias is None else found.bias)
    if factors := [each for each in told if "times" in each]:
        got = got * float((got * should).sum() / (got * got).sum())
    error = float(np.abs(got - should).max() / np.abs(should).max())
    if not error < ERROR:
        return Found("wrong", f"class means of answers are off by {error:.1e}")
    others = [each for each in told if "not made of them" in each or "not its weight" in each]
    return Found("told", (factors + others)[0]) if factors or others else Found("measured")


def beside(answers: list[Any], labels: list[Any], shift: int) -> tuple[Any, Any]:
    """Return answers (n, k) and their labels (n,), without those that are left out."""
    rows, marks = [], []
    for z, y in zip(answers, labels, strict=True):
        if z.ndim == 3:
            z, y = z[:, : z.shape[1] - shift], y[:, shift:]
        rows.append(z.double().reshape(-1, z.shape[-1]).numpy())
        marks.append(y.flatten().numpy())
    z, y = np.concatenate(rows), np.concatenate(marks)
    return z[y != LEFT_OUT], y[y != LEFT_OUT]


def tried(kind: str, family: str, name: str) -> dict[str, Found]:
    """Return what came of a model, by the way it was measured, or why it could not be tried."""
    try:
        model = made(kind, family, name)
        given = list(batches(kind, model.config))
        with torch.no_grad():
            shift = shift_of(model.eval()(**given[0]), given[0]["labels"])
    except Exception as error:  # of the library: what it wants is not told here
        return {"": Found("not tried", f"{type(error).__name__}: {error}".splitlines()[0][:100])}
    return {way: measured(model, given, way, shift) for way in ("trained", "watch")}


def run(only: str = "") -> dict[str, Any]:
    """Try every model whose name has some letters in it, and return what came of them."""
    counts: dict[str, Counter[str]] = {kind: Counter() for kind in LISTS}
    others: dict[str, dict[str, str]] = {"told": {}, "refused": {}, "not tried": {}}
    wrong = []
    for kind, (listed, _) in LISTS.items():
        names = getattr(modeling_auto, f"MODEL_FOR_{listed}_MAPPING_NAMES")
        for family, classes in names.items():
            for name in (classes,) if isinstance(classes, str) else classes:
                for way, found in tried(kind, family, name).items() if only in name else ():
                    counts[kind][found.what] += 1
                    if found.what in others:
                        others[found.what].setdefault(f"{family}: {name}", found.how)
                    elif found.what == "wrong":
                        wrong.append({"model": f"{family}: {name}", "way": way, "how": found.how})
                        print(wrong[-1], flush=True)
    return {
        "transformers": transformers.__version__,
        "ways": {kind: dict(counter) for kind, counter in counts.items()},
        **others,
        "wrong": wrong,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="letters in the names of the models to try")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    warnings.simplefilter("ignore")  # of the library's own making
    what = "classifiers and language models of Hugging Face, made small"
    write(args.out, what, run(args.only))
