"""Every position of one prompt: what stands there, and where the residual stream lies along the refusal direction.

The refusal coordinate is calibrated at the last position, where its means were taken. Elsewhere it is a lead, not a
measurement: other positions hold other things, and no text says what is harmless there.
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
"""Longest prompt whose every position is read: all layers of all positions are held at once."""
VISUAL_IDS = ("image_token_id", "video_token_id", "image_token_index", "video_token_index", "image_patch_id")
"""Where configs of transformers say which token stands for a patch."""


class Positions(NamedTuple):
    """What stands at each position of one prompt, in order."""

    kinds: tuple[Modality, ...]
    """"text" for words and control tokens, "image" or "video" for patches."""
    tokens: tuple[str, ...]
    """Each token decoded."""
    frames: tuple[int | None, ...]
    """For patches of a video the step in time they belong to, from 0; None elsewhere and where it cannot be told."""
    cells: tuple[tuple[int, int] | None, ...]
    """Row and column of a patch in its image or frame; None elsewhere and where it cannot be told."""
    grid: tuple[int, int, int] | None
    """Steps in time, rows and columns of the patches; None where the processor does not tell how they lie."""

    @property
    def n_frames(self) -> int:
        """Steps in time that can be told apart; some families join frames into one step."""
        return 1 + max((frame for frame in self.frames if frame is not None), default=-1)


class PositionCoordinates(NamedTuple):
    """The refusal coordinate all over one prompt."""

    positions: Positions
    coordinates: Tensor
    """s as the model has it, not re-centred, float32 on the CPU: (position, layer)."""


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
    """What stands at each position of one encoded prompt: by its token ids and by the processor's grid."""
    ids = inputs["input_ids"][0].tolist()
    config = model.model.config
    visual = {getattr(config, name, None) for name in VISUAL_IDS} - {None}
    if modality == "text":
        visual = set()
    at = [position for position, token in enumerate(ids) if token in visual]
    grid = _grid(config, inputs, modality, len(at))
    frames: list[int | None] = [None] * len(ids)
    cells: list[tuple[int, int] | None] = [None] * len(ids)
    for order, (position, run) in enumerate(zip(at, _runs(at), strict=True)):
        if grid:
            frame, cell = divmod(order, grid[1] * grid[2])
            cells[position] = divmod(cell, grid[2])
        else:
            frame = run
        if modality == "video" and (grid or _runs(at)[-1] > 0):
            frames[position] = frame
    visual_at = set(at)
    return Positions(
        kinds=tuple(modality if position in visual_at else "text" for position in range(len(ids))),
        tokens=tuple(model.tokenizer.decode([token]) for token in ids),
        frames=tuple(frames),
        cells=tuple(cells),
        grid=grid,
    )


def _runs(at: list[int]) -> list[int]:
    """Number of the unbroken run that each position is in, from 0: families that stamp frames break between them."""
    return [0, *torch.tensor([later > now + 1 for now, later in pairwise(at)]).cumsum(0).tolist()][: len(at)]


def _grid(config: Any, inputs: dict[str, Any], modality: Modality, count: int) -> tuple[int, int, int] | None:
    """How patches lie: as the processor says, or square where the config fixes their number for a whole image."""
    told = inputs.get(f"{modality}_grid_thw")
    if told is not None:
        steps, rows, columns = told[0].tolist()
        merged = getattr(config.vision_config, "spatial_merge_size", 1)
        grid = (steps, rows // merged, columns // merged)
        return grid if steps * grid[1] * grid[2] == count else None
    side = round(count**0.5)
    if modality == "image" and count and count == getattr(config, "mm_tokens_per_image", None) == side * side:
        return (1, side, side)
    return None
