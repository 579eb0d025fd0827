"""Repairs of the libraries below, each until theirs is mended: torchvision's import, processors' token checks."""

import re
import sys
from functools import cache
from typing import Any

import torch

_MISSING_OPERATOR = "torchvision::nms does not exist"
_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)


@cache
def repair_torchvision() -> torch.library.Library | None:
    """Import torchvision, declaring its missing schemas where the plain import fails for want of them.

    torchvision 0.28 registers fake kernels for `nms` at import. With a CPU-only torch its compiled library is not
    loaded, the operator's schema is missing and the import fails; transformers' processors then fail too. Declaring
    the two schemas first is enough: nothing here ever calls them.

    Returns the library that holds the schemas (the cache keeps it alive), or None where none was needed.
    Call before the first import of a processor or a vision-language class from transformers.
    """
    try:
        import torchvision

        return None
    except RuntimeError as error:
        if _MISSING_OPERATOR not in str(error):
            raise
    library = torch.library.Library("torchvision", "FRAGMENT")
    for schema in _SCHEMAS:
        library.define(schema)
    _forget_half_imported()
    import torchvision  # noqa: F401

    return library


def _forget_half_imported() -> None:
    """Drop what the failed import left behind, so that the second import starts clean."""
    for name in list(sys.modules):  # a copy, since other threads import meanwhile
        if name.split(".")[0] == "torchvision":
            del sys.modules[name]


def patch_control_token_check(processor: Any) -> None:
    """Make a processor leave marked control tokens out of what it counts. Doing it again changes nothing.

    `apply_chat_template(sanitize_control_tokens=True)` wraps what a person typed in marks and encodes it as plain
    characters. Gemma 3's processor still counts marked placeholders among its images when it checks itself, and
    InternVL's when it counts its media and looks for their order (transformers 5.23).
    """
    repair_torchvision()
    from transformers.processing_utils import _MARKED_RE, _UNMARKED

    order = getattr(processor, "multimodal_pattern", None)
    if isinstance(order, re.Pattern) and not order.pattern.startswith(_UNMARKED):
        processor.multimodal_pattern = re.compile(f"{_UNMARKED}(?:{order.pattern})")

    if "validate_inputs" in vars(processor) or not hasattr(processor, "validate_inputs"):
        return
    validate, check = processor.validate_inputs, processor._check_special_mm_tokens

    def unmarked(text: list[str]) -> list[str]:
        return [_MARKED_RE.sub("", sample) for sample in text]

    processor.validate_inputs = lambda *, text, **named: validate(text=unmarked(text), **named)
    processor._check_special_mm_tokens = lambda text, *rest, **named: check(unmarked(text), *rest, **named)


def name_control_tokens(tokenizer: Any, template: str) -> None:
    """Let `sanitize_control_tokens` know all tokens that text never is, so that none in a text is taken for one.

    By itself it knows the special ones and those that the chat template writes. A checkpoint may leave others without
    the mark of special ones, such as those that stand for image patches; a model may say them, and its reply is asked
    about as text. Tokens of the vocabulary proper stay: text is made of them (HTML tags of Gemma).
    """
    tokenizer.chat_control_tokens = [
        token.content
        for number, token in tokenizer.added_tokens_decoder.items()
        if not token.content.isspace() and (number >= tokenizer.vocab_size or token.content in template)
    ]
