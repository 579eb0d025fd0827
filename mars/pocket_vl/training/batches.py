"""Training batches for Pocket-VL: examples to tokens, pixels and positions, and one fast forward pass.

The model's own forward takes pictures one after the other; here every picture has one size, so the vision
tower runs on all of them at once. A test holds this pass to the model's own logits.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel

from mars.pocket_vl.training.network import FRAMES, PATCH, PICTURE_SIZE, VISUAL_TOKENS
from mars.pocket_vl.world.examples import Example

FRAMES_PER_SECOND = 2.0
PRODUCTS = (
    torch.bfloat16 if torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported() else torch.float32
)
"""What training multiplies matrices in. A processor that lacks bfloat16 takes thirty times as long in it."""
_SIDE = PICTURE_SIZE // PATCH
_TIMES = tuple((2 * i + 0.5) / FRAMES_PER_SECOND for i in range(FRAMES // 2))


class Batch(NamedTuple):
    """Examples as a model takes them, padded on the right (no later token can be seen)."""

    tokens: Tensor
    """(row, position) int64."""
    targets: Tensor
    """Token to predict at each position, -100 where none is learned: (row, position) int64."""
    positions: Tensor
    """Temporal, vertical and horizontal rope positions: (3, row, position) int64."""
    visual: Tensor
    """Whether a position holds a visual token: (row, position) bool."""
    patches: Tensor | None
    """Pixels in the processor's order: (frame pair, 64, 1536) float32; None without media."""


def patchify(frames: np.ndarray) -> Tensor:
    """Frame pairs as the processor flattens them.

    Args:
        frames: (frame pair, 2, height, width, 3) uint8, a picture standing twice in its pair.
    """
    pixels = torch.from_numpy(frames)
    count = pixels.shape[0]
    half = _SIDE // 2
    # pair, time, (block row, row in block, y), (block column, column in block, x), channel
    pixels = pixels.view(count, 2, half, 2, PATCH, half, 2, PATCH, 3)
    pixels = pixels.permute(0, 2, 5, 3, 6, 8, 1, 4, 7)
    # In their new order first, while they are bytes.
    return pixels.reshape(count, _SIDE * _SIDE, 3 * 2 * PATCH * PATCH).float().div_(127.5).sub_(1.0)


class Encoder:
    """Turns examples into token rows in the form of the chat template, without the processor's cost."""

    def __init__(self, tokenizer: Tokenizer):
        self.tokenizer = tokenizer
        self._cache: dict[str, list[int]] = {}
        special = tokenizer.token_to_id
        self.start, self.end = special("<|im_start|>"), special("<|im_end|>")
        self.picture, self.video = special("<|image_pad|>"), special("<|video_pad|>")
        image = [special("<|vision_start|>"), *[self.picture] * VISUAL_TOKENS, special("<|vision_end|>")]
        clip: list[int] = []
        for time in _TIMES:
            frame = [special("<|vision_start|>"), *[self.video] * VISUAL_TOKENS, special("<|vision_end|>")]
            clip += self.words(f"<{time:.1f} seconds>") + frame
        self._media = {None: [], "image": image, "video": clip}

    def words(self, text: str) -> list[int]:
        if text not in self._cache:
            self._cache[text] = self.tokenizer.encode(text, add_special_tokens=False).ids
        return self._cache[text]

    def row(self, example: Example) -> tuple[list[int], list[bool]]:
        """Tokens of one example and which of them are learned."""
        line = self.words("\n")
        prompt: list[int] = []
        if example.system:
            prompt += [self.start, *self.words("system\n" + example.system), self.end, *line]
        # Text after a picture is tokenised on its own, text at the start together with "user\n", as the
        # template's string is: special tokens divide the string.
        if example.medium == "image":
            prompt += [self.start, *self.words("user\n"), *self._media["image"], *self.words(example.text)]
        elif example.medium == "video":
            times = self._media["video"]
            first = len(self.words(f"<{_TIMES[0]:.1f} seconds>"))
            opening = self.words(f"user\n<{_TIMES[0]:.1f} seconds>")
            prompt += [self.start, *opening, *times[first:], *self.words(example.text)]
        else:
            prompt += [self.start, *self.words("user\n" + example.text)]
        prompt += [self.end, *line, self.start]
        opening = self.words("assistant\n")
        reply = [*self.words(example.answer), self.end]
        given = example.given_tokens
        learned = [False] * (len(prompt) + len(opening) + given) + [True] * (len(reply) - given)
        return prompt + opening + reply, learned

    def batch(self, examples: list[Example], frames: np.ndarray | None = None) -> Batch:
        """Rows of one batch; `frames` holds the frame pairs of all media in the order of the examples."""
        rows = [self.row(example) for example in examples]
        length = max(len(tokens) for tokens, _ in rows)
        tokens = torch.zeros(len(rows), length, dtype=torch.long)
        targets = torch.full((len(rows), length), -100)
        positions = torch.zeros(3, len(rows), length, dtype=torch.long)
        for i, (ids, learned) in enumerate(rows):
            row = torch.tensor(ids)
            tokens[i, : len(ids)] = row
            targets[i, : len(ids) - 1] = torch.where(torch.tensor(learned)[1:], row[1:], -100)
            positions[:, i, : len(ids)] = rope_positions((row == self.picture) | (row == self.video))
        visual = (tokens == self.picture) | (tokens == self.video)
        patches = patchify(frames) if frames is not None and len(frames) else None
        return Batch(tokens, targets, positions, visual, patches)


def rope_positions(visual: Tensor) -> Tensor:
    """Qwen3-VL's three rope positions of one row, from which of its positions are visual: (3, position)."""
    side = _SIDE // 2
    grid = torch.stack(
        [
            torch.zeros(VISUAL_TOKENS, dtype=torch.long),
            torch.arange(VISUAL_TOKENS) // side,
            torch.arange(VISUAL_TOKENS) % side,
        ]
    )
    flags = visual.tolist()
    parts, at, position = [], 0, 0
    while at < len(flags):
        if flags[at]:
            parts.append(grid + position)
            at, position = at + VISUAL_TOKENS, position + side
        else:
            end = at
            while end < len(flags) and not flags[end]:
                end += 1
            parts.append((torch.arange(end - at) + position).expand(3, -1))
            at, position = end, position + end - at
    return torch.cat(parts, dim=1)


class Sight(NamedTuple):
    """What the vision tower gives the language model."""

    features: Tensor
    """(frame pair, visual token, d_model)."""
    deep: list[Tensor]
    """The same shape, one for each early decoder block they are added after."""


def _rotary(tower) -> tuple[Tensor, Tensor]:
    block = torch.arange(_SIDE * _SIDE)
    half = _SIDE // 2
    # Patches come in blocks of 2x2, the block grid row by row.
    row = block // (4 * half) * 2 + block % 4 // 2
    column = block // 4 % half * 2 + block % 2
    return tower.rotary_pos_emb(tower.pos_embed.weight, torch.stack([row, column], dim=1)), row * _SIDE + column


def look(tower, patches: Tensor) -> Sight:
    """The vision tower on pictures of one size, all at once: what the model computes one by one."""
    count = patches.shape[0]
    (cos, sin), places = _rotary(tower)
    weight = tower.patch_embed.proj.weight
    hidden = functional.linear(patches, weight.flatten(1), tower.patch_embed.proj.bias)
    hidden = hidden + tower.pos_embed.weight[places]
    cos, sin = cos[None, None], sin[None, None]

    def turned(x: Tensor) -> Tensor:
        left, right = x.chunk(2, dim=-1)
        return x * cos + torch.cat([-right, left], dim=-1) * sin

    deep = []
    for index, block in enumerate(tower.blocks):
        attention = block.attn
        qkv = attention.qkv(block.norm1(hidden)).view(count, _SIDE**2, 3, attention.num_heads, -1)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(turned(query), turned(key), value)
        hidden = hidden + attention.proj(mixed.transpose(1, 2).reshape(count, _SIDE**2, -1))
        hidden = hidden + block.mlp(block.norm2(hidden))
        if index in tower.deepstack_visual_indexes:
            merger = tower.deepstack_merger_list[tower.deepstack_visual_indexes.index(index)]
            deep.append(merger(hidden.flatten(0, 1)).view(count, VISUAL_TOKENS, -1).float())
    return Sight(tower.merger(hidden.flatten(0, 1)).view(count, VISUAL_TOKENS, -1).float(), deep)


def hidden_states(model, batch: Batch, sight: Sight | None = None) -> Tensor:
    """Final hidden states of a batch, after the last norm: (row, position, d_model).

    `sight` stands in for what the vision tower makes of the batch's patches.
    """
    language = model.model.language_model
    embedded = language.embed_tokens(batch.tokens)
    deep = None
    if batch.patches is not None and sight is None:
        sight = look(model.model.visual, batch.patches)
    if sight is not None:
        embedded = embedded.masked_scatter(batch.visual[..., None], sight.features)
        deep = [features.flatten(0, 1) for features in sight.deep]
    return language(
        inputs_embeds=embedded,
        position_ids=batch.positions,
        visual_pos_masks=batch.visual if deep else None,
        deepstack_visual_embeds=deep,
        use_cache=False,
    ).last_hidden_state


def loss(model, batch: Batch, sight: Sight | None = None) -> Tensor:
    """Mean cross-entropy over the tokens to be learned."""
    learned = batch.targets != -100
    hidden = hidden_states(model, batch, sight)[learned]
    return functional.cross_entropy(model.lm_head(hidden), batch.targets[learned])


@contextmanager
def brisk() -> Iterator[None]:
    """Matrix products in `PRODUCTS`, the quicker format on this processor.

    Weights, residual stream, norms and the loss stay in float32. In bfloat16 attention is spelled out, since the
    backward pass of the fused kernel is slower in it than in float32.
    """
    if PRODUCTS is torch.float32:
        yield
        return
    with torch.autocast("cpu", dtype=torch.bfloat16), sdpa_kernel(SDPBackend.MATH):
        yield
