"""Real pictures for tests, made on the spot."""

from __future__ import annotations

import io
import struct
import zlib

from PIL import Image, ImageCms, ImageDraw, PngImagePlugin

SCRIPT = b"<html><script>alert('from the picture')</script></html>"


def painting(width: int = 400, height: int = 600, mode: str = "RGB") -> Image.Image:
    """A picture in which every corner looks different, so that turning and mirroring show."""
    image = Image.new("RGB", (width, height), "#f4ead8")
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, 0, width // 2, height // 2), fill="#c82828")
    pen.rectangle((width // 2, 0, width, height // 2), fill="#2828c8")
    pen.ellipse((width // 4, height // 2, width * 3 // 4, height - 1), fill="#28a028")
    return image.convert(mode)


def encoded(kind: str, image: Image.Image | None = None, **options) -> bytes:
    target = io.BytesIO()
    (image or painting()).save(target, kind, **options)
    return target.getvalue()


def decoded(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def telling_exif(orientation: int = 1) -> Image.Exif:
    """EXIF data that tells where somebody lives and which camera they own."""
    exif = Image.Exif()
    exif[0x010F] = "CANARY camera"
    exif[0x0112] = orientation
    exif[0x8825] = {1: "N", 2: (48.0, 51.0, 30.0), 3: "E", 4: (2.0, 17.0, 40.0)}
    return exif


def display_profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()


def png_with_script() -> bytes:
    """A PNG that is a page too: the script stands in a comment and behind the end."""
    told = PngImagePlugin.PngInfo()
    told.add_text("Comment", SCRIPT.decode())
    return encoded("PNG", pnginfo=told) + SCRIPT


def png_bomb(side: int = 12_000) -> bytes:
    """*side* times *side* pixels in a few kilobytes at most."""
    row = b"\0" + b"\0" * ((side + 7) // 8)
    packer = zlib.compressobj(9)
    data = b"".join([*(packer.compress(row) for _ in range(side)), packer.flush()])
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        [
            _chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)),
            _chunk(b"IDAT", data),
            _chunk(b"IEND", b""),
        ]
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
