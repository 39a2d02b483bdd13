"""Name the small versions of a picture, and make them."""

from __future__ import annotations

import io

from PIL import ExifTags, Image, ImageOps

from .sanitising import opened

# Pixels, per folder of the originals. A page shows a cover at up to 320 CSS pixels; phones have two or three pixels
# for each.
WIDTHS = {
    "covers": (160, 320, 640),
    "avatars": (64, 160, 320),
    "logos": (64, 160, 320),
}
FOLDER = "thumbnails"


def thumbnail_key(key: str, width: int) -> str:
    """Return where the version of *key* that is *width* pixels wide is kept.

    >>> thumbnail_key("covers/ab.jpg", 160)
    'thumbnails/covers/ab-160.webp'
    """
    return f"{FOLDER}/{key.rpartition('.')[0]}-{width}.webp"


def derived_keys(key: str) -> list[str]:
    """Return every key a thumbnail of *key* may have; none for what has no thumbnails."""
    folder, _, name = key.rpartition("/")
    if "." not in name:
        return []
    return [thumbnail_key(key, width) for width in WIDTHS.get(folder, ())]


def widths_for(key: str, original_width: int) -> list[int]:
    """Return the widths in which *key* is worth keeping: never more pixels than the original has."""
    return [width for width in WIDTHS.get(key.rpartition("/")[0], ()) if width < original_width]


def measure(data: bytes) -> tuple[int, int]:
    """Return the width and height a browser shows a stored picture in. Raise `PictureRefused` for what is none."""
    with opened(data) as image:
        width, height = image.size
        # Files from before this site may still lie on their side.
        return (height, width) if image.getexif().get(ExifTags.Base.Orientation, 1) >= 5 else (width, height)


def make_thumbnail(data: bytes, width: int) -> bytes:
    """Return the stored picture *data* as WebP, *width* pixels wide and as high as its shape asks.

    Raise `PictureRefused` if it cannot be decoded, as may be with files from before this site.
    """
    original_width, original_height = measure(data)
    height = max(1, round(original_height * width / original_width))
    with opened(data) as image:
        # Lets the JPEG decoder drop detail that would not survive anyway: four times faster on a large cover.
        image.draft(None, (max(width, height) * 2,) * 2)
        upright = ImageOps.exif_transpose(image)
        pixels = upright.convert("RGBA" if upright.has_transparency_data else "RGB")
        small = pixels.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0)
    target = io.BytesIO()
    small.save(target, "WEBP", quality=80, method=4)
    return target.getvalue()
