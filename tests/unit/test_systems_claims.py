"""The claims of small systems: a shortened run is recorded, read back and shown, and the verdict
follows the numbers."""

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from lopsided.geometry import Distances
from lopsided.measure import RegressionCollapse, TagWise
from lopsided.reproduce import CLAIMS, Place, data
from lopsided.reproduce.claims.systems.hasegawa2024 import HEADS, RULES, Ruled
from lopsided.reproduce.claims.systems.hasegawa2024 import Network as Judged
from lopsided.reproduce.claims.systems.li2023 import WAYS, Network
from lopsided.reproduce.claims.systems.pinto2024 import Losses
from lopsided.reproduce.figures.lines import several
from lopsided.reproduce.network.small import Client, Fit, federated, under_head
from lopsided.reproduce.network.small.fit import perceptron
from lopsided.reproduce.record import Record

#: Claim -> settings of a run too short to hold.
SHORT = {
    "zhai2025": {"largest": 12, "ratio": 2.0, "steps": 2, "seeds": 1},
    "andriopoulos2024": {"samples": 30, "steps": 3, "seeds": 1},
    "li2024": {"single": 20, "double": 90, "steps": 2, "decays": (1e-3,), "seeds": 1},
    "wang2024": {"samples": 2, "steps": 2, "seeds": 1},
    "jiang2023": {"dims": (2,), "samples": 10, "steps": 2, "seeds": 1},
    "code-temperature": {
        "dims": (3,),
        "minorities": 2,
        "ratios": (1, 10),
        "temperatures": (0.5, 0.05),
        "seeds": 1,
        "starts": 1,
    },
    "gill2023": {
        "largest": 10,
        "ratio": 2.0,
        "copies": (0, 4),
        "steps": 2,
        "seeds": 1,
        "batch": 16,
    },
    "garrod2024": {"classes": 4, "ridges": (1e-3,), "layers": (1, 2)},
    "sukenik2024": {
        "vertices": 4,
        "layers": (2,),
        "ridge": 0.05,
        "width": 6,
        "starts": 1,
        "seeds": 1,
    },
    "sukenik2025": {
        "network": "transformer",
        "samples": 2,
        "width": 12,
        "blocks": (1, 2),
        "steps": 1,
        "seeds": 1,
    },
    "jiang2025": {"samples": 2, "width": 9, "blocks": 2, "steps": 1, "seeds": 1},
    "li2023b": {"samples": 2, "width": 12, "layers": 1, "steps": 1, "seeds": 1},
    "kothapalli2023": {"nodes": 8, "degrees": (4,), "width": 3, "starts": 1, "seeds": 1},
    "jacot2025": {"samples": 2, "layers": 2, "steps": 2, "seeds": 1},
    "kothapalli2024": {"gaussians": 4, "digits": 3, "hidden": (1,), "seeds": 1},
    "hong2024": {
        "samples": 3,
        "dims": (2, 9),
        "signals": (0.1, 0.2),
        "widths": (2, 9),
        "deep_samples": 9,
        "draws": 1,
    },
    "beaglehole2024": {"samples": 3, "layers": 1, "units": 4, "bandwidth": 100.0, "seeds": 1},
    "zhao2024": {"contexts": 20, "steps": (1, 2), "seeds": 1},
    "hasegawa2024": {"largest": 20, "ratio": 10.0, "steps": 2, "seeds": 1, "strengths": (0.5,)},
    "li2023": {
        "dataset": "digits",
        "samples": 4,
        "held": 4,
        "clients": 3,
        "rounds": 1,
        "rates": (0.04,),
        "seeds": 1,
    },
    "wang2024b": {
        "dataset": "digits",
        "aligned": (0.5,),
        "samples": 2,
        "steps": 2,
        "batch": 8,
        "seeds": 1,
    },
    "pinto2024": {"contexts": 20, "steps": 2, "seeds": 1, "decays": (0.0, 0.1), "classes": 10},
}


def every(rows, **changes):
    return tuple(replace(row, **changes) for row in rows)


def collapsed(numbers):
    rows = [
        replace(one, collapse=RegressionCollapse(0.0, 0.0, gap, 0.0), identity=0.4)
        for one, gap in zip(numbers.networks, (0.1, 0.2), strict=True)
    ]
    return replace(numbers, networks=tuple(rows))


def towards(numbers):
    near, far = Distances(0.1, 0.1, 0.1), Distances(1.4, 1.4, 1.4)
    first, last = numbers.models
    models = replace(first, law=far), replace(last, law=near, shuffled=far, explained=0.9)
    return replace(numbers, models=models)


def lawful(numbers):
    """Margins that differ by temperature times log R, and rare classes that merge."""
    cases = []
    for case in numbers.cases:
        points = (
            replace(p, majority=1 + p.temperature * np.log(case.ratio), minority=1.0)
            for p in case.points
        )
        merging = None if case.ratio == 1 else 0.5
        cases.append(replace(case, points=tuple(points), merging=merging))
    return replace(numbers, cases=tuple(cases))


def allowed(numbers):
    """More dimensions and a wide first layer let classes collapse, few and a narrow one do not."""
    few, many = {"share": 0.0}, {"share": 1.0}
    parts = {
        name: tuple(
            replace(share, **(few if share.size == shares[0].size else many)) for share in shares
        )
        for name, shares in (("shallow", numbers.shallow), ("deep", numbers.deep))
    }
    return replace(numbers, **parts)


#: Claim -> what its numbers would have to be.
IDEAL = {
    "zhai2025": lambda n: replace(
        n, seeds=tuple(every(p, law=1e-5, identity=0.7) for p in n.seeds)
    ),
    "andriopoulos2024": collapsed,
    "li2024": lambda n: replace(
        n, networks=every(n.networks, fitted=1.0, tag_wise=TagWise(0.1, 1.8, 0.9))
    ),
    "wang2024": lambda n: replace(
        n,
        networks=tuple(
            replace(one, additivity=gain, unseen=gain)
            for one, gain in zip(n.networks, (0.7, 0.9), strict=True)
        ),
    ),
    "jiang2023": lambda n: replace(n, networks=every(n.networks, margins=(n.networks[0].code,))),
    "code-temperature": lawful,
    "gill2023": lambda n: replace(
        n, rows=tuple(replace(row, etf=(1 / (1 + row.copies),)) for row in n.rows)
    ),
    "garrod2024": lambda n: replace(
        n,
        costs=tuple(replace(c, seli=0.1 * c.layers, pairs=0.15) for c in n.costs),
        balanced=every(n.balanced, wins=True, law=True),
    ),
    "sukenik2024": lambda n: replace(
        n,
        found=every(n.found, objectives=(0.1,), ranks=(2, 6), collapse=0.2),
        binary=every(n.binary, collapsed=True),
    ),
    "sukenik2025": lambda n: replace(
        n,
        networks=tuple(
            replace(one, ratio=at, means=at, nc3=at, logits=at)
            for one, at in zip(n.networks, (0.2, 0.1), strict=True)
        ),
    ),
    "jiang2025": lambda n: replace(
        n,
        networks=every(n.networks, cosines=(0.7, 0.8, 1), nc1=(0.3, 0.2, 0.1), read=(0.8, 0.9, 1)),
        aligned=every(n.aligned, cosines=(0.8, 0.9, 1.0)),
    ),
    "li2023b": lambda n: replace(
        n,
        networks=every(n.networks, before=(0.5,), after=(0.2,)),
        frames=every(n.frames, after=0.1, frame=0.02),
    ),
    "kothapalli2023": lambda n: n,
    "jacot2025": lambda n: replace(
        n,
        paths=tuple(
            every(
                path,
                balance=0.05,
                predicted=0.05,
                condition_head=2.0,
                condition_balanced=2.0,
                before=0.2,
                after=0.1,
            )
            for path in n.paths
        ),
    ),
    "kothapalli2024": lambda n: replace(
        n,
        pairs=tuple(
            replace(p, ratios=(0.1, 0.2) if p.activation == "erf" else (0.3, 0.4)) for p in n.pairs
        ),
    ),
    "hong2024": allowed,
    "beaglehole2024": lambda n: replace(
        n, paths=every(n.paths, inputs=1.0, mapped=(0.2,), random=(0.3,), without=(1.5,))
    ),
    "zhao2024": towards,
    "li2023": lambda n: replace(
        n,
        networks=tuple(
            replace(one, accuracy=(last,))
            for one, last in zip(n.networks, (0.5, 0.5, 0.5, 0.9), strict=True)
        ),
    ),
    "hasegawa2024": lambda n: replace(
        n,
        networks=every(
            n.networks,
            rules=tuple(
                replace(rule, balanced=value, alike=value)
                for rule, value in zip(n.networks[0].rules, (0.9, 0.9, 0.8), strict=True)
            ),
        ),
    ),
    "wang2024b": lambda n: replace(
        n,
        networks=tuple(replace(one, conflicting=0.5 + (one.way == "primed")) for one in n.networks),
    ),
    "pinto2024": lambda n: replace(
        n,
        models=(
            n.models[0],
            replace(n.models[0], at=0.1, rare=n.models[0].rare + 1),
        ),
    ),
}


def test_a_decay_is_held_against_the_least_in_whatever_order_they_are_given():
    claim = CLAIMS["pinto2024"]
    optima = Losses(0.1, -1, 0.1, 0.1, 0.5), Losses(4.0, -1, 0.5, 0.1, 0.9)
    models = Losses(1e-6, 0, 2.0, 1.0, 5.0), Losses(1e-2, 0, 2.2, 1.2, 4.3)
    verdicts = [
        claim.judge(
            claim.chosen({"decays": [model.at for model in seen], "seeds": 1}),
            claim.numbers(optima, 4.5, seen),
        )
        for seen in (models, models[::-1])
    ]
    assert verdicts[0] == verdicts[1]
    assert verdicts[0].sentence.startswith("A weight decay of 0.01 raises the mean loss")


def test_of_rates_that_are_as_good_for_clients_the_least_is_taken():
    networks = [Network("linear", rate, 0, 4, 4.0, (rate,), 0.5, 1.0) for rate in (0.04, 0.12)]
    for given in (networks, networks[::-1]):
        assert CLAIMS["li2023"].numbers(tuple(given)).last("linear").tolist() == [0.04]


def test_a_verdict_on_clients_says_how_many_took_part_and_at_which_rates():
    claim = CLAIMS["li2023"]
    networks = tuple(
        Network(way, rate, seed, 3 + seed, 2.0, (0.5 + rate * (way == WAYS[-1]),), rate, 1.0)
        for way in WAYS
        for rate in (0.04, 0.12)
        for seed in range(2)
    )
    verdict = claim.judge(claim.chosen({"clients": 20, "seeds": 2}), claim.numbers(networks))
    assert verdict.holds
    assert "rounds of 3 to 4 clients with 2.0 classes" in verdict.sentence
    assert "62.0% (at 0.12), against 50.0% of linear (at 0.12, +12.0%" in verdict.sentence


@pytest.mark.parametrize(
    ("alike", "last", "holds"), [(0.9, 0.8, True), (0.7, 0.8, False), (0.9, 0.95, False)]
)
def test_rules_are_held_against_one_versus_one_of_one_strength_and_with_every_seed(
    alike, last, holds
):
    claim = CLAIMS["hasegawa2024"]
    kinds = [(rule, tau) for tau in (0.5, 1.0) for rule in RULES]
    shares = (1.0, alike, 0.8, 1.0, 0.6, 0.2)  # that of the additive rule at its best is least

    def network(head, seed, added):
        balanced = (0.9, 0.9, 0.7, 0.6, 0.6, added)
        rules = zip(kinds, balanced, shares, strict=True)
        return Judged(head, seed, 0.5, tuple(Ruled(*kind, a, b) for kind, a, b in rules))

    networks = [
        network(head, seed, added) for head in HEADS for seed, added in ((0, 0.8), (1, last))
    ]
    settings = claim.chosen({"strengths": (0.5, 1.0), "seeds": 2})
    verdict = claim.judge(settings, claim.numbers(tuple(networks)))
    assert verdict.holds == holds, verdict.sentence
    assert f"on {alike:.1%} of the samples, additive at tau = 0.5 on 80.0%" in verdict.sentence


#: Claim of which a short run holds already -> what would refute it.
REFUTED = {
    "sukenik2025": lambda n: replace(n, networks=every(n.networks, ratio=0.1)),
    "jiang2025": lambda n: replace(n, networks=every(n.networks, nc1=(0.1, 0.2))),
    "li2023": lambda n: replace(n, networks=every(n.networks, accuracy=(0.5,))),
    "garrod2024": lambda n: replace(n, costs=every(n.costs, seli=0.2, pairs=0.1)),
    "kothapalli2023": lambda n: replace(n, optima=every(n.optima, features=0.1)),
    "kothapalli2024": lambda n: replace(n, pairs=every(n.pairs, ratios=(0.2, 0.1))),
    "beaglehole2024": lambda n: replace(n, paths=every(n.paths, mapped=(9.0,))),
    "wang2024b": lambda n: replace(n, networks=every(n.networks, conflicting=0.5)),
}


@pytest.mark.parametrize("name", SHORT)
def test_a_short_run_is_recorded_and_shown_and_judged_by_its_numbers(name, tmp_path):
    claim = CLAIMS[name]
    record = claim.run(SHORT[name], Place(tmp_path).context("short"))
    run = claim.read(Record.load(tmp_path / f"{record.name}.json"))
    refuted = REFUTED.get(name, lambda numbers: numbers)(run.numbers)
    verdict = claim.judge(run.settings, refuted)
    assert not verdict.holds, verdict.sentence
    assert all(block.kind for block in claim.show([run]))
    ideal = claim.judge(run.settings, IDEAL[name](run.numbers))
    assert ideal.holds, ideal.sentence


def test_few_active_units_are_no_frame(tmp_path):
    claim = CLAIMS["li2023b"]
    settings = claim.chosen(SHORT["li2023b"])
    record = claim.run(SHORT["li2023b"], Place(tmp_path).context("run"))
    numbers = IDEAL["li2023b"](claim.read(record).numbers)
    far = replace(numbers, frames=every(numbers.frames, after=0.06, frame=0.66))
    assert claim.judge(settings, numbers).holds
    assert not claim.judge(settings, far).holds


@pytest.mark.parametrize("rival", [0.1, 0.9])
def test_supports_must_tell_more_of_logits_than_how_often_letters_follow_does(rival, tmp_path):
    claim = CLAIMS["zhao2024"]
    record = claim.run(SHORT["zhao2024"], Place(tmp_path).context("short"))
    run = claim.read(record)
    assert all(0 <= one.frequencies <= 1 for one in run.numbers.models)
    ideal = IDEAL["zhao2024"](run.numbers)
    models = tuple(replace(one, frequencies=rival) for one in ideal.models)
    found = claim.judge(run.settings, replace(ideal, models=models))
    assert found.holds == (rival < 0.5), found.sentence


def test_an_axis_of_places_shows_zero_and_values_below_it():
    _, ax = plt.subplots()
    several({"loss": ([0.0, 1e-5, 1e-3], [[-1.0], [2.0], [3.0]])}, ax, x="weight decay")
    assert ax.get_xlim()[0] <= 0
    assert ax.get_ylim()[0] <= -1
    plt.close()


@pytest.mark.parametrize("place", [1.0, 1 - 0.9])
def test_lines_of_one_place_are_seen(place):
    figure, ax = plt.subplots()
    several({"loss": ([place], [[1.0, 2.0]])}, ax, x="round")
    figure.draw_without_rendering()
    assert [line.get_marker() for line in ax.lines] == ["o", "o"]
    assert ax.get_xlim()[0] < place < ax.get_xlim()[1]
    plt.close()


def test_a_linear_head_starts_by_the_seed_of_its_fit_whatever_was_drawn_before():
    x, y = np.random.default_rng(0).normal(size=(6, 3)), np.arange(6) % 2
    answers = []
    for before in range(2):
        torch.manual_seed(before)
        answers.append(under_head(x, y, (3, 4, 5), None, Fit(1, 0.1, seed=2))(x))
    np.testing.assert_array_equal(*[logits for _, logits in answers])


def test_clients_share_out_every_sample_once_and_fewer_classes_the_smaller_the_concentration():
    labels = np.repeat(np.arange(10), 50)
    kept = {}
    for concentration in (0.05, 100.0):
        parts = data.shared_out(labels, 8, concentration, seed=1)
        assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(500))
        kept[concentration] = np.mean([len(np.unique(labels[part])) for part in parts])
    assert kept[0.05] < 5 < 9 < kept[100.0]


def test_averaging_after_one_step_on_all_samples_is_descent_on_everybodys_loss():
    random = np.random.default_rng(0)
    x, y = random.normal(size=(12, 3)), np.arange(12) % 2
    sizes, fit = (3, 4, 5), Fit(1, 0.3, seed=3, method="plain", batch=12)
    loss = torch.nn.functional.cross_entropy

    def head():
        return torch.nn.Linear(5, 2)

    clients = [Client(x[part], y[part], loss) for part in np.split(np.arange(12), [2, 7])]
    seen = []
    answer = federated(clients, sizes, head, fit, 4, lambda turn, _: seen.append(turn), unit=False)
    all_in_one = [Client(x, y, loss)]
    other = federated(all_in_one, sizes, head, fit, 4, lambda turn, _: None, unit=False)
    assert seen == [1, 2, 3, 4]
    for averaged, together in zip(answer(x), other(x), strict=True):
        np.testing.assert_allclose(averaged, together, atol=1e-6)
    # By hand: four steps of gradient descent from the same start.
    torch.manual_seed(3)
    network = torch.nn.Sequential(perceptron(sizes), head())
    inputs, labels = torch.tensor(x).float(), torch.tensor(y)
    for _ in range(4):
        slopes = torch.autograd.grad(loss(network(inputs), labels), [*network.parameters()])
        with torch.no_grad():
            for parameter, slope in zip(network.parameters(), slopes, strict=True):
                parameter -= 0.3 * slope
    np.testing.assert_allclose(answer(x)[1], network(inputs).detach(), atol=1e-6)
