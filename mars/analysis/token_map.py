"""Every position of one prompt: its token or patch, and where the residual stream lies along the refusal direction.

The refusal coordinate is calibrated at the last position, where its means were computed. Elsewhere it is indicative
only: the residual stream of other positions is distributed differently, and no text was measured there.
"""

from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor

from mars.artifact.artifact import Artifact
from mars.geometry.projection import refusal_coordinate
from mars.media.prompt import Prompt
from mars.model.hooks import capturing
from mars.model.inputs import PromptError, encode
from mars.model.loaded_model import LoadedModel
from mars.types import Modality

MAX_POSITIONS = 4096
"""Longest prompt, in tokens, of which every position is read: all layers of all positions are in memory at once."""
VISUAL_IDS = ("image_token_id", "video_token_id", "image_token_index", "video_token_index", "image_patch_id")
"""Names under which configs of transformers hold the id of the token that stands for a patch."""


BROKEN = "\ufffd"
"""What part of a character is decoded to."""
MAX_PARTS = 8
"""Tokens that characters are put together of, at most: one has four bytes, and a token may hold parts of two."""


class Positions(NamedTuple):
    """The token or patch at each position of one prompt, in order."""

    kinds: tuple[Modality, ...]
    """"text" for text and control tokens, "image" or "video" for patches."""
    tokens: tuple[str, ...]
    """Each token decoded; where a character is made of several tokens, each has all of it with its part, "🍰 1/4"."""
    frames: tuple[int | None, ...]
    """Temporal step of a patch of a video, from 0; None elsewhere and where it is not known."""
    cells: tuple[tuple[int, int] | None, ...]
    """Row and column of a patch in its image or frame; None elsewhere, where they are not known, and of a position
    that stands for all patches."""
    grid: tuple[int, int, int] | None
    """Temporal steps, rows and columns of the patches; None where the processor does not return them."""


class PositionCoordinates(NamedTuple):
    """The refusal coordinate at every position of one prompt."""

    positions: Positions
    coordinates: Tensor
    """s without re-centering, float32 on the CPU, dimensionless: (position, layer)."""


@torch.inference_mode()
def read_positions(model: LoadedModel, artifact: Artifact, prompt: Prompt) -> PositionCoordinates:
    """Read a prompt once and project every position of every layer. Raises PromptError, ModelError.

    The last row is what `Artifact.coordinates` gives for the prompt without re-centering.
    """
    inputs = encode(model, [prompt])
    length = inputs["input_ids"].shape[1]
    if length > MAX_POSITIONS:
        raise PromptError(
            f"The prompt is {length} tokens long; every position is read of at most {MAX_POSITIONS}. Shorten it, or "
            "use a smaller image."
        )
    # As an index, not a number of logits: given a number, Gemma 4 runs its upper layers for those positions alone.
    last = torch.tensor([length - 1], device=model.device)
    with capturing(model.layers, slice(None)) as captured:
        model.model(**inputs, use_cache=False, logits_to_keep=last)
    columns = []
    for layer, output in enumerate(captured.outputs):
        values = output[0].float().cpu()[:, None]
        model.check_finite(values)
        here = slice(layer, layer + 1)
        columns.append(refusal_coordinate(values, artifact.mean_harmful[here], artifact.mean_harmless[here]))
    return PositionCoordinates(locate(model, inputs, prompt.modality), torch.cat(columns, dim=1))


def locate(model: LoadedModel, inputs: dict[str, Any], modality: Modality) -> Positions:
    """The token or patch at each position of one encoded prompt, from its token ids and the processor's grid."""
    ids = inputs["input_ids"][0].tolist()
    config = model.model.config
    visual = {getattr(config, name, None) for name in VISUAL_IDS} - {None}
    if modality == "text":
        visual = set()
    patches = [position for position, token in enumerate(ids) if token in visual]
    runs, grid = _runs(patches), _grid(config, inputs, modality, len(patches))
    frames: list[int | None] = [None] * len(ids)
    cells: list[tuple[int, int] | None] = [None] * len(ids)
    for order, (position, run) in enumerate(zip(patches, runs, strict=True)):
        if grid:
            frame, cell = divmod(order, len(patches) // grid[0])
            cells[position] = divmod(cell, grid[2]) if cell < grid[1] * grid[2] else None
        else:
            frame = run
        if modality == "video" and (grid or runs[-1] > 0):
            frames[position] = frame
    return Positions(
        kinds=tuple(modality if token in visual else "text" for token in ids),
        tokens=_decoded(model.tokenizer, ids),
        frames=tuple(frames),
        cells=tuple(cells),
        grid=grid,
    )


def _decoded(tokenizer: Any, ids: list[int]) -> tuple[str, ...]:
    """Text of each token, as `Positions.tokens` has it."""
    single = {token: tokenizer.decode([token]) for token in set(ids)}
    texts: list[str] = []
    while (start := len(texts)) < len(ids):
        joined = [single[ids[start]]]
        while BROKEN in joined[-1] and len(joined) < min(MAX_PARTS, len(ids) - start):
            joined.append(tokenizer.decode(ids[start : start + len(joined) + 1]))
        if len(joined) > 1 and BROKEN not in joined[-1]:
            texts += [f"{joined[-1]} {part + 1}/{len(joined)}" for part in range(len(joined))]
        else:
            texts.append(joined[0])
    return tuple(texts)


def _runs(positions: list[int]) -> list[int]:
    """Number of the contiguous run that each position is in, from 0: some families write a time between frames."""
    breaks = torch.tensor([later > now + 1 for now, later in pairwise(positions)])
    return [0, *breaks.cumsum(0).tolist()][: len(positions)]


def _grid(config: Any, inputs: dict[str, Any], modality: Modality, count: int) -> tuple[int, int, int] | None:
    """Temporal steps, rows and columns of patches: the processor's, or square where the config fixes their number."""
    positions = getattr(config, "positions", None)
    if positions and count:  # Icon-VL: of each image or frame the cells of a grid, and their mean
        return (count // positions, config.grid, config.grid)
    grid_thw = inputs.get(f"{modality}_grid_thw")
    if grid_thw is not None:
        steps, rows, columns = grid_thw[0].tolist()
        merged = getattr(config.vision_config, "spatial_merge_size", 1)
        grid = (steps, rows // merged, columns // merged)
        return grid if steps * grid[1] * grid[2] == count else None
    side = round(count**0.5)
    if modality == "image" and count and count == getattr(config, "mm_tokens_per_image", None) == side * side:
        return (1, side, side)
    return None
