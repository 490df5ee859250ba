"""The average gradient outer product (AGOP): in which directions of its inputs a function moves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from lopsided.arrays import Floats, real_array, require_number, require_squares, resized
from lopsided.measure.network.intact import alone_with, looked_at_by, untouched
from lopsided.needs import torch


def agop(function: Callable[[Any], Any], inputs: Any) -> Floats:
    """Return the mean over samples of J'J, J the Jacobian of a function at a sample.

    A linear map has W'W. A module is looked at in evaluation mode, and left as it was; every row of
    the outputs must depend on its own input alone.

    Source: Beaglehole et al. 2024 (arXiv 2402.13728).

    Args:
        function: a torch module or any differentiable function, (n, d) to (n, k).
        inputs: (n, d) tensor or array; an array is given to a module as its parameters are, to
            others as float64.

    Returns:
        (d, d), symmetric.

    Raises:
        ValueError: if inputs are no finite (n, d), outputs are not one row each or do not depend on
            the inputs in a way that can be differentiated, the function holds tensors made in
            inference mode, a gradient is not finite, or its squares leave float64.
        TypeError: if inputs or outputs are not of a real floating-point type.

    Example:
        >>> import torch
        >>> layer = torch.nn.Linear(2, 2, bias=False)
        >>> layer.weight.data = torch.tensor([[1.0, 0.0], [1.0, 2.0]])
        >>> agop(layer, torch.randn(5, 2))
        array([[2., 2.],
               [2., 4.]])
    """
    with torch().inference_mode(False), torch().enable_grad():
        return _of_slopes(function, _inputs(function, inputs).detach().clone().requires_grad_())


def _of_slopes(function: Callable[[Any], Any], x: Any) -> Floats:
    """Return the mean over inputs (n, d) of J'J."""
    module = torch().nn.Module
    total = torch().zeros(x.shape[1], x.shape[1], dtype=torch().float64, device="cpu")
    moved, largest = False, 0.0
    own = function if isinstance(function, module) else module()
    with alone_with(own), looked_at_by(own), untouched(own):
        outputs = _answers(function, x)
        if not isinstance(outputs, torch().Tensor) or outputs.is_complex():
            got = getattr(outputs, "dtype", type(outputs).__name__)
            raise TypeError(f"the function must return a tensor of real numbers, got {got}")
        if outputs.ndim != 2 or len(outputs) != len(x) or not outputs.shape[1]:
            raise ValueError(
                f"the function must return (n, k), one row for each of {len(x)} inputs, got shape"
                f" {tuple(outputs.shape)}"
            )
        for c in range(outputs.shape[1] if outputs.requires_grad else 0):
            (slope,) = torch().autograd.grad(
                outputs[:, c].sum(), x, retain_graph=True, allow_unused=True
            )
            if slope is not None:
                slope, moved = slope.double().cpu(), True
                if not bool(slope.isfinite().all()):
                    raise ValueError("the function's gradient is not finite at one of the inputs")
                largest = max(largest, float(slope.abs().max()))
                total += slope.T @ slope
    if not moved:
        raise ValueError(
            "the function's outputs do not depend on its inputs in a way that can be"
            " differentiated: they are constant, detached, or whole numbers such as answers"
        )
    require_squares(np.array(largest), "the function's gradients")
    return np.asarray(total.numpy() / len(x))


def _answers(function: Callable[[Any], Any], x: Any) -> Any:
    """Return what the function makes of inputs, whatever it holds."""
    try:
        return function(x)
    except RuntimeError as error:
        if "nference tensor" not in str(error):
            raise
        raise ValueError(
            "the function, or a module in it, holds tensors made in torch.inference_mode(), through"
            " which nothing can be differentiated: make or load them outside, or give it their"
            " clones"
        ) from error


def _inputs(function: Callable[[Any], Any], inputs: Any) -> Any:
    """Return (n, d) inputs as a floating-point tensor."""
    if isinstance(inputs, torch().Tensor):
        x = inputs
        if not x.is_floating_point():
            raise TypeError(
                f"inputs must be floating-point numbers, got {x.dtype}; give inputs.float() or"
                " .double()"
            )
    else:
        array = np.ascontiguousarray(real_array(inputs, "inputs"))  # of a turned view no tensor is
        x = torch().as_tensor(array, device="cpu")
        parameters = function.parameters() if isinstance(function, torch().nn.Module) else ()
        own = next((p for p in parameters if p.is_floating_point()), x)
        x = x.to(own.device, own.dtype)
    if x.ndim != 2 or not x.numel():
        raise ValueError(f"inputs must be an array (n, d), got shape {tuple(x.shape)}")
    fine = x.isfinite().all(1)
    if not bool(fine.all()):
        raise ValueError(f"inputs must be finite, input {int(fine.int().argmin())} is not")
    return x


def feature_ansatz(weight: npt.ArrayLike, agop: npt.ArrayLike, power: float = 1.0) -> float:
    """Return the cosine of W'W and a power of the AGOP of what follows the layer's inputs; 1 where
    the layer sees in proportion to what moves the output.

    Source: Beaglehole et al. 2024 (arXiv 2402.13728), who take the root, power 1/2.

    Args:
        weight: (m, d) of a layer.
        agop: (d, d) of the function of the layer's inputs.
        power: of the AGOP, positive.

    Raises:
        ValueError: if shapes do not fit, one of the two is zero or not finite, the AGOP is not
            symmetric or has a negative eigenvalue beyond rounding, or the power is not positive.

    Example:
        >>> round(feature_ansatz([[1.0, 0.0], [0.0, 2.0]], [[1.0, 0.0], [0.0, 16.0]], 0.5), 12)
        1.0
    """
    W, G = real_array(weight, "the weight"), real_array(agop, "the AGOP")
    if W.ndim != 2 or G.shape != (W.shape[1], W.shape[1]):
        raise ValueError(f"weight (m, d) and AGOP (d, d) must fit, got {W.shape} and {G.shape}")
    for part, name in ((W, "weight"), (G, "AGOP")):
        if not np.isfinite(part).all() or not part.any():
            raise ValueError(f"the {name} must be finite and not zero")
    if np.abs(G - G.T).max() > 1e-6 * np.abs(G).max():
        raise ValueError("an AGOP must be symmetric")
    exponent = require_number(power, "power")
    if not 0 < exponent < np.inf:
        raise ValueError(f"power must be positive, got {power!r}")
    W = resized(W)
    values, vectors = np.linalg.eigh(G / 2 + G.T / 2)
    if values[0] < -1e-6 * values[-1]:
        raise ValueError(
            f"an AGOP has no negative eigenvalue, got {values[0]:.3g} beside a largest of"
            f" {values[-1]:.3g}, which is more than rounding"
        )
    values = np.maximum(values, 0) / values[-1]  # below zero by rounding alone
    law = (vectors * values**exponent) @ vectors.T
    seen = W.T @ W
    return float(np.sum(seen * law) / np.linalg.norm(seen) / np.linalg.norm(law))
