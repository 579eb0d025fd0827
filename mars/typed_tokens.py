"""Control tokens that a person typed are text, in every family: transformers marks them, two processors overlook it.

`apply_chat_template(sanitize_control_tokens=True)` wraps what a person typed in marks and encodes it as plain
characters. Gemma 3's processor still counts marked placeholders among its pictures when it checks itself, and
InternVL's when it counts its media and looks for their order (transformers 5.23).
"""

import re
from typing import Any

from mars.torchvision_repair import repair


def read_as_text(processor: Any) -> None:
    """Make a processor leave marked control tokens out of what it counts. Doing it again changes nothing."""
    repair()
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
