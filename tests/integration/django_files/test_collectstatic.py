"""``collectstatic``: hashed here, sent there, the manifest last, and nothing twice."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path

import pytest
import urllib3
from django.contrib.staticfiles.storage import staticfiles_storage

from external_storage.django.last_collection import FINE_GRAIN_SECONDS
from external_storage.objects import IMMUTABLE

from .conftest import one_server
from .fussy_front import fussy_front, refusal

MANIFEST = "staticfiles.json"


@pytest.fixture
def source(site, settings, tmp_path):
    """A folder of static files that is all the site has."""
    folder = tmp_path / "source"
    files = {
        "css/site.css": b"@font-face { font-family: A; src: url('../fonts/a.woff2') }",
        "js/site.js": b"document.title = 1",
        "fonts/a.woff2": b"wOF2 font",
        "images/logo-small.png": b"\x89PNG\r\n\x1a\n",
        "images/icon.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "site.webmanifest": b"{}",
    }
    for key, data in files.items():
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    settings.STATICFILES_DIRS = [folder]
    settings.STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
    return folder


def collect(run, *options: str):
    ran = run("collectstatic", "--noinput", *options)
    assert ran.code == 0, ran.printed
    return ran


def public(site, key: str):
    return urllib3.request("GET", f"{site.bucket.public_url}/static/{key}", redirect=False)


def test_plain_and_hashed_names_and_the_manifest_are_in_the_bucket(site, source, run):
    collect(run)
    names = {key.removeprefix("static/") for key in site.bucket.keys_under()}
    plain = {str(path.relative_to(source)) for path in source.rglob("*") if path.is_file()}
    hashed = set(json.loads(site.in_bucket(f"static/{MANIFEST}"))["paths"].values())
    assert names == plain | hashed | {MANIFEST}
    assert len(hashed) == len(plain)


def test_a_second_run_sends_nothing_and_says_so(site, source, run):
    collect(run)
    ran = collect(run)
    assert ran.out.splitlines()[-1].startswith("copied 0, already there 12")


def processed_in(run) -> int:
    """Collect once more, and return how many files were hashed and rewritten again."""
    told = collect(run).out
    return int(told.partition(" post-processed")[0].rpartition(" ")[2]) if "post-processed" in told else 0


@pytest.fixture
def remembering(site, source, tmp_path) -> None:
    """Let the site have a folder to remember things in, and files that did not change within the last tick."""
    site.state = tmp_path / "state"
    site.configure()
    newest = max(path.stat().st_ctime for path in source.rglob("*"))
    time.sleep(max(0.0, newest + FINE_GRAIN_SECONDS - time.time()))


@one_server
@pytest.mark.usefixtures("remembering")
def test_what_did_not_change_is_not_rewritten_again(site, run):
    collect(run)
    hashed = json.loads((site.static / MANIFEST).read_text())
    assert processed_in(run) == 0
    assert json.loads((site.static / MANIFEST).read_text()) == hashed


@pytest.mark.parametrize("what", ["source", "collected", "hashed", "forgotten"])
@one_server
@pytest.mark.usefixtures("remembering")
def test_a_change_is_found_whatever_its_size_and_time_say(site, source, run, what):
    collect(run)
    name = site.static / json.loads((site.static / MANIFEST).read_text())["paths"]["js/site.js"]
    if what == "forgotten":
        site.static.joinpath("images/icon.svg").unlink()
    else:
        path = {"source": source / "js/site.js", "collected": site.static / "js/site.js", "hashed": name}[what]
        before = path.stat()
        path.write_bytes(b"document.title = 7")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert processed_in(run) > 0
    paths = json.loads((site.static / MANIFEST).read_text())["paths"]
    assert (site.static / "js/site.js").read_bytes() == (source / "js/site.js").read_bytes()
    assert all((site.static / hashed).is_file() and (site.static / plain).is_file() for plain, hashed in paths.items())


@one_server
@pytest.mark.usefixtures("remembering")
def test_what_broke_off_while_it_was_sent_is_sent_by_the_next_run_without_making_it_anew(site, run):
    denied = refusal(403, "AccessDenied")
    with fussy_front(site.server.endpoint_url, lambda r: denied if r.command == "PUT" else None) as front:
        site.configure(ENDPOINT_URL=front.url)
        assert run("collectstatic", "--noinput").code == 3
    site.configure(ENDPOINT_URL=site.server.endpoint_url)
    assert processed_in(run) == 0
    assert len(site.bucket.keys_under()) == 13


def test_only_what_changed_is_sent_and_the_old_version_stays(site, source, run):
    collect(run)
    before = set(site.bucket.keys_under())
    (source / "js/site.js").write_bytes(b"document.title = 2")
    assert collect(run, "--json").json[-1]["sent"]["copied"] == 2
    after = set(site.bucket.keys_under())
    assert len(after - before) == 1
    assert before < after


@pytest.mark.parametrize(
    ("key", "content_type"),
    [
        ("css/site.css", "text/css; charset=utf-8"),
        ("js/site.js", "text/javascript; charset=utf-8"),
        ("fonts/a.woff2", "font/woff2"),
        ("images/icon.svg", "image/svg+xml"),
        ("images/logo-small.png", "image/png"),
        ("site.webmanifest", "application/manifest+json"),
    ],
)
def test_files_are_served_with_their_type_hashed_ones_for_ever_and_plain_ones_briefly(
    site, source, run, key, content_type
):
    collect(run)
    plain = public(site, key)
    hashed = urllib3.request("GET", staticfiles_storage.url(key))
    assert (plain.status, hashed.status) == (200, 200)
    assert plain.headers["Content-Type"] == hashed.headers["Content-Type"] == content_type
    assert plain.headers["Cache-Control"] == "public, max-age=300"
    assert hashed.headers["Cache-Control"] == IMMUTABLE


def test_a_style_sheet_in_the_bucket_names_the_font_in_the_bucket(site, source, run):
    collect(run)
    css = urllib3.request("GET", staticfiles_storage.url("css/site.css")).data.decode()
    font = staticfiles_storage.url("fonts/a.woff2").rpartition("/")[2]
    assert f"../fonts/{font}" in css


@pytest.mark.parametrize("name", [".env", ".git/config", "settings.py", "dump.sql", "site.sqlite3", "tls.key", "a.env"])
def test_secrets_code_and_dumps_are_neither_collected_nor_published(site, source, run, name):
    (source / name).parent.mkdir(exist_ok=True)
    (source / name).write_bytes(b"SECRET")
    collect(run)
    assert not (site.static / name).exists()
    assert public(site, name).status in (403, 404)


def test_a_secret_that_lies_among_the_collected_files_is_held_back_by_name(site, source, run):
    (site.static / ".env").write_bytes(b"SECRET")
    ran = collect(run)
    assert "'.env'" in ran.out
    assert f"static/{'.env'}" not in site.bucket.keys_under()


def test_when_sending_breaks_off_the_pages_keep_naming_what_is_there(site, source, run):
    collect(run)
    before = (site.static / MANIFEST).read_bytes()
    (source / "js/site.js").write_bytes(b"document.title = 3")
    denied = refusal(403, "AccessDenied")
    with fussy_front(site.server.endpoint_url, lambda r: denied if r.command == "PUT" else None) as front:
        site.configure(ENDPOINT_URL=front.url)
        ran = run("collectstatic", "--noinput")
        assert front.turned_away
    assert ran.code == 3
    assert "may not" in ran.err
    assert (site.static / MANIFEST).read_bytes() == before
    assert site.in_bucket(f"static/{MANIFEST}") == before


def test_the_manifest_is_the_last_thing_that_is_sent(site, source, run):
    sent = []

    def watch(request):
        if request.command == "PUT":
            sent.append(request.path)

    with fussy_front(site.server.endpoint_url, watch) as front:
        site.configure(ENDPOINT_URL=front.url)
        collect(run)
    assert sent[-1].endswith(f"/static/{MANIFEST}")
    assert sum(path.endswith(MANIFEST) for path in sent) == 1


def test_no_collected_file_is_missing_for_a_moment_while_they_are_collected_again(site, source, run):
    site.configure(active="disk")
    collect(run)
    names = [path for path in site.static.rglob("*") if path.is_file()]
    missing, over = set(), threading.Event()

    def watch() -> None:
        while not over.is_set():
            missing.update(path for path in names if not path.exists())

    watcher = threading.Thread(target=watch)
    watcher.start()
    for round_number in range(5):
        (source / "js/site.js").write_bytes(b"document.title = %d" % round_number)
        collect(run)
    over.set()
    watcher.join()
    assert missing == set()


def test_a_power_cut_leaves_no_manifest_that_names_what_it_took_away(site, source, run, monkeypatch):
    on_disk = []
    sync = os.fsync

    def watched(descriptor: int) -> None:
        on_disk.append(os.path.relpath(Path(f"/proc/self/fd/{descriptor}").readlink(), site.static))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    site.configure(active="disk")
    collect(run)
    named = json.loads((site.static / MANIFEST).read_text())["paths"]
    before = set(on_disk[: on_disk.index(MANIFEST)])
    assert {*named, *named.values(), ".", "css", "fonts"} <= before


def test_on_the_disk_nothing_is_sent(site, source, run):
    site.configure(active="disk")
    collect(run)
    assert site.bucket.keys_under() == []
    assert staticfiles_storage.url("js/site.js").startswith("https://books.test/static/js/site.")


def test_before_anything_was_collected_links_carry_the_plain_names(site, source):
    assert staticfiles_storage.url("js/site.js") == f"{site.bucket.public_url}/static/js/site.js"


def test_a_dry_run_changes_nothing_anywhere(site, source, run):
    collect(run, "--dry-run")
    assert site.bucket.keys_under() == []
    assert list(site.static.iterdir()) == []
