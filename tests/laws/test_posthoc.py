"""Post-hoc rules answer arrays as they answer tensors; the fitted strength undoes a prior."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from lopsided import Counts
from lopsided.steer import posthoc

COUNTS = Counts([50, 20, 5, 1])
RULES = {
    "logit adjustment": lambda z: posthoc.logit_adjustment(z, COUNTS),
    "multiplicative": lambda z: posthoc.multiplicative(z, COUNTS, 0.25),
    "tau-normalised": lambda z: posthoc.tau_normalised(z, 0.7),
    "nearest mean": lambda z: posthoc.nearest_mean(z, z[:4]),
}
DTYPES = [np.float64, np.float32, np.float16]


def logits(n=9, seed=0):
    return 3 * np.random.default_rng(seed).normal(size=(n, 4))


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_arrays_are_answered_as_tensors_are(rule, dtype):
    z = logits().astype(dtype)
    found, expected = RULES[rule](z), RULES[rule](torch.from_numpy(z))
    assert isinstance(found, np.ndarray)
    assert found.dtype == expected.numpy().dtype
    assert found.dtype.itemsize >= 4
    assert found == pytest.approx(expected.numpy(), rel=1e-4, abs=1e-4)


def test_probabilities_are_refused_as_arrays_too():
    p = np.exp(logits())
    with pytest.raises(ValueError, match="these are probabilities"):
        posthoc.logit_adjustment(p / p.sum(axis=1, keepdims=True), COUNTS)


@pytest.mark.parametrize("tau", [0.0, 0.6, 1.0, 1.4])
@pytest.mark.parametrize("balanced", [True, False])
def test_the_fitted_tau_undoes_the_prior_that_was_put_in(tau, balanced):
    counts, rng = Counts([6000, 2000, 500, 100]), np.random.default_rng(1)
    y = np.repeat(np.arange(4), [1500] * 4 if balanced else counts.values)
    z = rng.normal(np.eye(4)[y] * 2.0, 1.0) * 2  # calibrated at equal shares
    z += tau * np.log(counts.values / counts.n)
    found = posthoc.fit_tau(z, y, counts)
    assert found == pytest.approx(tau, abs=0.12)
    assert posthoc.fit_tau(torch.from_numpy(z), torch.from_numpy(y), counts) == found
    assert posthoc.fit_tau(z.astype(np.float16), y, counts) == pytest.approx(found, abs=0.01)


def test_what_tells_nothing_of_labels_has_no_tau():
    z = logits(400)
    with pytest.raises(ValueError, match="in one order"):
        posthoc.fit_tau(z, (-z).argmax(axis=1), COUNTS)
    with pytest.raises(ValueError, match="there is none"):
        posthoc.fit_tau(z[:0], np.zeros(0, int), COUNTS)


def test_arrays_need_no_torch():
    code = (
        "import sys; import numpy as np; from lopsided.steer import posthoc;"
        "z = np.eye(3); posthoc.fit_tau(z, [0, 1, 2], [3, 2, 1]);"
        "posthoc.logit_adjustment(z, [3, 2, 1]); posthoc.nearest_mean(z, z);"
        "posthoc.tau_normalised(z); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
