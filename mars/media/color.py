"""Any image as 8-bit sRGB: depth by the range of its format, the embedded colour profile applied, on white."""

from contextlib import suppress
from io import BytesIO

import numpy as np
from PIL import Image, ImageCms

from mars.media.limits import MAX_PROFILE_BYTES, MediaError

GROUND = "white"
"""What shows through where an image is transparent."""
PROFILE_MODES = {"GRAY": "L", "RGB": "RGB", "CMYK": "CMYK"}
"""Colour space of a profile -> Pillow's mode of the images that it describes."""
BITS, PHOTOMETRIC, SAMPLE_FORMAT, LEAST, MOST = 258, 262, 339, 340, 341
"""Tags of a TIFF: bits of a sample, whether 0 is white, its kind, and the samples that are black and white."""
WHITE_IS_ZERO, SIGNED = 0, 2


def as_rgb(image: Image.Image) -> Image.Image:
    """An image of any mode as RGB in sRGB, transparency laid on white.

    More than 8 bits a channel are scaled by the range of the format, so a dark image stays dark. A profile that is
    broken, too long or of another kind of colours is ignored. Raises MediaError for floats of an unknown range.
    """
    profile = image.info.get("icc_profile") or b""
    image = _eight_bit(image)
    if image.mode not in ("LA", "PA", "RGBA", "La", "RGBa") and "transparency" not in image.info:
        return _in_srgb(image, profile)
    if image.mode != "LA":
        image = image.convert("RGBA")
    shown = _in_srgb(image.convert(image.mode[:-1]), profile)
    page = Image.new("RGBA", image.size, GROUND)
    shown.putalpha(image.getchannel("A"))
    page.alpha_composite(shown)
    return page.convert("RGB")


def _in_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """An opaque image of 8 bits by its profile; by its mode where it has none that can be applied."""
    if 0 < len(profile) <= MAX_PROFILE_BYTES:
        with suppress(ImageCms.PyCMSError, OSError, ValueError):
            source = ImageCms.ImageCmsProfile(BytesIO(profile))
            mode = PROFILE_MODES.get(source.profile.xcolor_space.strip())
            if mode == image.mode or (mode == "RGB" and image.mode in ("1", "L", "P")):
                return ImageCms.profileToProfile(
                    image.convert(mode), source, ImageCms.createProfile("sRGB"), outputMode="RGB"
                )
    return image.convert("RGB")


def _eight_bit(image: Image.Image) -> Image.Image:
    """A greyscale image of more than 8 bits as one of 8, black at 0 and white at the most that its format holds.

    Pillow gives colours of 16 bits by their upper 8 itself, and so does this, that grey is the same in both.
    """
    if not image.mode.startswith("I") and image.mode != "F":
        return image
    tags = getattr(image, "tag_v2", {})
    samples = np.asarray(image)
    if image.mode == "F":
        levels = _from_floats(samples, *(tags.get(tag, default) for tag, default in ((LEAST, 0.0), (MOST, 1.0))))
    else:
        bits = tags.get(BITS, (16,))[0]
        signed = tags.get(SAMPLE_FORMAT, (1,))[0] == SIGNED
        samples = np.maximum(samples, 0) if signed else samples.view("u4") if bits == 32 else samples
        levels = (samples >> (bits - signed - 8)).astype(np.uint8)
    shown = Image.fromarray(255 - levels if tags.get(PHOTOMETRIC) == WHITE_IS_ZERO else levels)
    clear = image.info.get("transparency")
    if clear is not None:
        shown.putalpha(Image.fromarray(np.where(samples == clear, 0, 255).astype(np.uint8)))
    return shown


def _from_floats(samples: np.ndarray, least: float | tuple, most: float | tuple) -> np.ndarray:
    """Levels of 0 to 255 from floats of 0 to 1, or of the range that the file states. Raises MediaError."""
    least, most = (bound[0] if isinstance(bound, tuple) else bound for bound in (least, most))
    if not most > least or not np.all((samples >= least) & (samples <= most)):
        raise MediaError(
            f"The image holds floats beyond {least:g} to {most:g}, so which of them is white is not known. "
            "Scale them to 0 to 1, or save it with 8 or 16 bits."
        )
    return ((samples - least) * (255 / (most - least)) + 0.5).astype(np.uint8)
