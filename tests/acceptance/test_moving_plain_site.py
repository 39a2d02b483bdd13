"""The wheel alone, in a site that `startproject` made: three settings, and its files move."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.instance import ask
from tests.instance.instance import copy_of_the_tree
from tests.servers import Bucket, S3Server

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "settings.md"
RULE = """
from external_storage.objects import Headers, HoldBack, Publish

def may_publish(key, first_bytes):
    return Publish(Headers("text/plain", "no-cache", True)) if key.endswith(".txt") else HoldBack("Only text.")
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the tree, which a build leaves things in."""
    tree, made = tmp_path_factory.mktemp("tree"), tmp_path_factory.mktemp("wheel")
    copy_of_the_tree(tree)
    run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(made), str(tree)], made)
    (built,) = made.glob("*.whl")
    return built


@dataclass
class PlainSite:
    """A project with nothing of this checkout but the wheel."""

    folder: Path
    python: Path
    environment: dict[str, str]

    def manage(self, *arguments: str) -> str:
        return run([str(self.python), "manage.py", *arguments], self.folder, self.environment)

    def shell(self, code: str) -> list[str]:
        """Return the lines that *code* prints, with ``storage`` at hand."""
        prepared = "from django.core.files.storage import default_storage as storage\n"
        prepared += "from django.core.files.base import ContentFile\n"
        return self.manage("shell", "-c", prepared + code).strip().splitlines()


def run(command: list[str], folder: Path, environment: dict[str, str] | None = None) -> str:
    finished = subprocess.run(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=180
    )
    assert finished.returncode == 0, f"{' '.join(command)}\n{finished.stdout}{finished.stderr}"
    return finished.stdout


@pytest.fixture(params=["", "Django~=4.2.0"], ids=["django-5.2", "django-4.2"])
def site(request: pytest.FixtureRequest, tmp_path: Path, wheel: Path, seaweedfs: S3Server) -> Iterator[PlainSite]:
    """A fresh project, on the Django of this environment or on the oldest one that the wheel promises to run on."""
    python = environment_with(tmp_path / "venv", str(wheel), *([request.param] if request.param else []))
    folder = tmp_path / "project"
    folder.mkdir()
    run([str(python), "-m", "django", "startproject", "mysite", str(folder)], tmp_path)
    with (folder / "mysite" / "settings.py").open("a") as settings:
        settings.write(settings_of_the_reference(seaweedfs, seaweedfs.make_bucket(public=("media/",))))
    (folder / "mysite" / "files.py").write_text(RULE)
    (folder / "media").mkdir()
    credentials = {"ACCESS_KEY_ID": seaweedfs.access_key_id, "SECRET_ACCESS_KEY": seaweedfs.secret_access_key}
    made = PlainSite(folder, python, {"PATH": os.environ["PATH"], **credentials})
    expected = "4.2" if request.param else "5.2"
    assert made.shell("import django; print(django.__version__)")[-1].startswith(expected)
    made.manage("migrate", "-v0")
    yield made


def environment_with(folder: Path, *packages: str) -> Path:
    """Return the Python of a new environment that has *packages*, and this environment's for what those need."""
    run([sys.executable, "-m", "venv", "--without-pip", str(folder)], folder.parent)
    python = folder / "bin" / "python"
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(python),
        "install",
        "--quiet",
        "--no-deps",
        "--no-warn-conflicts",
    ]
    run([*pip, *packages], folder)
    (own,) = (folder / "lib").glob("python3*/site-packages")
    (own / "rest.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


def settings_of_the_reference(server: S3Server, bucket: Bucket) -> str:
    """Return the settings that the reference begins with, for a bucket on this machine."""
    text = re.search(r"```python\n(INSTALLED_APPS.*?)```", REFERENCE.read_text(), flags=re.DOTALL)[1]
    text = text.replace('"external_storage.django", ..., "django.contrib.staticfiles"', '"external_storage.django"')
    text = re.sub(
        r"^INSTALLED_APPS = .*$",
        'INSTALLED_APPS = ["external_storage.django", *INSTALLED_APPS]',
        text,
        flags=re.MULTILINE,
    )
    for there, here in {
        '"my-files"': repr(bucket.name),
        '"fr-par"': repr(server.region),
        '"https://s3.fr-par.scw.cloud"': repr(server.endpoint_url),
        # Of time alone there is too little here: each step waits for it.
        "EXTERNAL_STORAGE = {": 'EXTERNAL_STORAGE = {"DEADLINE": 1,',
    }.items():
        assert there in text, there
        text = text.replace(there, here)
    return "import os\n" + text


def test_its_files_move_to_a_bucket_with_three_settings(site):
    (site.folder / "media" / "a.txt").write_text("from before")
    site.shell("storage.save('b.txt', ContentFile(b'through the storage'))")

    moved = site.manage("storage_move", "default", "bucket", "--settle")
    assert "The files of 'default' are in 'bucket'." in moved
    urls = site.shell(
        "storage.save('c.txt', ContentFile(b'in the bucket'))\n"
        "storage.delete('b.txt')\n"
        "print(*map(storage.url, ['a.txt', 'b.txt', 'c.txt']))"
    )[-1].split()
    assert [(answer.status, answer.body) for answer in map(ask, (urls[0], urls[2]))] == [
        (200, b"from before"),
        (200, b"in the bucket"),
    ]
    assert ask(urls[1]).status in (403, 404)
    assert ask(urls[0]).headers["cache-control"] == "no-cache"
    assert {path.name for path in (site.folder / "media").glob("*.txt")} == {"a.txt", "b.txt"}
