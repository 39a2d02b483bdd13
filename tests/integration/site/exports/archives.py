"""Ask for archives, download them, and look inside."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from typing import Any

from django.test import Client

from bookwyrm.models import Export, User
from tests.site import visitor

PAGE = "/preferences/exports/"


def exported(person: User) -> Export:
    """Ask for an archive as *person* does; the tests' queue makes it at once."""
    assert visitor(person).post(f"{PAGE}new/").status_code == 302
    export = Export.objects.filter(owner=person).latest("asked_at")
    assert export.is_ready, export.status
    return export


def link(browser: Client, export: Export) -> str:
    """Return the link that pressing "Download" leads to."""
    response = browser.post(f"{PAGE}{export.pk}/link/")
    assert response.status_code == 302
    return response["Location"]


def unpacked(data: bytes) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Return what the description in an archive says, and the other files."""
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(data))) as archive:
        files = {member.name: archive.extractfile(member).read() for member in archive}
    return json.loads(files.pop("archive.json")), files


def content(response) -> bytes:
    """Return all of a response, and close it as a server does."""
    try:
        return b"".join(response) if response.streaming else response.content
    finally:
        response.close()
