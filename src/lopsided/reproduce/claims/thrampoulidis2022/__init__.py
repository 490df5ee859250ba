"""Claims of "Imbalance Trouble: Revisiting Neural-Collapse Geometry" (Thrampoulidis, Kini,
Vakilian, Behnia, NeurIPS 2022).

arXiv 2208.05512.

One file a claim; settings are the published ones unless a docstring says otherwise.
"""

from __future__ import annotations

from lopsided.reproduce.claims.thrampoulidis2022.deep import DEEP
from lopsided.reproduce.claims.thrampoulidis2022.individuality import INDIVIDUALITY
from lopsided.reproduce.claims.thrampoulidis2022.margins import MARGINS
from lopsided.reproduce.claims.thrampoulidis2022.norms import NORMS
from lopsided.reproduce.claims.thrampoulidis2022.ridge_path import RIDGE_PATH
from lopsided.reproduce.claims.thrampoulidis2022.uf_svm import UF_SVM
from lopsided.reproduce.claims.thrampoulidis2022.ufm_sgd import UFM_SGD
from lopsided.reproduce.claims.thrampoulidis2022.unique import UNIQUE
from lopsided.reproduce.claims.thrampoulidis2022.which_law import WHICH_LAW

CLAIMS = (
    UF_SVM,
    UNIQUE,
    MARGINS,
    NORMS,
    RIDGE_PATH,
    UFM_SGD,
    DEEP,
    WHICH_LAW,
    INDIVIDUALITY,
)
