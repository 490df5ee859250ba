"""Watching and diagnosing tiny models of Hugging Face, whose heads, labels and outputs differ from
a plain classifier's."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    transformers = pytest.importorskip("transformers")

from lopsided.measure import Moments, trained, watch

pytestmark = pytest.mark.filterwarnings("ignore")
B, T, D, VOCAB = 40, 6, 16, 12
GENERATOR = torch.Generator().manual_seed(0)
IDS = torch.randint(1, VOCAB, (B, T), generator=GENERATOR)
OF_SEQUENCES, OF_TOKENS = torch.arange(B) % 3, torch.arange(B * T).reshape(B, T) % 3
PADDED = torch.where(torch.arange(T) < 4, OF_TOKENS, -100)


def gpt2(kind: str, **options: Any) -> Any:
    torch.manual_seed(0)
    still = {"resid_pdrop": 0, "embd_pdrop": 0, "attn_pdrop": 0, "classifier_dropout": 0}
    shape = {
        "vocab_size": VOCAB,
        "n_embd": D,
        "n_layer": 1,
        "n_head": 2,
        "n_positions": T,
        "bos_token_id": 0,
        "eos_token_id": 0,
    }
    return getattr(transformers, kind)(transformers.GPT2Config(**shape, **still, **options))


def bert(kind: str) -> Any:
    torch.manual_seed(0)
    still = {"hidden_dropout_prob": 0, "attention_probs_dropout_prob": 0}
    shape = {
        "vocab_size": VOCAB,
        "hidden_size": D,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 8,
    }
    return getattr(transformers, kind)(transformers.BertConfig(**shape, **still, num_labels=3))


def head_first(kind: str) -> Any:
    """A model that holds its head before its encoder, as XLM-RoBERTa does."""
    model = bert(kind)
    encoder = model.bert
    del model.bert
    model.bert = encoder
    return model


def of_images_and_text() -> Any:
    torch.manual_seed(0)
    shape = {"hidden_size": D, "num_hidden_layers": 1, "num_attention_heads": 2}
    shape |= {"intermediate_size": 8}
    sight = transformers.CLIPVisionConfig(**shape, image_size=4, patch_size=2)
    text = transformers.LlamaConfig(**shape, vocab_size=VOCAB, num_key_value_heads=2)
    config = transformers.LlavaConfig(vision_config=sight, text_config=text, image_token_index=0)
    return transformers.LlavaForConditionalGeneration(config)


def bart() -> Any:
    torch.manual_seed(0)
    shape = {"vocab_size": VOCAB, "d_model": D, "dropout": 0.0, "max_position_embeddings": T}
    for part in ("encoder", "decoder"):
        shape |= {f"{part}_layers": 1, f"{part}_attention_heads": 2, f"{part}_ffn_dim": 8}
    still = {"pad_token_id": 0, "bos_token_id": 0, "eos_token_id": 1, "decoder_start_token_id": 2}
    return transformers.BartForConditionalGeneration(transformers.BartConfig(**shape, **still))


def two_models() -> Any:
    """An encoder and a decoder that are models of their own, and by itself a causal one."""
    decoder = gpt2("GPT2LMHeadModel", add_cross_attention=True)
    model = transformers.EncoderDecoderModel(encoder=bert("BertModel"), decoder=decoder)
    model.config.decoder_start_token_id, model.config.pad_token_id = 2, 0
    return model


def decoder_alone() -> Any:
    torch.manual_seed(0)
    shape = {"vocab_size": VOCAB, "d_model": D, "dropout": 0.0, "max_position_embeddings": T}
    shape |= {"decoder_layers": 1, "decoder_attention_heads": 2, "decoder_ffn_dim": 8}
    return transformers.BartForCausalLM(transformers.BartConfig(**shape, pad_token_id=0))


def states(model: Any) -> Any:
    return model.base_model(IDS).last_hidden_state


#: A model, labels, options, and the features and labels that are measured, or words of the refusal.
MODELS: dict[str, tuple[Callable[[], Any], Any, dict[str, Any], Any]] = {
    "language model": (
        lambda: gpt2("GPT2LMHeadModel"),
        IDS,
        {},
        "GPT2LMHeadModel is a causal language model.*shift=1",
    ),
    "language model, shifted": (
        lambda: gpt2("GPT2LMHeadModel"),
        torch.where(torch.arange(T) > 1, IDS, -100),
        {"shift": 1, "ignore": -100},
        lambda model: (states(model)[:, 1:-1], IDS[:, 2:]),
    ),
    "images and text, of two answers": (
        of_images_and_text,
        torch.where(torch.arange(T) == 3, 3 + IDS % 2, -100),
        {"ignore": -100},
        "LlavaForConditionalGeneration is a causal language model.*shift=1",
    ),
    "encoder and decoder": (
        bart,
        IDS.flip(1),
        {},
        lambda model: (
            model.model(
                IDS, decoder_input_ids=IDS.flip(1).roll(1, 1).index_fill(1, torch.tensor([0]), 2)
            ).last_hidden_state,
            IDS.flip(1),
        ),
    ),
    "encoder and decoder, models of their own": (
        two_models,
        IDS.flip(1),
        {},
        lambda model: (
            model(
                IDS,
                decoder_input_ids=IDS.flip(1).roll(1, 1).index_fill(1, torch.tensor([0]), 2),
                output_hidden_states=True,
            ).decoder_hidden_states[-1],
            IDS.flip(1),
        ),
    ),
    "decoder of a model with an encoder": (
        decoder_alone,
        IDS,
        {},
        lambda model: (model.model.decoder(IDS).last_hidden_state, IDS),
    ),
    "masked language model": (
        lambda: bert("BertForMaskedLM"),
        torch.where(torch.arange(T) == 2, IDS.flip(1), -100),
        {"ignore": -100},
        lambda model: (model.cls.predictions.transform(states(model))[:, 2], IDS.flip(1)[:, 2]),
    ),
    "masked language model, with the head before the encoder": (
        lambda: head_first("BertForMaskedLM"),
        torch.where(torch.arange(T) == 2, IDS.flip(1), -100),
        {"ignore": -100},
        lambda model: (model.cls.predictions.transform(states(model))[:, 2], IDS.flip(1)[:, 2]),
    ),
    "decoder of sequences": (
        lambda: gpt2("GPT2ForSequenceClassification", num_labels=3, pad_token_id=0),
        OF_SEQUENCES,
        {},
        lambda model: (states(model)[:, -1], OF_SEQUENCES),
    ),
    "encoder of sequences": (
        lambda: bert("BertForSequenceClassification"),
        OF_SEQUENCES[:, None],
        {},
        lambda model: (model.base_model(IDS).pooler_output, OF_SEQUENCES),
    ),
    "tokens": (
        lambda: bert("BertForTokenClassification"),
        PADDED,
        {"ignore": -100},
        lambda model: (states(model)[:, :4], OF_TOKENS[:, :4]),
    ),
    "tokens, with the head before the encoder": (
        lambda: head_first("BertForTokenClassification"),
        PADDED,
        {"ignore": -100},
        lambda model: (states(model)[:, :4], OF_TOKENS[:, :4]),
    ),
}


@pytest.mark.parametrize("how", ["watch", "diagnose 1", "diagnose 2"])
@pytest.mark.parametrize("name", MODELS)
def test_labels_given_to_a_transformer_lie_beside_the_features_it_learns_them_from(name, how):
    make, labels, options, want = MODELS[name]
    model, batch = (
        make(),
        {"input_ids": IDS, "attention_mask": torch.ones_like(IDS), "labels": labels},
    )

    def measured() -> Any:
        if how != "watch":
            return trained(
                model, [batch], passes=int(how[-1]), classes="seen", show_progress=False, **options
            )
        with watch(model.train(), classes="seen", **options) as watching:
            model(**batch).loss.backward()
            return watching.epoch()

    if isinstance(want, str):
        with pytest.raises(ValueError, match=want):
            measured()
        return
    got = measured()
    with torch.no_grad():
        features, y = want(model.eval())
    moments = Moments(VOCAB, features.shape[-1])
    moments.update(features.reshape(-1, features.shape[-1]).numpy(), y.reshape(-1).numpy())
    np.testing.assert_array_equal(got.moments.counts, moments.counts[got.classes])
    np.testing.assert_allclose(got.moments.means, moments.means[got.classes], rtol=1e-4, atol=1e-5)
    assert got.moments.n == moments.n


class Module(torch.nn.Module):
    """A model within another, as one of Lightning, whose step calls it."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: dict[str, Any]) -> Any:
        return self.model(**batch)


@pytest.mark.parametrize("called", [False, True])
@pytest.mark.parametrize("shift", [None, 0, 1])
@pytest.mark.parametrize("name", ["language model", "decoder of a model with an encoder"])
def test_a_model_within_another_shifts_the_labels_that_it_is_given_alike(name, shift, called):
    make, labels, *_ = MODELS[name]
    outer, seen = Module(make()), []
    inner, batch = outer.model, {"input_ids": IDS, "labels": labels}
    inner.lm_head.register_forward_hook(lambda _head, given, _out: seen.append(given[0].detach()))
    with watch(outer, classes="seen", shift=shift) as watching:
        (outer(batch) if called else inner(**batch)).loss.backward()
        if shift is None and name == "language model":
            with pytest.raises(ValueError, match=r"GPT2LMHeadModel is a causal.*say shift=1"):
                watching.labels(labels)
            return
        watching.labels(labels)
        got = watching.epoch()
    ahead = shift or 0
    moments = Moments(VOCAB, D)
    features = seen[0][:, : T - ahead].reshape(-1, D)
    moments.update(features.numpy(), labels[:, ahead:].reshape(-1).numpy())
    np.testing.assert_allclose(got.moments.means, moments.means[got.classes], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("own", [False, True])
def test_labels_of_a_model_within_another_are_shifted_by_whoever_computes_the_loss(own):
    outer = Module(gpt2("GPT2LMHeadModel"))
    ahead = torch.cat([IDS[:, 1:], torch.full((B, 1), -100)], dim=1)
    with watch(outer, classes="seen", ignore=-100) as watching:
        outer.model(IDS)
        if own:
            watching.labels(ahead)
            assert watching.epoch().moments.n == B * (T - 1)
            return
        with pytest.raises(ValueError, match="the labels are the model's inputs"):
            watching.labels(IDS)


class Taught(torch.nn.Module):
    """Returns answers and loss, given tokens, targets of whatever kind, and more."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.head = torch.nn.Embedding(VOCAB, D), torch.nn.Linear(D, VOCAB)

    def forward(self, ids: Any, targets: Any, *_more: Any) -> Any:
        logits = self.head(self.embed(ids))
        return logits, torch.nn.functional.cross_entropy(logits.movedim(-1, 1), targets)


class InTwo(torch.nn.Module):
    """Returns features, or answers."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.head = torch.nn.Embedding(VOCAB, D), torch.nn.Linear(D, VOCAB)

    def forward(self, ids: Any, features: bool = False) -> Any:
        return self.embed(ids) if features else self.head(self.embed(ids))


def test_labels_are_known_to_be_the_inputs_where_features_and_answers_are_called_for_apart():
    outer = Module(InTwo())
    with watch(outer, classes="seen") as watching:
        outer.model.head(outer.model(IDS, features=True))
        with pytest.raises(ValueError, match="the labels are the model's inputs"):
            watching.labels(IDS)


AHEAD = torch.cat([IDS[:, 1:], torch.full((B, 1), -100)], dim=1)
PLACES = torch.arange(T).expand(B, T)
PROMPTED = torch.where(torch.arange(T) < 4, -100, IDS)


@pytest.mark.parametrize("within", [False, True])
@pytest.mark.parametrize(
    ("ids", "labels", "more", "told"),
    [
        (IDS, AHEAD, (PLACES,), False),  # shifted already
        (IDS, OF_TOKENS, (), True),  # tags, or another language, of which nothing tells
        (IDS, IDS, (PLACES,), True),
        (IDS, PROMPTED, (PLACES, (PLACES > 1).long()), True),
        (torch.where(PLACES == 2, 0, IDS), IDS, (), True),  # tokens that were dropped, perhaps
    ],
)
def test_labels_given_beside_tokens_are_known_to_be_shifted_already_where_they_are(
    within, ids, labels, more, told
):
    model = Taught()
    outer = Module(model) if within else model
    with watch(outer, classes="seen", ignore=-100) as watching:
        model(ids, labels, *more)
        if told:
            with pytest.raises(ValueError, match="the labels are the model's inputs"):
                watching.labels(labels)
            return
        watching.labels(labels)
        assert watching.epoch().moments.n == int((labels != -100).sum())


class Above(torch.nn.Module):
    """Has an own head over a classifier of Hugging Face, of whose answers it makes nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.below, self.head = bert("BertForSequenceClassification"), torch.nn.Linear(D, 4)

    def forward(self, ids: torch.Tensor) -> Any:
        return self.head(self.below(ids, output_hidden_states=True).hidden_states[-1][:, 0])


def test_a_classifier_below_another_head_does_not_tell_how_many_classes_that_has():
    found = trained(Above(), [(IDS, torch.arange(B) % 4)], show_progress=False)
    assert (found.k, found.d) == (4, D)


def test_a_head_that_was_added_to_a_language_model_goes_before_its_output_embeddings():
    class Own(transformers.BertForMaskedLM):
        def __init__(self, config: Any) -> None:
            super().__init__(config)
            self.classifier = torch.nn.Linear(D, 4)

        def forward(self, ids: torch.Tensor) -> Any:
            return self.classifier(self.bert(ids)[0][:, 0])

    model = Own(bert("BertForMaskedLM").config)
    found = trained(model, [(IDS, torch.arange(B) % 4)], show_progress=False)
    assert (found.k, found.d) == (4, D)


def test_hidden_states_are_as_many_after_a_look_at_a_model_that_had_made_no_pass():
    model = bert("BertForSequenceClassification").eval()
    model.config.output_hidden_states = True
    trained(model, [(IDS, OF_SEQUENCES)], show_progress=False)
    assert len(model(IDS).hidden_states) == 2
