"""`.env` is changed where that was meant and nowhere else; it is never half written, nor readable by others."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookwyrm import env
from bookwyrm.env_file import CannotEdit, change, quoted, with_values

EXAMPLE = (env.CHECKOUT / ".env.example").read_text()


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def read_back(text: str, name: str, folder: Path) -> str:
    """Return what the site itself makes of the line."""
    path = folder / "read-back.env"
    path.write_bytes(text.encode())
    return env.read({"BOOKWYRM_ENV_FILE": str(path)}).values.get(name, "")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("REGION=old\n", "REGION=new\n"),
        ("REGION=old", "REGION=new"),
        ('REGION="old"\n', "REGION=new\n"),
        ("REGION='old'  # as the invoice says\n", "REGION=new  # as the invoice says\n"),
        ("REGION=old # as the invoice says\n", "REGION=new # as the invoice says\n"),
        ("export REGION=old\n", "export REGION=new\n"),
        ("REGION = old\n", "REGION=new\n"),
        ("REGION=\n", "REGION=new\n"),
        ("REGION=first\nREGION=last\n", "REGION=first\nREGION=new\n"),
        ("# REGION=\n", "REGION=new\n"),
        ("#REGION=\n", "REGION=new\n"),
        ("# REGION=old\n", "# REGION=old\nREGION=new\n"),
        ("# REGION=\nREGION=old\n", "# REGION=\nREGION=new\n"),
        ("# the REGION= of the bucket\n", "# the REGION= of the bucket\nREGION=new\n"),
        ("OTHER_REGION=old\n", "OTHER_REGION=old\nREGION=new\n"),
        ("OTHER=1", "OTHER=1\nREGION=new\n"),
        ("", "REGION=new\n"),
        ("A=1\r\nREGION=old\r\nB=2\r\n", "A=1\r\nREGION=new\r\nB=2\r\n"),
        ("A=1\r\n", "A=1\r\nREGION=new\r\n"),
        ("\ufeffREGION=old\n", "\ufeffREGION=new\n"),
        ("A=1\n\n\n  REGION=old\n\n# end\n", "A=1\n\n\n  REGION=new\n\n# end\n"),
        ('A="one\nREGION=two\n"\nREGION=old\n', 'A="one\nREGION=two\n"\nREGION=new\n'),
    ],
)
def test_a_value_takes_the_place_where_its_reader_would_look(before, after):
    assert with_values(before, {"REGION": "new"}) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("ENDPOINT=old\nA=1\n", "# ENDPOINT=old\nA=1\n"),
        ("ENDPOINT=one\nENDPOINT=two\n", "# ENDPOINT=one\n# ENDPOINT=two\n"),
        ('ENDPOINT="one\ntwo"\nA=1\n', '# ENDPOINT="one\n# two"\nA=1\n'),
        ("\n\nENDPOINT=old\r\nA=1\r\n", "\n\n# ENDPOINT=old\r\nA=1\r\n"),
        ("# ENDPOINT=old\n", "# ENDPOINT=old\n"),
        ("A=1", "A=1"),
    ],
)
def test_a_value_that_no_longer_holds_becomes_a_comment(before, after):
    assert with_values(before, {"ENDPOINT": None}) == after


def test_the_example_file_keeps_every_explanation_and_every_other_line():
    changed = with_values(EXAMPLE, {"STORAGE_PROVIDER": "scaleway", "AWS_S3_REGION_NAME": "fr-par"})
    differing = [(old, new) for old, new in zip(EXAMPLE.splitlines(), changed.splitlines(), strict=True) if old != new]
    assert differing == [
        ("# STORAGE_PROVIDER=", "STORAGE_PROVIDER=scaleway"),
        ("# AWS_S3_REGION_NAME=", "AWS_S3_REGION_NAME=fr-par"),
    ]


@pytest.mark.parametrize(
    "value", ["plain", "a b", "it's", 'say "so"', "back\\slash", "$HOME ${HOME} `id` $(id)", "#no"]
)
def test_a_value_means_itself_whatever_is_in_it(value, tmp_path):
    assert read_back(with_values("", {"EMAIL_FROM": value}), "EMAIL_FROM", tmp_path) == value


@given(
    value=st.text(st.characters(exclude_categories=("C", "Zl", "Zp")), min_size=1),
    before=st.text(alphabet="ABé=#'\"\\$ \n\r", max_size=40),
)
def test_whatever_stands_in_the_file_a_value_arrives_or_nothing_is_changed(value, before, tmp_path_factory):
    if value != value.strip():
        value = f"x{value}x"
    try:
        changed = with_values(before, {"EMAIL_FROM": value})
    except CannotEdit:
        return
    assert read_back(changed, "EMAIL_FROM", tmp_path_factory.getbasetemp()) == value
    assert changed.replace("\r\n", "\n").endswith("\n")


@pytest.mark.parametrize("value", ["two\nlines", "a\0b", "\x1b[31m"])
def test_a_value_that_could_begin_another_line_is_refused(value):
    with pytest.raises(CannotEdit):
        quoted(value)


def test_the_file_becomes_its_owners_alone_and_leaves_nothing_beside_it(tmp_path):
    path = tmp_path / ".env"
    path.write_text("REGION=old\n")
    path.chmod(0o644)
    change(path, {"REGION": "new"})
    assert path.read_text() == "REGION=new\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert names_in(tmp_path) == [".env"]


def test_nobody_else_could_read_it_at_any_time(tmp_path, monkeypatch):
    """The new content is only ever in a file that was made for its owner alone, even where the umask is lax."""
    path = tmp_path / ".env"
    path.write_text("REGION=old\n")
    seen: list[int] = []
    replace = Path.replace

    def look_first(draft: Path, target: Path) -> Path:
        seen.append(stat.S_IMODE(draft.stat().st_mode))
        return replace(draft, target)

    monkeypatch.setattr(Path, "replace", look_first)
    before = os.umask(0)
    try:
        change(path, {"REGION": "new"})
    finally:
        os.umask(before)
    assert seen == [0o600]


def test_an_interrupted_change_leaves_the_file_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / ".env"
    path.write_text("REGION=old\n")

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", stop)
    with pytest.raises(KeyboardInterrupt):
        change(path, {"REGION": "new"})
    assert path.read_text() == "REGION=old\n"
    assert names_in(tmp_path) == [".env"]


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    real = tmp_path / "elsewhere" / "settings.env"
    real.write_text("REGION=old\n")
    link = tmp_path / ".env"
    link.symlink_to(real)
    change(link, {"REGION": "new"})
    assert link.is_symlink()
    assert real.read_text() == "REGION=new\n"


def test_bytes_that_are_no_text_are_left_alone(tmp_path):
    path = tmp_path / ".env"
    path.write_bytes(b"REGION=\xff\xfe\n")
    with pytest.raises(CannotEdit):
        change(path, {"REGION": "new"})
    assert path.read_bytes() == b"REGION=\xff\xfe\n"
