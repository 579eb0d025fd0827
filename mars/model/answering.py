"""Greedy replies to many prompts, without steering, as they stand at several lengths."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from torch import Tensor

from mars.media.prompt import Prompt
from mars.model.generation import branch, prefill_together
from mars.model.inputs import equal_length_batches
from mars.model.load_checks import ModelError, is_out_of_memory
from mars.model.loaded_model import LoadedModel
from mars.steering import Unsteered

Progress = Callable[[int, int], None]
"""Called with how much is done, in prompts, and of how many. An exception raised in it ends the work."""


class Answer(NamedTuple):
    """A reply to one prompt."""

    texts: tuple[str, ...]
    """What it says within each length asked for, without special tokens."""
    cuts: tuple[bool, ...]
    """Whether it goes on beyond each."""
    first_token: int
    logits: Tensor
    """Those that the first token was chosen from, float32 on the CPU: (vocabulary,)."""


def answers(
    model: LoadedModel,
    prompts: Sequence[Prompt],
    lengths: Sequence[int],
    batch_size: int = 16,
    progress: Progress = lambda done, total: None,  # noqa: ARG005
) -> list[Answer]:
    """A reply to each prompt, in order, at each of the lengths, in tokens.

    Prompts of one length share a batch, so nothing is padded and a reply is that of the prompt alone. A batch that
    memory does not hold is halved. Raises PromptError for a prompt that the model cannot read, ModelError for numbers
    that are not finite and where memory does not hold a single prompt.
    """
    found: dict[int, Answer] = {}
    for batch in equal_length_batches(model, prompts, batch_size):
        found.update(zip(batch, _answers(model, [prompts[number] for number in batch], lengths), strict=True))
        progress(len(found), len(prompts))
    return [found[number] for number in range(len(prompts))]


def _answers(model: LoadedModel, prompts: Sequence[Prompt], lengths: Sequence[int]) -> list[Answer]:
    try:
        return _of_one_batch(model, prompts, lengths)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
    if len(prompts) == 1:
        raise ModelError(f"{model.name}: memory does not hold a single reply. Shorten the prompt, or free memory.")
    half = len(prompts) // 2
    return [*_answers(model, prompts[:half], lengths), *_answers(model, prompts[half:], lengths)]


def _of_one_batch(model: LoadedModel, prompts: Sequence[Prompt], lengths: Sequence[int]) -> list[Answer]:
    rows = range(len(prompts))
    plain = (Unsteered(),) * len(prompts)
    texts, ends = [[""] * len(lengths) for _ in rows], [max(lengths)] * len(prompts)
    steps = branch(model, prefill_together(model, prompts), plain, 0, of=rows, max_new_tokens=max(lengths))
    for step in steps:
        if step.index == 0:
            first = step  # all steps would hold the logits of every token
        for row in rows:
            if step.tokens[row] in model.end_tokens:
                ends[row] = min(ends[row], step.index)
            for place, length in enumerate(lengths):
                if step.index < length:
                    texts[row][place] = step.texts[row]
    return [
        Answer(
            tuple(texts[row]),
            tuple(ends[row] >= length for length in lengths),
            first.tokens[row],
            first.logits[row].clone(),
        )
        for row in rows
    ]
