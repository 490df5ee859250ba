"""Causal language models: which of them train position t on the label of position t + 1."""

from __future__ import annotations

import re
from typing import Any

from lopsided.measure.network.head import around

#: Models that train position t on the label of position t + 1, by the names of their classes.
CAUSAL = re.compile(r"(ForCausalLM|LMHeadModel)$")
#: Those of them that train each position on its own label, and leave it to their callers to shift:
#: decoders of models that have an encoder, and models that mask or permute tokens.
OWN = re.compile(
    r"^(Bart|BigBirdPegasus|Blenderbot|BlenderbotSmall|CpmAnt|MBart|Marian|Mvp|Pegasus|PLBart"
    r"|ProphetNet|TrOCR|Whisper)ForCausalLM$|(XLNet|With)LMHeadModel$"
)
#: Models that do so unless they have an encoder, to whose sequence the labels are another.
GENERATING = "ForConditionalGeneration"


def causal(model: Any, name: str) -> str | None:
    """Return the class of the causal language model that a layer is in, which shifts its labels;
    None where the model is known not to, and nothing where it is not known.
    """
    modules = around(model, name)
    kinds = {type(module).__name__: getattr(module, "config", None) for module in modules}
    encoded = any(getattr(config, "is_encoder_decoder", False) for config in kinds.values())
    # Whoever has an encoder gives the decoder the labels before as inputs.
    if encoded or any(OWN.search(kind) for kind in kinds):
        return None
    for kind, config in kinds.items():
        if CAUSAL.search(kind) or (kind.endswith(GENERATING) and config):
            return kind
    return ""
