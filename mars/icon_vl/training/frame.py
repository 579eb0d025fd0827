"""A prompt about one image or video, as the lessons run it: words before it, its positions, and words after."""

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import DynamicCache

from mars.icon_vl.model import Connector
from mars.icon_vl.processor import IMAGE_TOKEN, VIDEO_TOKEN
from mars.icon_vl.training.drawing_sets import FRAMES
from mars.icon_vl.training.wordings import with_article
from mars.model.lens import Lens
from mars.types import Modality

PLACEHOLDERS = {"image": IMAGE_TOKEN, "video": VIDEO_TOKEN}

WORDS = "{words}"
"""In a prompt's frame, where the words go."""


class Frame:
    """The words before and after the visual positions, and the language model's KV cache of those before them.

    modality: of what is shown, "image" or "video"; a video has FRAMES frames.
    """

    def __init__(self, lens: Lens, modality: Modality = "image") -> None:
        self.lens = lens
        self.modality = modality
        self.embeddings = lens.model.get_input_embeddings()
        self.positions = lens.model.config.positions * (FRAMES if modality == "video" else 1)
        content = [{"type": modality}, {"type": "text", "text": WORDS}]
        text = lens.processor.apply_chat_template(
            [{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True
        )
        before, self._after = text.split(PLACEHOLDERS[modality])
        self.prefix = torch.tensor(self._ids(before))[None]
        with torch.no_grad():
            self._cached = lens.model.model(self.prefix, use_cache=True).past_key_values

    def _ids(self, text: str) -> list[int]:
        return self.lens.tokenizer(text, add_special_tokens=False).input_ids

    def visual(self, connector: Connector, pooled: Tensor) -> Tensor:
        """What the connector gives for images or videos: (row, positions, d_model).

        pooled: (row, positions, channel), or of a video (row, frame, positions, channel).
        """
        return connector(pooled.flatten(0, -3)).reshape(len(pooled), self.positions, -1)

    def words_after(self, words: str, answer: str = "") -> tuple[list[int], int]:
        """Tokens after the visual positions, with an answer's, and how many of them are the answer's."""
        asked = self._ids(self._after.replace(WORDS, words))
        answered = self._ids(answer + self.lens.tokenizer.eos_token) if answer else []
        return asked + answered, len(answered)

    def named(self, names: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Embeddings of names at the visual positions, right-aligned, and which places hold a token.

        Returns (row, positions, d_model) and (row, positions).
        """
        ids = torch.full((len(names), self.positions), self.lens.tokenizer.pad_token_id)
        held = torch.zeros_like(ids)
        for row, name in enumerate(names):
            tokens = self._ids(f" {with_article(name)}")[-self.positions :]
            ids[row, -len(tokens) :] = torch.tensor(tokens)
            held[row, -len(tokens) :] = 1
        return self.embeddings(ids), held

    def run(self, visual: Tensor, held: Tensor, after: Tensor) -> Tensor:
        """The residual stream at the end, at the last visual position and after it: (row, 1 + after, d_model).

        visual: (row, positions, d_model); held: (row, positions), 0 where a place is not looked at; after: (row,
        after), tokens, padded at the right, where what comes of it is to be left.
        """
        rows, before = len(visual), self.prefix.shape[1]
        cache = DynamicCache()
        for layer, kept in enumerate(self._cached.layers):
            cache.update(kept.keys.expand(rows, -1, -1, -1), kept.values.expand(rows, -1, -1, -1), layer)
        mask = torch.cat([held.new_ones(rows, before), held, held.new_ones(after.shape)], dim=1)
        states = self.lens.model.model(
            inputs_embeds=torch.cat([visual.to(self.embeddings.weight.dtype), self.embeddings(after)], dim=1),
            attention_mask=mask,
            position_ids=torch.arange(before, mask.shape[1])[None].expand(rows, -1),
            past_key_values=cache,
            use_cache=True,
        ).last_hidden_state
        return states[:, self.positions - 1 :]
