"""Small perceptrons for systems of other targets, losses and heads: arrays in, features and
classifiers out.
"""

from __future__ import annotations

from lopsided.reproduce.network.small.classes import Classifier, classifier
from lopsided.reproduce.network.small.features import prototypes, spectral, sphere
from lopsided.reproduce.network.small.federated import Answer, Client, federated
from lopsided.reproduce.network.small.fit import Fit
from lopsided.reproduce.network.small.heads import composed, label_sets, next_token, regression
from lopsided.reproduce.network.small.residual import residual
from lopsided.reproduce.network.small.tail import tailed
from lopsided.reproduce.network.small.transformer import transformer
from lopsided.reproduce.network.small.under_head import under_head

__all__ = [
    "Answer",
    "Classifier",
    "Client",
    "Fit",
    "classifier",
    "composed",
    "federated",
    "label_sets",
    "next_token",
    "prototypes",
    "regression",
    "residual",
    "spectral",
    "sphere",
    "tailed",
    "transformer",
    "under_head",
]
