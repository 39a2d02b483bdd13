"""The product alone: a site that `startproject` made, which knows nothing of this one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import urllib3

import external_storage
from tests.servers.web import answering

CHECKOUT = Path(external_storage.__file__).parents[1]

SETTINGS = """
import os
INSTALLED_APPS = ["external_storage.django", *INSTALLED_APPS]
STATIC_ROOT = BASE_DIR / "collected"
EXTERNAL_STORAGE = {
    "STORES": {
        "disk": {"KIND": "local", "ROOT": BASE_DIR / "media", "PUBLIC_URL": "/media/"},
        "bucket": {
            "KIND": "s3",
            "BUCKET": os.environ["BUCKET"],
            "PREFIX": "images/",
            "REGION": os.environ["REGION"],
            "ENDPOINT_URL": os.environ["ENDPOINT_URL"],
            "ACCESS_KEY_ID": os.environ["ACCESS_KEY_ID"],
            "SECRET_ACCESS_KEY": os.environ["SECRET_ACCESS_KEY"],
        },
    },
    "ALIASES": {
        "default": {
            "ACTIVE": os.environ["ACTIVE"],
            "STORES": ["disk", "bucket"],
            "PUBLISHING_RULE": "mysite.files.may_publish",
        },
    },
    "SITE_ORIGINS": ["http://www.example.org"],
}
STORAGES = {
    "default": {"BACKEND": "external_storage.django.backends.SiteStorage", "OPTIONS": {"alias": "default"}},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"},
}
"""
RULE = """
from external_storage.objects import Headers, HoldBack, Publish

def may_publish(key, first_bytes):
    return Publish(Headers("text/plain", "no-cache", True)) if key.endswith(".txt") else HoldBack("Only text.")
"""


@pytest.fixture
def manage(s3_server, tmp_path):
    """Run ``manage.py`` of a fresh project; *active* is the store in use."""
    bucket = s3_server.make_bucket()
    subprocess.run([sys.executable, "-m", "django", "startproject", "mysite", tmp_path], check=True)
    with (tmp_path / "mysite" / "settings.py").open("a") as settings:
        settings.write(SETTINGS)
    (tmp_path / "mysite" / "files.py").write_text(RULE)
    (tmp_path / "media").mkdir()
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(CHECKOUT),
        "BUCKET": bucket.name,
        "REGION": s3_server.region,
        "ENDPOINT_URL": s3_server.endpoint_url,
        "ACCESS_KEY_ID": s3_server.access_key_id,
        "SECRET_ACCESS_KEY": s3_server.secret_access_key,
    }

    def start(*arguments: str, active: str = "disk", **changed: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "manage.py", *arguments],
            cwd=tmp_path,
            env=environment | {"ACTIVE": active} | changed,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def manage(*arguments: str, **options: str) -> subprocess.CompletedProcess[str]:
        process = start(*arguments, **options)
        out, err = process.communicate()
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    manage.bucket, manage.media, manage.start = bucket, tmp_path / "media", start
    return manage


@pytest.mark.parametrize("command", ["copy_media_to_s3", "check_storage", "set_cors_to_s3"])
def test_ctrl_c_ends_a_command_with_a_sentence_and_no_traceback(manage, command):
    with answering(lambda peer, head: time.sleep(30)) as silent:
        process = manage.start(command, ENDPOINT_URL=silent.url(""))
        while not silent.requests:
            time.sleep(0.05)
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "run the same command again" in err
    assert "Traceback" not in err


def test_a_plain_site_moves_its_files_with_three_settings(manage):
    assert manage("migrate").returncode == 0
    assert manage("check").returncode == 0
    (manage.media / "a.txt").write_text("hello")
    (manage.media / "private.zip").write_text("PK")
    copied = manage("copy_media_to_s3")
    assert copied.returncode == 0, copied.stdout + copied.stderr
    assert "Only text." in copied.stdout
    link = manage(
        "shell",
        "-c",
        "from django.core.files.storage import default_storage as s; print(s.url('a.txt'))",
        active="bucket",
    )
    answer = urllib3.request("GET", link.stdout.split()[-1])
    assert (answer.data, answer.headers["Content-Type"], answer.headers["Cache-Control"]) == (
        b"hello",
        "text/plain",
        "no-cache",
    )
    assert manage("set_cors_to_s3").returncode == 0
    checked = manage("check_storage", active="bucket")
    assert checked.returncode == 0, checked.stdout
    assert manage.bucket.keys_under() == ["images/a.txt"]


def test_its_own_way_with_static_files_is_left_to_it(manage):
    for _ in range(2):
        collected = manage("collectstatic", "--noinput")
        assert collected.returncode == 0, collected.stderr
    assert "unmodified" in collected.stdout
    assert manage.bucket.keys_under() == []
