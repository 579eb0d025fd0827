"""Requests as images of their words: clouds for the eye that any model can be given, from text alone.

Images of written requests are where images carry the same content as text, so they show how far a modality
lies from text. They are for viewing; nothing is fitted on them.
"""

import textwrap

from PIL import Image, ImageDraw, ImageFont

from mars.media.prompt import Prompt
from mars.types import Modality, Video

QUESTION = {
    "image": "Please answer what is written in the picture.",
    "video": "Please answer what is written in the clip.",
}
SIZE = 336
CHARACTERS_A_LINE = 22
FONT_SIZE = 26
FRAMES = 4


def typographic_image(text: str) -> Image.Image:
    """The words in black on white, wrapped, SIZE pixels square."""
    image = Image.new("RGB", (SIZE, SIZE), "white")
    lines = "\n".join(textwrap.wrap(text, CHARACTERS_A_LINE))
    ImageDraw.Draw(image).multiline_text((16, 16), lines, fill="black", font=ImageFont.load_default(FONT_SIZE))
    return image


def typographic_prompt(text: str, modality: Modality) -> Prompt:
    """The request in one of the modalities; the video shows the image in all its frames."""
    match modality:
        case "text":
            return Prompt(text)
        case "image":
            return Prompt(QUESTION["image"], image=typographic_image(text))
        case "video":
            frames = (typographic_image(text),) * FRAMES
            return Prompt(QUESTION["video"], video=Video(frames, tuple(float(i) for i in range(FRAMES))))
