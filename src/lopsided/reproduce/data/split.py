"""Which training images a run uses: given class counts, chosen by a seed; which of several clients
has them; and which test images: as many of each class.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from lopsided.arrays import Ints
from lopsided.counts import Counts
from lopsided.drafts import write_atomically


def choose(labels: Ints, counts: Counts, seed: int = 0) -> Ints:
    """Choose `counts[c]` samples of each class c.

    The classes in order are shuffled by one stream of random numbers, and the first samples of each
    are taken: with seed 0 and the counts of `Counts.exponential` or `Counts.step`, these are bit
    for bit the long-tailed sets of Cao et al. 2019 (LDAM-DRW).

    Args:
        labels: (n,) labels of all samples.
        counts: samples wanted of each class.
        seed: of the shuffle.

    Returns:
        (counts.n,) indices, class by class.

    Raises:
        ValueError: if a class has fewer samples than wanted; the class is named.
    """
    present = np.bincount(labels, minlength=counts.k)
    if len(present) != counts.k:
        raise ValueError(f"the data has {len(present)} classes, the counts are for {counts.k}")
    # The legacy generator, because its shuffle is the one that the published splits were made with.
    stream = np.random.RandomState(seed)
    chosen = []
    for c, wanted in enumerate(counts):
        if present[c] < wanted:
            raise ValueError(
                f"class {c} has {present[c]:,} training samples, {wanted:,} are wanted: ask for"
                " fewer"
            )
        members = np.flatnonzero(labels == c)
        stream.shuffle(members)
        chosen.append(members[:wanted])
    return np.concatenate(chosen)


def shared_out(labels: Ints, clients: int, concentration: float, seed: int) -> list[Ints]:
    """Return which samples each client has, of those that have any.

    Args:
        labels: (n,) labels of all samples.
        clients: to share them out to.
        concentration: of the Dirichlet distribution from which, for each class, the shares of the
            clients are drawn; the smaller, the fewer classes a client has.
        seed: of shares and samples.

    Returns:
        (n_i,) indices in order, for each client.
    """
    random = np.random.default_rng(seed)
    owner = np.empty(len(labels), np.int64)
    for c in np.unique(labels):
        members = random.permutation(np.flatnonzero(labels == c))
        shares = random.dirichlet([concentration] * clients)
        ends = np.round(np.cumsum(shares)[:-1] * len(members)).astype(np.int64)
        for client, part in enumerate(np.split(members, ends)):
            owner[part] = client
    parts = [np.flatnonzero(owner == client) for client in range(clients)]
    return [part for part in parts if len(part)]


def balanced(labels: Ints) -> Ints:
    """Return the indices of the first samples of each class, as many of each as the rarest class
    has.
    """
    least = int(np.bincount(labels).min())
    return np.sort(
        np.concatenate([np.flatnonzero(labels == c)[:least] for c in range(int(labels.max()) + 1)])
    )


def write_indices(indices: Ints, folder: Path, writer: str = "") -> str:
    """Write indices as text, one a line, to FOLDER/HASH.txt, and return the hash: the SHA-256 of
    that file.

    Args:
        indices: what is chosen.
        folder: of the file.
        writer: one of those that may write the same list at the same time.
    """
    content = "".join(f"{i}\n" for i in indices).encode()
    digest = hashlib.sha256(content).hexdigest()
    write_atomically(folder / f"{digest}.txt", content, writer)
    return digest
