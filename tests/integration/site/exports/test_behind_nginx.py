"""An archive that nginx sends, because the site let its owner through."""

from __future__ import annotations

import grp
import os

import pytest

from tests import site

from .archives import PAGE, exported, link, unpacked

pytestmark = [pytest.mark.django_db(transaction=True, databases="__all__"), pytest.mark.usefixtures("no_tries_yet")]


def test_a53_nginx_sends_an_archive_to_its_owner_and_to_nobody_else(on, before_site, readable_folder, settings):
    settings.ALLOWED_HOSTS = ["books.test", "testserver"]
    # As the configuration says: nginx is let in by its group, and everybody else is kept out.
    os.chown(readable_folder, -1, grp.getgrnam("nogroup").gr_gid)
    readable_folder.chmod(0o750)
    on("disk").configure(ROOT=readable_folder, INTERNAL_URL="/-/exports/")
    reader = site.person("ada")
    export = exported(reader)
    owner, another, nobody = site.visitor(reader), site.visitor(site.person()), site.visitor()
    address = link(owner, export)
    with before_site(folder=("/srv/bookwyrm-exports", str(readable_folder))) as front:
        found = front.get(address, cookie=_cookies_of(owner))
        told, _ = unpacked(found.data)
        assert (found.status, told["preferredUsername"]) == (200, "ada")
        assert found.headers["Content-Type"] == "application/gzip"
        assert found.headers["Content-Disposition"].startswith('attachment; filename="ada-')
        assert {"private", "no-store"} <= set(found.headers["Cache-Control"].split(", "))
        assert found.headers.getlist("X-Content-Type-Options") == ["nosniff"]
        assert export.archive.name not in str(found.headers)
        answers = [found, *(front.get(address, cookie=_cookies_of(each)) for each in (another, nobody, owner))]
        assert [each.status for each in answers] == [200, 404, 404, 200]
        pages = [front.get(PAGE, cookie=_cookies_of(each)) for each in (owner, another, nobody)]
        assert [(each.status, address.split("/")[3] in each.data.decode()) for each in pages] == [
            (200, True),
            (200, False),
            (302, False),
        ]
        # What nginx keeps bears this header, be it only that there is no such picture.
        assert [front.get("/images/none.png").headers["X-Cache"] for _ in range(2)] == ["MISS", "HIT"]
        assert not any("X-Cache" in each.headers for each in (*answers, *pages))
        for hidden in ("/-/exports/", f"/-/exports/{export.archive.name}", f"/images/{export.archive.name}"):
            assert front.get(hidden, cookie=_cookies_of(owner)).status == 404


def _cookies_of(browser) -> str:
    return "; ".join(f"{name}={cookie.value}" for name, cookie in browser.cookies.items())
