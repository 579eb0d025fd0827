"""Steering a plain transformers model inside its own `generate`.

The edit is made once, in the forward pass that produces the first token. Which pass that is follows from the options
of `generate`, never from the length of a hidden state: the first one, or with `prefill_chunk_size` the last chunk.
"""

import copy
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import ceil
from typing import Any

from torch import Tensor

from mars.model.hooks import InterventionLog, editing
from mars.model.loaded_model import decoder_layers
from mars.steering.base import Steering

MODES = ("greedy_search", "sample", "beam_search", "beam_sample")
"""Ways to generate whose first token comes from one pass over the prompt, as transformers names them."""


class InterventionError(ValueError):
    """A use of `generate` that cannot be steered; the message says why and what to do."""


@contextmanager
def steering_generate(model: Any, layer: int, steering: Steering) -> Iterator[InterventionLog]:
    """Edit one decoder layer's output at the last prompt position in each call of `model.generate` made inside.

    Afterwards, also after an exception, the model is as before. The log is of the latest call; `applications` counts
    the calls. Raises InterventionError where the model is steered already, and in `generate` for assisted decoding,
    use_cache=False, right padding and two calls at once. A forward pass outside `generate` raises it too: nothing
    tells whether it is to produce a first token.
    """
    log = InterventionLog(layer)
    steered = _SteeredGenerate(model, log)
    with _entering:
        if isinstance(vars(model).get("generate"), _SteeredGenerate):
            raise InterventionError(
                "This model is steered already: interventions do not nest. Leave the other first."
            )
        before = vars(model).get("generate")
        model.generate = steered
    try:
        with editing(decoder_layers(model), layer, steering, log=log, is_due=steered.is_due):
            yield log
    finally:
        del model.generate
        if before is not None:
            model.generate = before


_entering = threading.Lock()


class _SteeredGenerate:
    """Stands in for a model's `generate`, and tells in which forward pass the edit is due."""

    def __init__(self, model: Any, log: InterventionLog) -> None:
        self._model = model
        self._generate = model.generate
        self._log = log
        self._busy = threading.Lock()
        self._passes_left: int | None = None
        """Forward passes up to the one that produces the first token; None outside `generate`."""

    def __call__(self, inputs: Tensor | None = None, generation_config: Any = None, **options: Any) -> Any:
        if generation_config is not None:
            options["generation_config"] = generation_config
        if not self._busy.acquire(blocking=False):
            raise InterventionError("Two calls of generate at once cannot share an intervention: make them in turn.")
        try:
            config = self._config(options)
            prompt = next(
                (
                    given
                    for given in (options.get("inputs_embeds"), options.get("input_ids"), inputs)
                    if given is not None
                ),
                None,
            )
            if prompt is None:
                raise InterventionError("generate got no prompt: give it input_ids, as lens.encode(prompt) does.")
            _check_padding(prompt, options.get("attention_mask"), config)
            self._passes_left = _prompt_passes(prompt.shape[1], config.prefill_chunk_size, options)
            self._log.position = prompt.shape[1] - 1
            return self._generate(**options) if inputs is None else self._generate(inputs, **options)
        finally:
            self._passes_left = None
            self._busy.release()

    def is_due(self) -> bool:
        """Called by the hook at each forward pass."""
        if self._passes_left is None:
            raise InterventionError(
                "Inside `apply` the model is steered in model.generate alone. For a loop of your own, use prefill "
                "and branch (mars.model.generation)."
            )
        self._passes_left -= 1
        return self._passes_left == 0

    def _config(self, options: Mapping[str, Any]) -> Any:
        """The generation config as `generate` will merge it. Raises InterventionError on what cannot be steered."""
        config = copy.deepcopy(options.get("generation_config") or self._model.generation_config)
        config.update(**{name: value for name, value in options.items() if name != "generation_config"})
        mode = config.get_generation_mode(options.get("assistant_model")).value
        if mode not in MODES or options.get("custom_generate") is not None:
            raise InterventionError(
                f"Steering inside generate is not defined for {mode.replace('_', ' ')}: its passes over the prompt "
                "also hold guesses of what follows. Use greedy search, sampling or beams."
            )
        if config.use_cache is False:
            raise InterventionError(
                "Without the KV cache the prompt is read again for each token, and the edit would be lost after the "
                "first. Leave use_cache=False out."
            )
        return config


def _check_padding(prompt: Tensor, attention_mask: Tensor | None, config: Any) -> None:
    """Raise InterventionError where the last position of a row is padding."""
    if attention_mask is not None:
        padded = attention_mask[:, -1] == 0
    elif prompt.dim() == 2 and isinstance(config.pad_token_id, int):
        padded = prompt[:, -1] == config.pad_token_id
    else:
        return
    if padded.any():
        raise InterventionError(
            "The batch is padded on the right, so its last position is no prompt's end. Pad on the left: "
            'tokenizer.padding_side = "left".'
        )


def _prompt_passes(length: int, chunk: int | None, options: Mapping[str, Any]) -> int:
    """Forward passes of `generate` over a prompt: one, or one per chunk of what the cache does not hold yet."""
    if chunk is None:
        return 1
    cache = options.get("past_key_values")
    return ceil((length - (cache.get_seq_length() if cache is not None else 0)) / chunk)
