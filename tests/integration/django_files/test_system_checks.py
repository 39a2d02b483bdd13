"""What ``manage.py check`` says of the storage without asking anybody."""

from __future__ import annotations

import pytest
from django.core.checks import run_checks

from .test_settings import GOOD, changed


def messages() -> dict[str, str]:
    return {each.id: each.msg for each in run_checks() if each.id.startswith("external_storage")}


def test_a_value_that_does_not_go_with_the_service_is_pointed_out(settings):
    settings.EXTERNAL_STORAGE = changed(ADDRESSING_STYLE="path")
    assert list(messages()) == ["external_storage.W005"]
    assert "ADDRESSING_STYLE" in messages()["external_storage.W005"]


def test_a_secret_file_that_others_can_read_is_pointed_out(settings, tmp_path):
    path = tmp_path / ".env"
    path.write_text("SECRET_KEY=anything")
    settings.EXTERNAL_STORAGE = {**GOOD, "SECRET_FILES": [path]}
    path.chmod(0o600)
    assert messages() == {}
    path.chmod(0o640)
    assert messages() == {"external_storage.W006": f"Other users of this machine can read {path}."}


def test_a_secret_file_that_is_not_there_is_nobodys_business(settings, tmp_path):
    settings.EXTERNAL_STORAGE = {**GOOD, "SECRET_FILES": [tmp_path / ".env"]}
    assert messages() == {}


@pytest.mark.parametrize(
    ("vault", "said"),
    [
        ({"PREFIX": "exports/"}, "share the bucket"),
        ({"BUCKET": "my-exports", "CUSTOM_DOMAIN": "exports.books.test"}, "links to it are not signed"),
        ({"BUCKET": "my-exports"}, ""),
    ],
)
def test_private_files_are_kept_apart(settings, vault, said):
    rule = "external_storage.django.publishing.nothing_public"
    settings.EXTERNAL_STORAGE = {
        **GOOD,
        "STORES": {**GOOD["STORES"], "vault": {**GOOD["STORES"]["bucket"], **vault}},
        "ALIASES": {**GOOD["ALIASES"], "exports": {"ACTIVE": "vault", "PRIVATE": True, "PUBLISHING_RULE": rule}},
    }
    assert list(messages()) == (["external_storage.E004"] if said else [])
    assert said in messages().get("external_storage.E004", "")
