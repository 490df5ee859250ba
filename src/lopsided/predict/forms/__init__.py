"""The closed forms, one file each: a geometry, the problems it speaks of, and examples on which the
laws test it.
"""

from __future__ import annotations

from lopsided.predict.form import Form
from lopsided.predict.forms import (
    balanced,
    contrastive,
    cross_entropy,
    etf,
    free_bias,
    label_sets,
    nonnegative,
    regression,
    seli,
    smoothed,
    spectral_contrastive,
    squared,
    supports,
)

#: Name -> closed form. Of several that speak of a problem the first answers.
FORMS: dict[str, Form] = {
    module.FORM.name: module.FORM
    for module in (
        etf,
        seli,
        free_bias,
        cross_entropy,
        balanced,
        smoothed,
        squared,
        nonnegative,
        contrastive,
        spectral_contrastive,
        supports,
        regression,
        label_sets,
    )
}
