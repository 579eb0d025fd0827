"""What a person asks: words, with at most one image or one video."""

from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from mars.media.decode import read_image, read_media, read_video
from mars.types import Modality, Video, content_hash


@dataclass(frozen=True, init=False)
class Prompt:
    """Words, with at most one image or one video; paths are read at once."""

    text: str
    image: Image.Image | None
    video: Video | None
    system: str | None
    """A system message, for the chat template to place."""

    def __init__(
        self,
        text: str = "",
        image: Image.Image | str | Path | None = None,
        video: Video | str | Path | None = None,
        system: str | None = None,
    ) -> None:
        """Raises MediaError for a file that cannot be read, ValueError for nothing at all and for two media."""
        if image is not None and video is not None:
            raise ValueError(
                "A prompt carries one image or one video, not both: the bias of a mixture is not defined. "
                "Leave one of them out."
            )
        if not text.strip() and image is None and video is None:
            raise ValueError("The prompt is empty: type a request, or add an image or a video.")
        fields = {
            "text": text,
            "image": read_image(image) if isinstance(image, str | Path) else image,
            "video": read_video(video) if isinstance(video, str | Path) else video,
            "system": system,
        }
        for name, value in fields.items():
            object.__setattr__(self, name, value)

    @classmethod
    def of(cls, text: str, medium: Image.Image | Video | str | Path | None, system: str | None = None) -> "Prompt":
        """Words with an image or a video, or a file of either, told apart by its name. Raises as `Prompt`."""
        medium = read_media(medium) if isinstance(medium, str | Path) else medium
        return cls(text, system=system, **{"video" if isinstance(medium, Video) else "image": medium})

    @property
    def modality(self) -> Modality:
        if self.image is not None:
            return "image"
        return "video" if self.video is not None else "text"

    @property
    def images(self) -> tuple[Image.Image, ...]:
        """The image, or the frames of the video; none of a text."""
        if self.image is not None:
            return (self.image,)
        return self.video.frames if self.video is not None else ()

    @property
    def hash(self) -> str:
        """SHA-256 of all that a model is shown, pixels included."""
        return content_hash((self.text, self.system, self.video and self.video.times), self.images)
