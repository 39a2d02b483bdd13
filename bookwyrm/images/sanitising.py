"""Turn bytes of unknown origin into a picture that is nothing but a picture.

The bytes are decoded and encoded again, so whatever was hidden beside the pixels (a page in a PNG's tail, a place in
the EXIF data, a camera's serial number) does not survive. Only the first frame of an animation is kept: see
``docs/decisions/pictures.md``.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError, features

MOST_BYTES = 10 * 2**20
MOST_PIXELS = 40_000_000
# No WebP, and so no thumbnail of the full height of a narrow picture, can have a longer side.
LONGEST_SIDE = 16_383

# What is read. Formats that start other programs (EPS runs Ghostscript) are never tried.
READABLE = ("PNG", "JPEG", "GIF", "WEBP") + (("AVIF",) if features.check("avif") else ())

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


class PictureRefused(Exception):
    """The bytes are not a picture this site takes; *reason* is a sentence for the person who sent them."""

    def __init__(self, reason: str | Promise) -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as it may be stored: its bytes, what they are, and its size in pixels."""

    bytes: bytes
    extension: str
    content_type: str
    width: int
    height: int


def sanitise(data: bytes) -> Picture:
    """Return the picture in *data*, decoded, turned upright, in sRGB, and encoded anew without anything beside it.

    The type comes from the content alone. Raise `PictureRefused`, and nothing else, for anything that is not a whole
    PNG, JPEG, GIF, WebP or AVIF within the ceilings; too many pixels are refused before the first is decoded. An AVIF
    is stored as WebP.
    """
    if not data:
        raise PictureRefused(_("The file is empty."))
    if len(data) > MOST_BYTES:
        raise PictureRefused(format_lazy(_("The file is larger than {megabytes} MB."), megabytes=MOST_BYTES // 2**20))
    with opened(data) as image:
        kind = image.format
        pixels = _plain_pixels(image)
        return _encode(pixels, kind, lossless=_is_lossless_webp(data))


@contextmanager
def opened(data: bytes) -> Iterator[Image.Image]:
    """Open *data* for the block, as a picture whose pixels are not decoded yet and are not too many.

    Whatever goes wrong with it, in the block too, is raised as `PictureRefused`.
    """
    try:
        with Image.open(io.BytesIO(data), formats=READABLE) as image:
            _check_dimensions(image)
            yield image
    except PictureRefused:
        raise
    except UnidentifiedImageError as error:
        raise PictureRefused(_("This is not a PNG, JPEG, GIF, WebP or AVIF picture.")) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_many_pixels() from error
    except Exception as error:
        # Damaged files make decoders raise nearly anything (fuzzing saw OSError, SyntaxError, ValueError, IndexError,
        # struct.error, zlib.error and more). All of them mean the same to the sender.
        raise PictureRefused(_("The picture is damaged or incomplete.")) from error


def _too_many_pixels() -> PictureRefused:
    return PictureRefused(
        format_lazy(
            _("The picture has too many pixels; {megapixels} million, and {side} on a side, are the limit."),
            megapixels=MOST_PIXELS // 1_000_000,
            side=LONGEST_SIDE,
        )
    )


def _check_dimensions(image: Image.Image) -> None:
    width, height = image.size
    if width * height > MOST_PIXELS or max(width, height) > LONGEST_SIDE:
        raise _too_many_pixels()


def _plain_pixels(image: Image.Image) -> Image.Image:
    """Return the first frame upright, in sRGB, as L, RGB or RGBA, with nothing attached to it."""
    image.load()
    upright = ImageOps.exif_transpose(image)
    profile = image.info.get("icc_profile")
    plain = _in_simple_mode(upright, profile)
    # The encoders write profile, comment and more from `info`. Whatever matters there is in the pixels by now.
    plain.info.clear()
    return plain


def _in_simple_mode(image: Image.Image, profile: bytes | None) -> Image.Image:
    if image.mode.startswith("I"):
        image = image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if image.mode in ("P", "PA", "LA") or "transparency" in image.info:
        image = image.convert("RGBA" if image.mode in ("PA", "LA") or "transparency" in image.info else "RGB")
    elif image.mode == "1":
        image = image.convert("L")
    if profile and image.mode in ("RGB", "RGBA", "CMYK"):
        image = _in_srgb(image, profile)
    return image.copy() if image.mode in ("L", "RGB", "RGBA") else image.convert("RGB")


def _in_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    mode = "RGBA" if image.mode == "RGBA" else "RGB"
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return ImageCms.profileToProfile(image, source, SRGB, outputMode=mode) or image
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        # A profile that cannot be used says nothing about the colours; browsers ignore it as well.
        return image


def _is_lossless_webp(data: bytes) -> bool:
    return data[:4] == b"RIFF" and b"VP8L" in data[:64]


def _encode(image: Image.Image, kind: str | None, *, lossless: bool) -> Picture:
    target = io.BytesIO()
    match kind:
        case "PNG":
            extension, content_type = "png", "image/png"
            image.save(target, "PNG")
        case "GIF":
            extension, content_type = "gif", "image/gif"
            image.save(target, "GIF")
        case "JPEG":
            extension, content_type = "jpg", "image/jpeg"
            image.save(target, "JPEG", quality=90, progressive=True, optimize=image.width * image.height < 4_000_000)
        case _:
            extension, content_type = "webp", "image/webp"
            image.save(target, "WEBP", quality=90, lossless=lossless)
    return Picture(target.getvalue(), extension, content_type, image.width, image.height)
