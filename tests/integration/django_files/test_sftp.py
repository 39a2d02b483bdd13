"""A site whose files are on a server that speaks SFTP: uploads, commands, and the key that the server is known by."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages

from external_storage.django import checkup, conf
from external_storage.errors import PermissionRefused, TransientStoreError
from external_storage.health.servers import examine_server
from external_storage.objects import Headers, Publish
from external_storage.stores.sftp.refusals import HostKeyUnknown
from tests.servers import OpenSsh
from tests.servers.openssh import PASSWORD
from tests.servers.relay import relay

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8


class HostSite:
    """The test's own site, with its media in *root* on the server."""

    def __init__(self, settings: Any, server: OpenSsh, folder: Path) -> None:
        self.settings = settings
        self.server = server
        self.root = server.make_folder()
        self.media = folder / "media"
        self.media.mkdir()
        self.configure()

    def configure(self, *, deadline: float = 10.0, **host: Any) -> None:
        described = {
            "KIND": "sftp",
            "HOST": self.server.host,
            "PORT": self.server.port,
            "USER": self.server.user,
            "ROOT": str(self.root),
            "KEY_FILE": str(self.server.key_file),
            "KNOWN_HOSTS": str(self.server.known_hosts),
        }
        self.settings.EXTERNAL_STORAGE = {
            "STORES": {
                "disk": {"KIND": "local", "ROOT": self.media, "PUBLIC_URL": "/images/"},
                "host": described | host,
            },
            "ALIASES": {
                "default": {
                    "ACTIVE": "host",
                    "STORES": ["disk", "host"],
                    "PUBLISHING_RULE": lambda key, first: ANYTHING,
                },
                "staticfiles": {"ACTIVE": "disk"},
            },
            "DEADLINE": deadline,
            "SITE_ORIGINS": ["http://127.0.0.1:1"],
        }
        # Django forgets the storages it has made when this setting changes.
        self.settings.STORAGES = dict(self.settings.STORAGES)

    @property
    def storage(self) -> Any:
        return storages["default"]


NOTHING_PUBLIC = "external_storage.django.publishing.nothing_public"
ANYTHING = Publish(Headers("image/png", public=True))


@pytest.fixture
def site(settings, openssh: OpenSsh, tmp_path: Path) -> HostSite:
    return HostSite(settings, openssh, tmp_path)


pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")


def test_an_upload_is_a_file_on_the_server_that_its_web_server_can_read(site):
    name = site.storage.save("covers/a.png", ContentFile(PNG))
    assert site.storage.save("covers/a.png", ContentFile(b"other")) != name
    file = site.root / name
    assert (file.read_bytes(), file.stat().st_mode & 0o777) == (PNG, 0o644)
    assert file.parent.stat().st_mode & 0o777 == 0o755
    assert site.storage.open(name).read() == PNG
    assert (site.storage.exists(name), site.storage.size(name)) == (True, len(PNG))
    assert site.storage.get_modified_time(name).timestamp() == int(file.stat().st_mtime)
    folders, files = site.storage.listdir("covers")
    assert (folders, len(files)) == ([], 2)
    site.storage.delete(name)
    assert not file.exists()
    with pytest.raises(FileNotFoundError):
        site.storage.open(name)


def test_t9_many_small_writes_to_one_open_file_give_those_bytes(site):
    with site.storage.open("archive.tar", "wb") as file, tarfile.open(fileobj=file, mode="w") as archive:
        for n in range(20):
            member = tarfile.TarInfo(f"{n}.png")
            member.size = len(PNG)
            archive.addfile(member, io.BytesIO(PNG))
        assert not site.storage.exists("archive.tar")
    with site.storage.open("archive.tar") as file, tarfile.open(fileobj=file) as archive:
        assert [archive.extractfile(member).read() for member in archive] == [PNG] * 20


def test_a_delete_that_the_server_refuses_reaches_the_caller(site):
    site.storage.save("covers/a.png", ContentFile(PNG))
    os.chown(site.root / "covers", 0, 0)
    with pytest.raises(PermissionRefused, match=r"covers/a\.png"):
        site.storage.delete("covers/a.png")
    assert site.storage.exists("covers/a.png")


def test_a_server_that_hangs_keeps_nobody_longer_than_the_deadline(site):
    with relay(site.server.port) as line:
        known = site.root.parent / "known_through_relay"
        key = site.server.known_hosts.read_text().split(" ", 1)[1]
        known.write_text(f"[127.0.0.1]:{line.port} {key}")
        site.configure(deadline=0.5, PORT=line.port, KNOWN_HOSTS=str(known))
        line.cut()
        with pytest.raises(TransientStoreError, match="did not answer within"):
            site.storage.save("covers/a.png", ContentFile(PNG))
    assert list(site.root.iterdir()) == []


def test_a_host_is_trusted_after_its_fingerprint_was_compared(site, run, tmp_path):
    known = tmp_path / "known_hosts"
    site.configure(KNOWN_HOSTS=str(known))
    host = f"{site.server.host}:{site.server.port}"
    with pytest.raises(HostKeyUnknown, match="storage_trust_host"):
        site.storage.exists("a")
    assert f"then run: python manage.py storage_trust_host {host}" in run("storage_status", "--check").out

    nobody_there = run("storage_trust_host", host)
    assert (nobody_there.code, known.exists()) == (2, False)
    assert site.server.fingerprint in nobody_there.out

    another = run("storage_trust_host", host, "--fingerprint", "SHA256:another")
    assert (another.code, known.exists()) == (3, False)

    trusted = run("storage_trust_host", host, "--fingerprint", site.server.fingerprint)
    assert (trusted.code, known.exists()) == (0, True)
    assert not site.storage.exists("a")
    assert run("storage_trust_host", "host", "--json").json[0]["was_known"]


def test_a_changed_key_is_trusted_only_on_demand(site, run, tmp_path):
    known = tmp_path / "known_hosts"
    before = "AAAAC3NzaC1lZDI1NTE5AAAAIPnFuSTHESEBYTESAREANOTHERKEYSBYTESAAAAAAAAA"
    known.write_text(f"[{site.server.host}]:{site.server.port} ssh-ed25519 {before}\n")
    site.configure(KNOWN_HOSTS=str(known))
    refused = run("storage_trust_host", site.server.host, "--fingerprint", site.server.fingerprint)
    assert (refused.code, "HAS CHANGED" in refused.err) == (3, True)
    assert before in known.read_text()
    assert run("storage_trust_host", site.server.host, "--replace", "--yes").code == 0
    assert before not in known.read_text()
    assert not site.storage.exists("a")


def test_what_is_no_host_is_refused_with_those_that_there_are(site, run):
    ran = run("storage_trust_host", "no host")
    assert ran.code == 2
    assert str(site.server.port) in ran.err


@pytest.fixture
def backup(site, tmp_path, monkeypatch) -> Iterator[str]:
    """The URL of a folder on the server, for a site that has no such store and does not know the server."""
    for name in ("STORAGE_PASSWORD", "STORAGE_KEY_FILE", "STORAGE_PASSPHRASE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("STORAGE_KNOWN_HOSTS", str(tmp_path / "known_by_url"))
    stores = {"disk": site.settings.EXTERNAL_STORAGE["STORES"]["disk"]}
    default = site.settings.EXTERNAL_STORAGE["ALIASES"]["default"] | {"ACTIVE": "disk", "STORES": ["disk"]}
    aliases = {"default": default, "staticfiles": {"ACTIVE": "disk"}}
    site.settings.EXTERNAL_STORAGE = site.settings.EXTERNAL_STORAGE | {"STORES": stores, "ALIASES": aliases}
    (site.media / "a.png").write_bytes(PNG)
    yield f"sftp://{site.server.user}@{site.server.host}:{site.server.port}{site.root}"
    conf.store_named.cache_clear()


def test_a_server_that_no_setting_names_is_a_place_by_its_url(site, backup, run, monkeypatch):
    assert "STORAGE_KEY_FILE is missing" in run("storage_copy", "default", backup).err
    monkeypatch.setenv("STORAGE_KEY_FILE", str(site.server.key_file))
    stranger = run("storage_copy", "default", backup)
    assert (stranger.code, site.server.fingerprint in stranger.printed) == (3, True)
    address = f"{site.server.host}:{site.server.port}"
    assert f"storage_trust_host {address}" in stranger.printed
    assert run("storage_trust_host", address, "--fingerprint", site.server.fingerprint).code == 0
    copied = run("storage_copy", "default", backup)
    assert (copied.code, (site.root / "a.png").read_bytes()) == (0, PNG), copied.printed
    assert run("storage_verify", "default", backup).code == 0


def test_a_secret_in_the_url_of_a_server_is_refused_and_not_repeated(backup, run):
    user, _, rest = backup.partition("@")
    ran = run("storage_copy", "default", f"{user}:{PASSWORD}@{rest}")
    assert (ran.code, "a URL with a password in it" in ran.err, PASSWORD in ran.printed) == (2, True, False)


def test_what_the_server_has_otherwise_than_the_disk_is_found_and_no_secret_is_shown(site, run):
    site.configure(KEY_FILE="", PASSWORD=PASSWORD)
    for n in range(3):
        (site.media / f"{n}.png").write_bytes(PNG + bytes([n]))
        site.storage.save(f"{n}.png", ContentFile(PNG + bytes([n])))
    (site.root / "1.png").write_bytes(PNG + b"?")
    verified = run("storage_verify", "disk", "host")
    assert verified.code == 5
    assert next(line for line in verified.out.splitlines() if "*" in line).startswith('* "1.png"')
    copied = run("storage_copy", "host", f"file://{site.media}", "--on-conflict", "keep", "--rule", NOTHING_PUBLIC)
    assert PASSWORD not in verified.printed + copied.printed
    assert copied.code == 0


STEPS = ["server.host-key", "server.login", "server.folder", "store.answers"]


def test_the_doctor_asks_whether_the_server_is_known_lets_us_in_and_has_the_folder(site, run):
    [told] = run("storage_doctor", "--quick", "--json").json
    found = {each["id"]: each["verdict"] for each in told["findings"]}
    assert [found[step] for step in STEPS] == ["ok"] * 4
    assert [found[f"permission.{verb}"] for verb in ("list", "write", "read", "delete")] == ["ok"] * 4


def test_the_doctor_looks_at_the_server_in_use_though_a_bucket_is_kept_in_reserve(site, settings):
    told = settings.EXTERNAL_STORAGE
    keys = {"ACCESS_KEY_ID": "id", "SECRET_ACCESS_KEY": "secret"}
    told["STORES"]["bucket"] = {"KIND": "s3", "BUCKET": "books-1", "REGION": "eu-west-3", **keys}
    told["ALIASES"]["default"]["STORES"] = ["disk", "host", "bucket"]

    def looked_at(active: str) -> str:
        told["ALIASES"]["default"]["ACTIVE"] = active
        settings.EXTERNAL_STORAGE = {**told}
        return checkup.subject_of("default", "staticfiles").media.name

    assert looked_at("host") == "host"
    assert looked_at("disk") == "bucket"


def test_what_is_found_tells_on_which_step_the_way_to_the_server_ends(site, tmp_path):
    def verdicts(**changed: Any) -> list[str]:
        site.configure(**changed)
        found = {each.id: each.verdict for each in examine_server(conf.store_named("host"))}
        return [found[step] for step in STEPS]

    assert verdicts(KNOWN_HOSTS=str(tmp_path / "none")) == ["failure", *["could not tell"] * 3]
    assert verdicts(USER="stranger") == ["ok", "failure", *["could not tell"] * 2]
    assert verdicts(ROOT=str(site.root / "none")) == ["ok", "ok", "failure", "could not tell"]
    assert verdicts(PORT=1) == [*["could not tell"] * 3, "failure"]
