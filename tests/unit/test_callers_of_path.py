"""Which code asks a file for its path on the disk."""

from __future__ import annotations

import pytest

from external_storage.django.callers_of_path import callers_of_path, lines_that_ask


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
