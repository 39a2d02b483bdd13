"""Which code asks a file for its path on the disk."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from django.conf import settings
from django.test import override_settings

from external_storage.django.callers_of_path import callers_of_path, lines_that_ask
from external_storage.django.checkup import _examine_code


@pytest.mark.parametrize(
    ("code", "lines"),
    [
        ("Image.open(book.cover.path)", [1]),
        ("def f(self):\n    return self.avatar.path", [2]),
        ("from django.core.files.storage import default_storage\ndefault_storage.path('a.png')", [2]),
        ("os.path.join(request.path, book.title.path)", []),
        ("book.cover.open()", []),
        ("def broken(:", []),
    ],
)
def test_a_path_of_a_file_field_or_of_the_default_storage_is_noticed(code, lines):
    assert lines_that_ask(code, {"cover", "avatar"}) == lines


def test_the_instance_asks_no_file_for_its_path():
    assert list(callers_of_path("default")) == []
    finding = _examine_code(SimpleNamespace(alias="default"))
    assert (finding.id, str(finding.verdict)) == ("code.path", "ok")


def test_the_doctor_names_the_place(tmp_path, monkeypatch):
    album = tmp_path / "album"
    album.mkdir()
    (album / "__init__.py").touch()
    (album / "views.py").write_text("def show(book):\n    return book.cover.path\n")
    monkeypatch.syspath_prepend(tmp_path)
    with override_settings(INSTALLED_APPS=[*settings.INSTALLED_APPS, "album"]):
        finding = _examine_code(SimpleNamespace(alias="default"))
    assert (finding.id, str(finding.verdict)) == ("code.path", "warning")
    assert "album/views.py:2." in str(finding.seen)
