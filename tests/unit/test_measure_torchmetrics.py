"""The torchmetrics adapter keeps the contract of a metric: alone, in collections, copied, stored,
merged."""

import copy
import io
import pickle

import pytest
import torch
from torch import nn

from lopsided import Counts, steer
from lopsided.measure import Stream

torchmetrics = pytest.importorskip("torchmetrics")

from lopsided.measure.adapters.torchmetrics import GeometryMetric  # noqa: E402

K, D, N = 3, 5, 60


def batches(seed=0):
    generator = torch.Generator().manual_seed(seed)
    labels = torch.cat([torch.arange(K), torch.randint(0, K, (N - K,), generator=generator)])
    features = torch.randn(K, D, generator=generator)[labels]
    features = features + torch.randn(N, D, generator=generator)
    return list(zip(features.split(16), labels.split(16), strict=True))


def head(seed=0):
    torch.manual_seed(seed)
    return nn.Linear(D, K)


def fed(metric, layer=None, part=slice(None)):
    for features, labels in batches()[part]:
        metric.update(features, labels, None if layer is None else layer(features))
    return metric


def equal(result, expected):
    assert result.keys() == expected.keys()
    for name in result:
        assert result[name].item() == pytest.approx(expected[name].item(), rel=1e-12, nan_ok=True)


def test_the_scalars_are_those_of_the_stream():
    layer, stream = head(), Stream(K, D)
    for features, labels in batches():
        stream.update(features, labels, layer(features))
    result = fed(GeometryMetric(K, D, layer), layer).compute()
    expected = stream.compute(layer.weight, layer.bias).scalars()
    assert {name: value.item() for name, value in result.items()} == pytest.approx(
        expected, nan_ok=True
    )


def test_a_metric_works_in_a_collection_beside_others_and_resets():
    layer = head()
    accuracy = torchmetrics.classification.MulticlassAccuracy(num_classes=K, average="micro")
    members = {
        "geometry": GeometryMetric(K, D, layer, counts=Counts([5, 3, 1])),
        "accuracy": accuracy,
    }
    collection = torchmetrics.MetricCollection(members)
    for features, labels in batches():
        batch = collection(features=features, preds=layer(features), target=labels)
        assert batch.keys() == {"accuracy"}
    result = collection.compute()
    equal(
        {name: result[name] for name in result if name != "accuracy"},
        fed(GeometryMetric(K, D, layer, counts=Counts([5, 3, 1])), layer).compute(),
    )
    collection.reset()
    assert collection["geometry"].stream.moments.n == 0


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda metric: metric.clone()])
def test_a_clone_measures_the_live_head_and_samples_of_its_own(copied):
    layer = head()
    collection = torchmetrics.MetricCollection({"geometry": fed(GeometryMetric(K, D, layer))})
    clone = copied(collection)
    with torch.no_grad():
        layer.weight.copy_(head(seed=1).weight)
    equal(clone.compute(), fed(GeometryMetric(K, D, layer)).compute())
    clone.reset()
    assert collection["geometry"].stream.moments.n == N


@pytest.mark.parametrize("first", ["head", "metric"])
def test_a_copy_of_a_whole_model_measures_the_head_of_the_copy(first):
    layer = head()
    parts = {"head": layer, "metric": fed(GeometryMetric(K, D, layer))}
    model = nn.ModuleDict(
        {name: parts[name] for name in sorted(parts, key=lambda name: name != first)}
    )
    twin = copy.deepcopy(model)
    with torch.no_grad():
        twin["head"].weight.copy_(head(seed=1).weight)
    equal(twin["metric"].compute(), fed(GeometryMetric(K, D, twin["head"])).compute())
    equal(model["metric"].compute(), fed(GeometryMetric(K, D, layer)).compute())


def test_a_pickle_takes_samples_and_head_along():
    layer = head()
    metric = fed(GeometryMetric(K, D, layer, ignore=[-1]), part=slice(2))
    metric.compute()
    twin = pickle.loads(pickle.dumps(metric))  # noqa: S301
    equal(fed(twin, part=slice(2, None)).compute(), fed(GeometryMetric(K, D, layer)).compute())
    both = pickle.loads(pickle.dumps(nn.ModuleDict({"head": layer, "metric": metric})))  # noqa: S301
    assert both["metric"]._head.module() is both["head"]


def test_metrics_and_states_merge_and_n_is_the_sum():
    layer = head()
    whole = fed(GeometryMetric(K, D, layer), layer).compute()
    one, two, three = (
        fed(GeometryMetric(K, D, layer), layer, part)
        for part in (slice(1), slice(1, 2), slice(2, None))
    )
    one.compute()
    one.merge_state(two)
    assert one.stream.moments.n == 32
    one.merge_state(three.metric_state)
    assert one.stream.moments.n == N
    assert two.stream.moments.n == 16
    equal(one.compute(), whole)
    fresh = GeometryMetric(K, D, layer)
    fresh.merge_state(one)
    equal(fresh.compute(), whole)
    for other in (
        GeometryMetric(K, D + 1),
        GeometryMetric(K, D, scatter="none"),
        GeometryMetric(K, D + 1).metric_state,
        3,
    ):
        with pytest.raises(ValueError):
            one.merge_state(other)
    assert one.stream.moments.n == N


def test_the_state_is_in_state_dicts_when_persistent_and_goes_on_from_there():
    layer = head()
    collection = torchmetrics.MetricCollection(
        {"geometry": fed(GeometryMetric(K, D, layer), layer, slice(2))}
    )
    assert not collection.state_dict()
    collection.persistent(True)
    file = io.BytesIO()
    torch.save(collection.state_dict(), file)
    file.seek(0)
    other = torchmetrics.MetricCollection({"geometry": GeometryMetric(K, D, layer)})
    other.load_state_dict(torch.load(file, weights_only=True))
    equal(other.compute(), collection.compute())
    equal(
        fed(other["geometry"], layer, slice(2, None)).compute(),
        fed(GeometryMetric(K, D, layer), layer).compute(),
    )
    with pytest.raises(
        ValueError, match=r"the state's means has shape \(3, 5\), this stream's \(3, 6\)"
    ):
        torchmetrics.MetricCollection({"geometry": GeometryMetric(K, D + 1)}).load_state_dict(
            collection.state_dict()
        )
    half = {
        name: tensor for name, tensor in collection.state_dict().items() if "spread" not in name
    }
    with pytest.raises(ValueError, match="spread"):
        other.load_state_dict(half)


def test_figures_keep_their_digits_whatever_the_metric_is_cast_to():
    layer = head()
    expected, model = (
        fed(GeometryMetric(K, D, layer)).compute(),
        nn.ModuleDict({"metric": fed(GeometryMetric(K, D, layer))}),
    )
    for cast in (
        model.half,
        model.bfloat16,
        model.float,
        lambda: model.to(torch.float16),
        lambda: model["metric"].set_dtype(torch.float16),
    ):
        cast()
        equal(model["metric"].compute(), expected)
    model.to("cpu")
    model.cpu()
    equal(model["metric"].compute(), expected)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_the_state_follows_the_metric_to_the_gpu():
    metric = fed(GeometryMetric(K, D), part=slice(2)).cuda()
    for features, labels in batches()[2:]:
        metric.update(features.cuda(), labels.cuda())
    assert metric.stream._state.device.type == "cuda"
    equal(metric.compute(), fed(GeometryMetric(K, D)).compute())


@pytest.mark.parametrize("ignore", [2, [2, -100], (255, 2)])
def test_samples_of_marked_labels_are_left_out(ignore):
    layer, marked = head(), GeometryMetric(K, D, ignore=ignore, classes="seen")
    bare = GeometryMetric(K, D, classes="seen")
    for features, labels in batches():
        marked.update(features, labels.to(torch.uint8), layer(features))
        kept = labels != 2
        bare.update(features[kept], labels[kept], layer(features)[kept])
    equal(marked.compute(), bare.compute())
    with pytest.raises(TypeError, match="must be a whole number"):
        GeometryMetric(K, D, ignore=0.5)


@pytest.mark.parametrize("wrong", ["fc", nn.ReLU(), nn.Sequential(nn.Linear(D, K))])
def test_a_head_without_a_weight_is_refused_before_anything_is_measured(wrong):
    with pytest.raises(TypeError, match=r"head must be the layer itself, .* such as model\.fc"):
        GeometryMetric(K, D, wrong)
    GeometryMetric(K, D, nn.LazyLinear(K))  # its weight comes with the first batch


def test_an_unknown_choice_of_classes_is_told_before_anything_is_measured():
    with pytest.raises(ValueError, match="'all' or 'seen'"):
        GeometryMetric(K, D, classes="some")


def test_a_spectral_norm_in_training_is_not_moved():
    layer = torch.nn.utils.parametrizations.spectral_norm(torch.nn.Linear(D, K))
    before = {name: part.clone() for name, part in layer.state_dict().items()}
    fed(GeometryMetric(K, D, layer)).compute()
    for name, part in layer.state_dict().items():
        torch.testing.assert_close(part, before[name], rtol=0, atol=0)


def test_a_head_that_is_no_linear_map_has_no_classifiers():
    with pytest.raises(ValueError, match="no linear map of the features"):
        fed(GeometryMetric(K, D, steer.CosineHead(D, K))).compute()


def test_nothing_to_compute_is_told_and_a_reset_metric_starts_anew():
    metric = GeometryMetric(K, D)
    with (
        pytest.warns(UserWarning, match="before the ``update``"),
        pytest.raises(ValueError, match="nothing has been measured"),
    ):
        metric.compute()
    fed(metric).reset()
    with (
        pytest.warns(UserWarning, match="before the ``update``"),
        pytest.raises(ValueError, match="nothing has been measured"),
    ):
        metric.compute()
    equal(fed(metric).compute(), fed(GeometryMetric(K, D)).compute())
    with pytest.raises(ValueError, match="leave out dist_sync_fn"):
        GeometryMetric(K, D, dist_sync_fn=lambda *_: None)


def test_a_value_is_computed_anew_after_a_batch_and_kept_until_then():
    metric = fed(GeometryMetric(K, D), part=slice(1))
    first = metric.compute()
    assert metric.compute() is first
    equal(fed(metric, part=slice(1, None)).compute(), fed(GeometryMetric(K, D)).compute())


def test_the_tracker_remembers_each_epoch():
    layer = head()
    tracker = torchmetrics.wrappers.MetricTracker(
        torchmetrics.MetricCollection(
            {"geometry": GeometryMetric(K, D, layer, counts=Counts([5, 3, 1]))}
        ),
        maximize=False,
    )
    values = []
    for seed in range(2):
        tracker.increment()
        with torch.no_grad():
            layer.weight.copy_(head(seed).weight)
        for features, labels in batches(seed):
            tracker.update(features, labels)
        values.append(tracker.compute()["nc3"].item())
    assert tracker.compute_all()["nc3"].tolist() == pytest.approx(values)
