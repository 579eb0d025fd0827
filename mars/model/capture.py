"""Activations of every decoder layer at the last prompt position, for many prompts."""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from torch import Tensor

from mars.media.prompt import Prompt
from mars.model.hooks import reading
from mars.model.inputs import batch_key, preprocess, to_device
from mars.model.load_checks import ModelError, is_out_of_memory
from mars.model.loaded_model import LoadedModel
from mars.types import Activations

Progress = Callable[[int, int], None]
"""Called with how many prompts are done, and of how many. An exception raised in it ends the capture."""


@torch.inference_mode()
def capture(
    model: LoadedModel, prompts: Sequence[Prompt], batch_size: int = 16, progress: Progress | None = None
) -> Activations:
    """Block outputs and next-token logits at the last prompt position, in the order of the prompts.

    Prompts are batched by modality, number of frames and length, left-padded; the processor reads the next batch
    while the model runs. A batch that memory does not hold is halved, with all of its shape that follow, and tried
    again. Raises PromptError for a prompt that the model cannot read, ModelError where an activation is not finite,
    naming layer and dtype, or the logits, and where memory does not hold a single prompt.
    """
    if not prompts:
        raise ValueError("There is no prompt to capture activations of.")
    result = _Result(model, len(prompts), min(batch_size, len(prompts)))
    batches = deque(batches_of(prompts, batch_size))

    with ThreadPoolExecutor(max_workers=1) as reader:

        def read_next() -> Any:
            return reader.submit(preprocess, model, [prompts[index] for index in batches[0]])

        coming = read_next()
        done = 0
        while batches:
            batch, inputs = batches.popleft(), coming.result()
            coming = read_next() if batches else None
            if result.add(batch, inputs):
                done += len(batch)
                if progress:
                    progress(done, len(prompts))
            elif len(batch) == 1:
                raise ModelError(f"{model.name}: memory does not hold a single prompt. Shorten it, or free memory.")
            else:
                of_shape = batch_key(prompts[batch[0]])
                size = len(batch) // 2
                batches = deque(
                    part
                    for later in (batch, *batches)
                    for part in (_cut(later, size) if batch_key(prompts[later[0]]) == of_shape else [later])
                )
                coming = read_next()
    return Activations(result.values, result.logits)


def batches_of(prompts: Sequence[Prompt], size: int) -> list[list[int]]:
    """Indices of prompts, grouped by modality and frames and by similar length so that little padding is computed."""
    order = sorted(range(len(prompts)), key=lambda i: (*batch_key(prompts[i]), len(prompts[i].text)))
    batches: list[list[int]] = []
    for index in order:
        last = batches[-1] if batches else None
        if last and len(last) < size and batch_key(prompts[last[0]]) == batch_key(prompts[index]):
            last.append(index)
        else:
            batches.append([index])
    return batches


class _Result:
    """What is known of all prompts, filled in batch by batch: whatever is held twice counts for large models."""

    def __init__(self, model: LoadedModel, prompts: int, batch_size: int) -> None:
        self._model = model
        self.values = torch.empty(prompts, model.n_layers, model.d_model)
        self.logits: Tensor | None = None
        self._batch_size = batch_size
        # Held from batch to batch: made anew inside each pass, they would lie scattered between what it frees.
        self._seen: dict[int, Tensor] = {}

    def add(self, batch: list[int], inputs: dict[str, Any]) -> bool:
        """Run the model on a batch of prompts and write down what it shows; False where memory does not hold it."""
        try:
            found = self._run(inputs)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            found = None
        if found is None:
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            return False
        for layer, seen in self._seen.items():
            self.values[batch, layer] = seen[: len(batch)].float().cpu()
        self._model.check_finite(self.values[batch])
        self._model.check_logits(found)
        if self.logits is None:
            self.logits = torch.empty(len(self.values), found.shape[-1])
        self.logits[batch] = found.float().cpu()
        return True

    def _run(self, inputs: dict[str, Any]) -> Tensor:
        """Next-token logits of a batch: (prompt, vocabulary). What the blocks put out is in `_seen` afterwards."""

        def see(layer: int, output: Tensor) -> None:
            if layer not in self._seen:
                self._seen[layer] = output.new_empty(self._batch_size, output.shape[-1])
            self._seen[layer][: len(output)] = output[:, -1]

        with reading(self._model.layers, see):
            output = self._model.model(**to_device(self._model, inputs), use_cache=False, logits_to_keep=1)
        return output.logits[:, -1]


def _cut(batch: list[int], size: int) -> list[list[int]]:
    return [batch[start : start + size] for start in range(0, len(batch), size)]
