"""What stands in a language model's place of a processor: its tokenizer, behind the interface of the others."""

from typing import Any

from mars.model.compat import repair_torchvision

repair_torchvision()
from transformers import PreTrainedTokenizerBase, ProcessorMixin  # noqa: E402


class TextProcessor(ProcessorMixin):
    """Reads text alone, through a tokenizer and its chat template."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        super().__init__(tokenizer, chat_template=tokenizer.chat_template)

    def apply_chat_template(self, conversation: list, **options: Any) -> Any:
        """As ProcessorMixin's, with each message's parts joined: templates of language models take a string."""
        return super().apply_chat_template(_joined(conversation), **options)


def _joined(conversation: list) -> list:
    """A conversation, or several, with strings as the content of messages."""
    if conversation and isinstance(conversation[0], list):
        return [_joined(one) for one in conversation]
    return [message | {"content": "".join(part["text"] for part in message["content"])} for message in conversation]
