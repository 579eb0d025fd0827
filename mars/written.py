"""Requests as pictures of their words: clouds for the eye that any model can be given, from text alone.

Pictures of written requests are where images carry the same content as text, so they show how far a modality
lies from text. They are for viewing; nothing is fitted on them.
"""

import textwrap

from PIL import Image, ImageDraw, ImageFont

from mars.records import Clip, Modality, Prompt

QUESTION = {
    "image": "Please answer what is written in the picture.",
    "video": "Please answer what is written in the clip.",
}
SIZE = 336
CHARACTERS_A_LINE = 22
FONT_SIZE = 26
FRAMES = 4


def written_picture(text: str) -> Image.Image:
    """The words in black on white, wrapped, SIZE pixels square."""
    picture = Image.new("RGB", (SIZE, SIZE), "white")
    lines = "\n".join(textwrap.wrap(text, CHARACTERS_A_LINE))
    ImageDraw.Draw(picture).multiline_text((16, 16), lines, fill="black", font=ImageFont.load_default(FONT_SIZE))
    return picture


def written_prompt(text: str, modality: Modality) -> Prompt:
    """The request in one of the modalities; the clip shows the picture in all its frames."""
    match modality:
        case "text":
            return Prompt(text)
        case "image":
            return Prompt(QUESTION["image"], image=written_picture(text))
        case "video":
            frames = (written_picture(text),) * FRAMES
            return Prompt(QUESTION["video"], clip=Clip(frames, tuple(float(i) for i in range(FRAMES))))
