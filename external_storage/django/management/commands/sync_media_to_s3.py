"""``sync_media_to_s3``: send what the bucket still lacks."""

from __future__ import annotations

from .copy_media_to_s3 import Command as CopyCommand


class Command(CopyCommand):
    # The rules of sending depend on the state of the site, not on the command: see `sending.send`.
    help = (
        "Send the media files that the bucket lacks or holds differently. Once the bucket is in use nothing in it is "
        "overwritten, and only files that the database refers to are added; the others are listed."
    )
