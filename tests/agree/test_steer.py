"""The losses mean what solver and closed forms mean by an adjustment: free features trained with
them end where those say."""

import numpy as np
import pytest
import torch

from lopsided import Adjustment, Counts, Geometry, Source, predict, steer
from lopsided.solve import Problem, minimize

#: LDAM is of cosines; as a formula it is tested with other logits too.
pytestmark = pytest.mark.filterwarnings("ignore:margins beside one scale")

COUNTS = Counts([40, 12, 12, 3])
#: Made when they are wanted: to design takes seconds.
ADJUSTMENTS = {
    "plain": lambda: Adjustment(),
    "weighted": lambda: Adjustment.weighted(COUNTS, 0.5),
    "logit-adjusted": lambda: Adjustment.logit_adjusted(COUNTS),
    "cdt": lambda: Adjustment.cdt(COUNTS, 0.4),
    "ldt": lambda: Adjustment.ldt(COUNTS, 0.4),
    "vs": lambda: Adjustment.vs(COUNTS, 0.2, 0.5),
    "ldam": lambda: Adjustment.ldam(COUNTS, scale=2.0),
    "margin": lambda: Adjustment(margin=[1.0, 2.0, 2.0, 3.0]),
    "designed": lambda: steer.design(COUNTS, "etf-embeddings").adjustment,
}


@pytest.fixture(scope="module", params=ADJUSTMENTS)
def adjustment(request: pytest.FixtureRequest) -> Adjustment:
    return ADJUSTMENTS[request.param]()


def trained(adjustment: Adjustment, ridge: float) -> tuple[Geometry, float]:
    """Minimise the unconstrained-features model, written with the torch loss, and return its
    geometry and objective."""
    generator = torch.Generator().manual_seed(0)
    W, M = (
        torch.randn(4, 5, dtype=torch.float64, generator=generator).requires_grad_()
        for _ in range(2)
    )
    loss, n, labels = (
        steer.AdjustedCrossEntropy(adjustment, reduction="none"),
        torch.tensor(COUNTS.values),
        torch.arange(4),
    )
    optimiser = torch.optim.LBFGS(
        [W, M],
        max_iter=3000,
        tolerance_grad=1e-10,
        tolerance_change=1e-16,
        line_search_fn="strong_wolfe",
    )

    def objective() -> torch.Tensor:
        optimiser.zero_grad()
        features = (n * M.square().sum(1)).sum()
        value = (n * loss(M @ W.T, labels)).sum() + ridge / 2 * (W.square().sum() + features)
        value.backward()
        return value

    value = optimiser.step(objective)
    value = objective()
    return Geometry.of_vectors(W.detach(), M.detach(), Source("trained"), COUNTS), float(
        value.detach()
    )


def test_training_with_the_loss_ends_at_the_solved_optimum(adjustment):
    solution = minimize(Problem(COUNTS, adjustment, ridge=0.05))
    geometry, objective = trained(adjustment, ridge=0.05)
    assert objective == pytest.approx(solution.objective, rel=1e-6)
    assert max(geometry.distance(solution.geometry)) < 1e-3


def test_training_with_the_loss_approaches_the_prediction_as_the_ridge_vanishes(adjustment):
    """Shifts and weights die away like 1 / log(1 / ridge), so the limit is slow to come near."""
    law = predict.cross_entropy(COUNTS, adjustment)
    far, near = (max(trained(adjustment, ridge)[0].distance(law)) for ridge in (1e-1, 1e-7))
    assert near < 0.45 * far


def test_a_fixed_head_of_a_solved_geometry_has_its_gram():
    solved = minimize(Problem(COUNTS, ADJUSTMENTS["vs"](), ridge=0.05)).geometry
    weight = steer.FixedHead(solved, d=6).weight.double().numpy()
    gram = weight @ weight.T
    expected = solved.classifiers.matrix()
    np.testing.assert_allclose(
        gram / np.linalg.norm(gram), expected / np.linalg.norm(expected), atol=1e-6
    )
