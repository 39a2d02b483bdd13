"""Take pictures from strangers. `sanitise` is the only door: nothing reaches the storage around it."""

from .sanitising import MOST_BYTES, MOST_PIXELS, Picture, PictureRefused, sanitise

__all__ = ["MOST_BYTES", "MOST_PIXELS", "Picture", "PictureRefused", "sanitise"]
