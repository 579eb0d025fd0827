"""One prompt position by position, as the Tokens tab needs it."""

from mars.analysis.token_map import read_positions
from mars.artifact.artifact import Artifact
from mars.media.prompt import Prompt
from mars.model.loaded_model import LoadedModel

from ..results import TokenMap
from .prompts import data_url

PICTURE_SIDE, FRAME_SIDE = 768, 320
"""Pixels, of a picture under its patches and of a frame of the film strip."""


def token_map(model: LoadedModel, artifact: Artifact, prompt: Prompt, generation: int) -> TokenMap:
    """Read every position of a prompt. Raises PromptError, ModelError."""
    positions, coordinates = read_positions(model, artifact, prompt)
    pictures: tuple[str, ...] = ()
    if prompt.image is not None:
        pictures = (data_url(prompt.image, PICTURE_SIDE),)
    elif prompt.video is not None:
        pictures = tuple(data_url(frame, FRAME_SIDE) for frame in prompt.video.frames)
    return TokenMap(
        tokens=positions.tokens,
        kinds=positions.kinds,
        frames=positions.frames,
        cells=positions.cells,
        grid=positions.grid,
        coordinates=coordinates.numpy(),
        pictures=pictures,
        times=prompt.video.times if prompt.video else (),
        generation=generation,
    )
