"""Draw covers for books and faces for people: plain shapes, two typefaces, and palettes that go together.

Everything is drawn at twice its size and scaled down, which is what makes the edges smooth. The pictures come out as
people's own files would: JPEG, PNG and WebP of many sizes, some turned by their EXIF data, some with a place in it.
"""

from __future__ import annotations

import io
import math
import random
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

FONTS = Path(__file__).resolve().parents[2] / "static" / "fonts"
SERIF, ITALIC, SANS = "literata-latin.woff2", "literata-latin-italic.woff2", "atkinson-latin.woff2"

# paper, ink, and three colours between them
PALETTES = (
    ("#f4ead8", "#1d2a3a", "#c8553d", "#e9a23b", "#3b7a82"),
    ("#14213d", "#f6f1e5", "#fca311", "#5b8e7d", "#bc4b51"),
    ("#e7ecef", "#22333b", "#274c77", "#6096ba", "#d98f4e"),
    ("#fbf3e4", "#2b2118", "#7f4f24", "#b6ad90", "#a44a3f"),
    ("#1b3a34", "#f2efe3", "#d9ae61", "#7fb69a", "#e2725b"),
    ("#fde2d4", "#3d2645", "#832161", "#da4167", "#f0a868"),
    ("#dfe7d9", "#1f3a2d", "#41754b", "#9dbf73", "#e0b24c"),
    ("#2a1f2d", "#f3e9dc", "#c94277", "#f2a65a", "#5f8fa8"),
    ("#f7f4ef", "#111111", "#d62828", "#f3c93f", "#2b59c3"),
    ("#cfe3e8", "#10313d", "#12788b", "#f08a5d", "#f6d285"),
    ("#3b2c26", "#f5e6cc", "#d68c45", "#8aa17e", "#b5543f"),
    ("#ede4f2", "#2c2546", "#5e4b8b", "#a58fc7", "#e39774"),
)
Palette = tuple[str, str, str, str, str]


class Sheet:
    """A sheet to draw on, in hundredths of its own size, so that a design suits every size and shape."""

    def __init__(self, width: int, height: int, palette: Palette, draw: random.Random) -> None:
        self.image = Image.new("RGB", (width, height), palette[0])
        self.pen = ImageDraw.Draw(self.image)
        self.width, self.height = width, height
        self.paper, self.ink, *self.colours = palette
        self.draw = draw

    def x(self, hundredths: float) -> float:
        return self.width * hundredths / 100

    def y(self, hundredths: float) -> float:
        return self.height * hundredths / 100

    def block(self, left: float, top: float, right: float, bottom: float, fill: str) -> None:
        self.pen.rectangle((self.x(left), self.y(top), self.x(right), self.y(bottom)), fill=fill)

    def disc(self, left: float, top: float, radius: float, fill: str | None = None, ring: float = 0) -> None:
        """Draw a circle around (left, top); *radius* and *ring* (the line's width) are in hundredths of the width."""
        x, y, r = self.x(left), self.y(top), self.x(radius)
        outline = None if fill else self.ink
        self.pen.ellipse((x - r, y - r, x + r, y + r), fill=fill, outline=outline, width=max(1, round(self.x(ring))))

    def write(
        self,
        text: str,
        top: float,
        most_height: float,
        *,
        font: str = SERIF,
        weight: int = 600,
        fill: str | None = None,
        size: float = 13,
        left: float = 9,
        right: float = 91,
        centred: bool = False,
    ) -> float:
        """Write *text* in as many lines as it needs, as large as *size* allows; return where it ends."""
        letters, lines = self._fitted(text, font, weight, size, self.x(right - left), self.y(most_height))
        step = letters.size * 1.16
        y = self.y(top)
        for line in lines:
            x = self.x((left + right) / 2) if centred else self.x(left)
            self.pen.text((x, y), line, font=letters, fill=fill or self.ink, anchor="ma" if centred else "la")
            y += step
        return 100 * y / self.height

    def _fitted(self, text: str, font: str, weight: int, size: float, most_width: float, most_height: float):
        pixels = round(self.x(size))
        while True:
            letters = typeface(font, weight, pixels)
            lines = wrapped(text, letters, most_width)
            fits = len(lines) * pixels * 1.16 <= most_height and max(map(letters.getlength, lines)) <= most_width
            if fits or pixels <= 8:
                return letters, lines
            pixels = round(pixels * 0.92)


@lru_cache(maxsize=256)
def typeface(name: str, weight: int, pixels: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.truetype(FONTS / name, pixels)
    font.set_variation_by_axes([weight])
    return font


def wrapped(text: str, font: ImageFont.FreeTypeFont, most_width: float) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) <= most_width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


# Designs. Each fills the sheet and writes title and author on it.


def hills(sheet: Sheet, title: str, author: str) -> None:
    end = sheet.write(title, 7, 30)
    radius = sheet.draw.uniform(13, 20)
    sheet.disc(sheet.draw.uniform(25, 75), end + 3 + radius * sheet.width / sheet.height, radius, fill=sheet.colours[1])
    for layer, colour in enumerate((sheet.colours[2], sheet.colours[0], sheet.ink)):
        base, waves, shift = 56 + layer * 13, sheet.draw.uniform(0.7, 1.6), sheet.draw.uniform(0, 6)
        ridge = [
            (sheet.x(step), sheet.y(base + 5 * math.sin(shift + waves * step / 100 * math.tau))) for step in range(101)
        ]
        sheet.pen.polygon([*ridge, (sheet.width, sheet.height), (0, sheet.height)], fill=colour)
    sheet.write(author, 90, 6, font=SANS, weight=500, size=5.4, fill=sheet.paper)


def tiles(sheet: Sheet, title: str, author: str) -> None:
    columns = sheet.draw.choice((3, 4, 5))
    side = sheet.width / columns
    rows = math.ceil(sheet.y(62) / side)
    for row in range(rows):
        for column in range(columns):
            _tile(sheet, column * side, row * side, side)
    end = 100 * rows * side / sheet.height
    sheet.block(0, end, 100, 100, sheet.paper)
    sheet.write(title, end + 3, 90 - end - 4, size=11)
    sheet.write(author, 92, 5, font=SANS, weight=500, size=5)


def _tile(sheet: Sheet, x: float, y: float, side: float) -> None:
    ground, figure = sheet.draw.sample([*sheet.colours, sheet.paper, sheet.ink], 2)
    sheet.pen.rectangle((x, y, x + side, y + side), fill=ground)
    quarter = sheet.draw.randrange(5)
    if quarter == 4:
        sheet.pen.ellipse((x + side * 0.2, y + side * 0.2, x + side * 0.8, y + side * 0.8), fill=figure)
        return
    corner_x, corner_y = x + side * (quarter in (1, 2)), y + side * (quarter >= 2)
    start = {0: 0, 1: 90, 2: 180, 3: 270}[quarter]
    around = (corner_x - side, corner_y - side, corner_x + side, corner_y + side)
    sheet.pen.pieslice(around, start, start + 90, fill=figure)


def large_type(sheet: Sheet, title: str, author: str) -> None:
    sheet.block(0, 0, 100, 100, sheet.colours[0])
    end = sheet.write(title, 7, 66, weight=800, size=24, font=SANS, fill=sheet.paper)
    sheet.block(9, min(end + 3, 80), 9 + sheet.draw.uniform(12, 40), min(end + 3, 80) + 0.9, sheet.colours[1])
    sheet.write(author, 90, 6, font=SERIF, weight=500, size=6, fill=sheet.paper)


def framed(sheet: Sheet, title: str, author: str) -> None:
    sheet.block(0, 0, 100, 100, sheet.colours[0])
    inset = 5 * sheet.width / sheet.height
    sheet.block(5, inset, 95, 100 - inset, sheet.paper)
    edge = (sheet.x(7), sheet.x(7), sheet.x(93), sheet.height - sheet.x(7))
    sheet.pen.rectangle(edge, outline=sheet.ink, width=max(1, round(sheet.x(0.5))))
    sheet.write(author, 14, 6, font=SANS, weight=500, size=5.4, left=14, right=86, centred=True)
    sheet.write(title, 25, 34, font=ITALIC, weight=500, size=13, left=14, right=86, centred=True)
    _ornament(sheet, 50, 75)


def _ornament(sheet: Sheet, left: float, top: float) -> None:
    petals = sheet.draw.choice((5, 6, 8))
    for petal in range(petals):
        angle = math.tau * petal / petals
        across, down = 8 * math.cos(angle), 8 * math.sin(angle) * sheet.width / sheet.height
        sheet.disc(left + across, top + down, 5.6, sheet.colours[petal % 3])
    sheet.disc(left, top, 4.6, sheet.ink)


def ripples(sheet: Sheet, title: str, author: str) -> None:
    left, top = sheet.draw.choice((0, 100)), sheet.draw.uniform(85, 100)
    for ring in range(9, 0, -1):
        sheet.disc(left, top, ring * 11, [*sheet.colours, sheet.ink][ring % 4])
    sheet.block(0, 0, 100, 36, sheet.paper)
    sheet.write(title, 5, 23, size=12)
    sheet.write(author, 30, 4.5, font=SANS, weight=500, size=5)


def bands(sheet: Sheet, title: str, author: str) -> None:
    top = 0.0
    while top < 100:
        height = sheet.draw.uniform(3, 15)
        sheet.block(0, top, 100, top + height, sheet.draw.choice([*sheet.colours, sheet.paper]))
        top += height
    sheet.block(10, 24, 90, 72, sheet.ink)
    sheet.write(title, 29, 28, left=16, right=84, size=11.5, fill=sheet.paper)
    sheet.write(author, 64, 5, left=16, right=84, font=SANS, weight=500, size=5, fill=sheet.paper)


def window(sheet: Sheet, title: str, author: str) -> None:
    sheet.block(0, 0, 100, 100, sheet.ink)
    sheet.disc(50, 40, 34, sheet.colours[1])
    sheet.block(16, 40, 84, 70, sheet.colours[1])
    sheet.disc(sheet.draw.uniform(38, 62), 38, 12, sheet.paper)
    for step in range(5):
        sheet.block(16, 55 + step * 3, 84, 56.2 + step * 3, sheet.colours[step % 3])
    sheet.write(title, 74, 14, fill=sheet.paper, size=10, centred=True)
    sheet.write(author, 91, 5, font=SANS, weight=500, size=5, fill=sheet.paper, centred=True)


DESIGNS: tuple[Callable[[Sheet, str, str], None], ...] = (hills, tiles, large_type, framed, ripples, bands, window)


def draw_cover(title: str, author: str, number: int, seed: int = 1) -> bytes:
    """Return the file of a cover as somebody might upload it; the same arguments always give the same picture."""
    draw = random.Random(f"{seed}/cover/{number}")  # noqa: S311
    width = draw.choice((320, 400, 480, 600, 600, 720, 900))
    height = round(width * draw.uniform(1.4, 1.62))
    sheet = Sheet(width * 2, height * 2, draw.choice(PALETTES), draw)
    draw.choice(DESIGNS)(sheet, title, author)
    return _as_uploaded(sheet.image.resize((width, height), Image.Resampling.BOX), draw)


def draw_avatar(number: int, seed: int = 1) -> bytes:
    """Return the file of a picture somebody might choose for themselves: a face of a few shapes."""
    draw = random.Random(f"{seed}/avatar/{number}")  # noqa: S311
    side = draw.choice((160, 256, 400, 512))
    sheet = Sheet(side * 2, side * 2, draw.choice(PALETTES), draw)
    skin = draw.choice(("#f1c9a5", "#d9a06f", "#a86f45", "#6f4428", "#f6dcc4"))
    sheet.block(0, 0, 100, 100, sheet.colours[0])
    sheet.disc(50, 112, 44, sheet.colours[1])
    sheet.disc(50, draw.uniform(36, 42), draw.uniform(27, 31), sheet.ink)
    sheet.disc(50, 47, 23, skin)
    wears_glasses = draw.random() < 0.3
    for across in (-8, 8):
        sheet.disc(50 + across, 46, 2.3, "#221a16")
        if wears_glasses:
            sheet.disc(50 + across, 46, 6, ring=1.2)
    smile = (sheet.x(42), sheet.y(48), sheet.x(58), sheet.y(59))
    sheet.pen.arc(smile, 20, 160, fill="#221a16", width=max(1, round(sheet.x(1.4))))
    return _as_uploaded(sheet.image.resize((side, side), Image.Resampling.BOX), draw)


def _as_uploaded(image: Image.Image, draw: random.Random) -> bytes:
    target = io.BytesIO()
    match draw.choices(("JPEG", "PNG", "WEBP"), (5, 3, 2))[0]:
        case "JPEG" if draw.random() < 0.3:
            # Held sideways, as phones do: what is stored lies on its side, and a tag says how to turn it.
            image.rotate(90, expand=True).save(target, "JPEG", quality=88, exif=_phone_data(draw))
        case "JPEG":
            image.save(target, "JPEG", quality=draw.randint(78, 92))
        case "PNG":
            image.quantize(128).save(target, "PNG") if draw.random() < 0.5 else image.save(target, "PNG")
        case _:
            image.save(target, "WEBP", quality=85, method=3)
    return target.getvalue()


def _phone_data(draw: random.Random) -> Image.Exif:
    data = Image.Exif()
    data[0x010F], data[0x0110] = "Demo Camera Works", "Pocket 7"
    data[0x0112] = 6
    data[0x8825] = {
        1: "N",
        2: (float(draw.randint(40, 60)), 12.0, 30.0),
        3: "E",
        4: (float(draw.randint(0, 20)), 4.0, 5.0),
    }
    return data
