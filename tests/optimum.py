"""The independent route to an optimum: descent on explicit factors from random starts, which knows
a problem's objective alone."""

import numpy as np
from scipy.optimize import minimize

from lopsided import Geometry, Source


def descend(problem, own=None, starts=4, seed=0):
    """Return the least objective found and the geometry there.

    Args:
        problem: small.
        own: objective of the embeddings alone, where no classifiers are trained.
        starts: random starts.
        seed: of the starts.
    """
    d = max(problem.k, 2) + 1
    shapes = [] if own else [(problem.k, d)] + [(d, d)] * (problem.layers - 1)
    shapes += [(problem.targets.m, d), (problem.k,)]
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes])

    def parts(x):
        *layers, raw, bias = (
            part.reshape(shape) for part, shape in zip(np.split(x, ends[:-1]), shapes, strict=True)
        )
        lengths = (
            np.linalg.norm(raw, axis=1, keepdims=True)
            if problem.features.startswith("unit")
            else np.ones((1, 1))
        )
        return layers, raw / lengths, lengths, bias * (problem.bias != "none")

    def slope(x):
        layers, embeddings, lengths, bias = parts(x)
        if own:
            value, by_embeddings = own(problem, embeddings)
            by_layers, by_bias = [], np.zeros(problem.k)
        else:
            value, by_layers, by_embeddings, by_bias = problem.objective(layers, embeddings, bias)
        if problem.features.startswith("unit"):
            by_embeddings = (
                by_embeddings
                - np.sum(by_embeddings * embeddings, axis=1, keepdims=True) * embeddings
            )
        return value, np.concatenate(
            [part.ravel() for part in (*by_layers, by_embeddings / lengths, by_bias)]
        )

    low = np.full(ends[-1], -np.inf)
    if problem.features.endswith("nonnegative"):
        low[(ends[-3] if len(ends) > 2 else 0) : ends[-2]] = 0.0
    bounds = np.column_stack([low, np.full(ends[-1], np.inf)])
    rng = np.random.default_rng(seed)
    found = None
    for _ in range(starts):
        x = rng.normal(size=ends[-1])
        x[low == 0] = np.abs(x[low == 0])
        if problem.ridge == 0 and not own:
            end = _hard_margin(problem, x, parts, bounds)
        else:
            options = {"maxiter": 20000, "maxfun": 40000, "ftol": 1e-15, "gtol": 1e-10}
            end = minimize(slope, x, jac=True, bounds=bounds, method="L-BFGS-B", options=options)
        if found is None or end.fun < found.fun:
            found = end
    layers, embeddings, _, _ = parts(found.x)
    W = embeddings if own else np.linalg.multi_dot(layers) if len(layers) > 1 else layers[0]
    if problem.counts is None:
        return found.fun, Geometry.of_factors(W, embeddings, Source("descent"))
    return found.fun, Geometry.of_vectors(W, embeddings, Source("descent"), problem.counts)


def margins(problem, logits):
    """Return, for each column, by how much its targets' adjusted logits exceed each other logit,
    and which must be equal."""
    t = problem.targets.matrix
    scale = np.ones((1, 1))
    if problem.counts is not None:
        given = problem.adjustment.resolve(problem.counts)
        scale = np.outer(given.groups.expand(given.columns), given.groups.expand(given.samples))
    a = scale * logits
    first = np.argmax(t, axis=0)
    ahead = a[first, np.arange(t.shape[1])] - a
    return ahead[t == 0] - 1, ahead[(t > 0) & (np.arange(len(t))[:, None] != first)]


def size(problem, layers, embeddings):
    """Return half the sum of squares that a vanishing ridge makes least."""
    return 0.5 * (
        sum(np.sum(layer**2) for layer in layers)
        + problem.targets.weights @ np.sum(embeddings**2, axis=1)
    )


def _hard_margin(problem, x, parts, bounds):
    """The limit of a vanishing ridge: least norms under margins of 1."""
    shape = (problem.k, problem.targets.m)
    basis = np.eye(shape[0] * shape[1]).reshape(-1, *shape)
    wanted = []
    for which, kind in ((0, "ineq"), (1, "eq")):
        rest = margins(problem, np.zeros(shape))[which]
        if len(rest):
            rows = np.column_stack([margins(problem, unit)[which] - rest for unit in basis])
            wanted.append(
                {"type": kind, "fun": _values, "jac": _slopes, "args": (parts, rows, rest)}
            )

    def squares(x):
        layers, embeddings, _, bias = parts(x)
        slope = (layers[0], problem.targets.weights[:, None] * embeddings, 0 * bias)
        return size(problem, layers, embeddings), np.concatenate([part.ravel() for part in slope])

    options = {"maxiter": 1000, "ftol": 1e-15}
    return minimize(
        squares, x, jac=True, bounds=bounds, constraints=wanted, method="SLSQP", options=options
    )


def _values(x, parts, rows, rest):
    (W,), H, _, bias = parts(x)
    return rows @ (W @ H.T + bias[:, None]).ravel() + rest


def _slopes(x, parts, rows, _rest):
    (W,), H, _, _ = parts(x)
    k, m = len(W), len(H)
    by_w = np.einsum("cx,jd->cjxd", np.eye(k), H).reshape(k * m, -1)
    by_h = np.einsum("cd,jy->cjyd", W, np.eye(m)).reshape(k * m, -1)
    by_bias = np.einsum("cx,j->cjx", np.eye(k), np.ones(m)).reshape(k * m, -1) * (
        parts(np.ones_like(x))[3].any()
    )
    return rows @ np.hstack([by_w, by_h, by_bias])
