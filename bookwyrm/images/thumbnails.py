"""Name the small versions of a picture, and make them."""

from __future__ import annotations

import io

from PIL import Image

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


def make_thumbnail(data: bytes, width: int) -> bytes:
    """Return the stored picture *data* as WebP, *width* pixels wide and as high as its shape asks."""
    with Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "GIF", "WEBP", "AVIF")) as image:
        height = max(1, round(image.height * width / image.width))
        # Lets the JPEG decoder drop detail that would not survive anyway: four times faster on a large cover.
        image.draft(None, (width * 2, height * 2))
        pixels = image.convert("RGBA" if image.has_transparency_data else "RGB")
    small = pixels.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0)
    target = io.BytesIO()
    small.save(target, "WEBP", quality=80, method=4)
    return target.getvalue()
