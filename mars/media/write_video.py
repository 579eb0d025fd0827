"""A video as a file."""

from fractions import Fraction
from pathlib import Path

import av

from mars.types import Video


def write_video(clip: Video, path: str | Path) -> None:
    """Write a video as an H.264 mp4 (yuv420p), one frame per frame.

    An odd width or height loses its last column or row, as the format demands even ones.

    Raises:
        OSError: the file cannot be written.
    """
    width, height = (side - side % 2 for side in clip.frames[0].size)
    rate = Fraction(clip.frames_per_second).limit_denominator(1000)
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=rate, options={"crf": "20", "preset": "slow"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.thread_count = 1
        for picture in clip.frames:
            frame = av.VideoFrame.from_image(picture.crop((0, 0, width, height)))
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
