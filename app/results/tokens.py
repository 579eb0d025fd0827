"""One prompt position by position."""

from dataclasses import dataclass

from numpy.typing import NDArray


@dataclass(frozen=True)
class TokenMap:
    """The refusal coordinate at every position of one prompt, and what stands there."""

    tokens: tuple[str, ...]
    kinds: tuple[str, ...]
    """"text", "image" or "video" of each position."""
    frames: tuple[int | None, ...]
    """Step in time of a clip's patch, from 0."""
    cells: tuple[tuple[int, int] | None, ...]
    """Row and column of a patch."""
    grid: tuple[int, int, int] | None
    """Steps in time, rows and columns; None where the processor does not tell."""
    coordinates: NDArray
    """(position, layer), as the model has it, dimensionless."""
    pictures: tuple[str, ...]
    """The picture, or the clip's frames, as data URLs."""
    times: tuple[float, ...]
    """Seconds of each frame of a clip."""
    generation: int
    """Of the session that read it."""

    @property
    def modality(self) -> str:
        return next((kind for kind in self.kinds if kind != "text"), "text")

    @property
    def n_steps(self) -> int:
        """Steps in time that can be told apart."""
        return 1 + max((frame for frame in self.frames if frame is not None), default=-1)
