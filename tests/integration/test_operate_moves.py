"""USE_S3 edited and loaded: who asks for a move by that, who does not, and where links lead on the way."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import signal
import sqlite3
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from external_storage.django.names import GUARD_KEY
from tests.instance import Instance, Prober, Visitor, ask, new_instance
from tests.instance.moved import look_back, traffic_at
from tests.instance.web import Answer, answer_of
from tests.servers import Bucket
from tests.servers.s3 import S3Server
from tests.servers.seaweedfs import seaweedfs


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with seaweedfs() as server:
        yield server


@pytest.fixture(scope="module")
def bucket(server: S3Server) -> Bucket:
    return server.make_bucket()


@pytest.fixture(scope="module")
def site(server: S3Server, bucket: Bucket) -> Iterator[Instance]:
    """A running site with pictures on its disk, which knows a bucket."""
    with new_instance() as instance:
        instance.write_env()
        instance.use_bucket(server, bucket)
        instance.set(STORAGE_DEADLINE="2")
        instance.start()
        instance.run("./bw-dev demo --books 5")
        yield instance


def where(site: Instance) -> dict[str, dict]:
    status = json.loads(site.run("./bw-dev status --json").printed)
    return {each["alias"]: each for each in status["files"]}


def stores(site: Instance) -> dict[str, str]:
    return {alias: each["active"] for alias, each in where(site).items()}


ON_DISK = {"default": "disk", "staticfiles": "static-disk"}
IN_BUCKET = {"default": "bucket", "staticfiles": "static-bucket"}


@pytest.fixture(scope="module")
def second_host(site: Instance) -> Path:
    """The `.env` of another host that serves the same site and says that files are in the bucket."""
    other = site.root / "other.env"
    shutil.copy(site.env_file, other)
    other.write_text(other.read_text().replace("USE_S3=false", "USE_S3=true"))
    return other


def test_a_host_whose_settings_disagree_changes_nothing_and_says_so(site, second_host):
    told = site.run(f"BOOKWYRM_ENV_FILE={second_host} ./bw-dev manage moves show").printed
    assert "in 'disk'" in told
    assert "but the database decides" in told
    assert "./bw-dev storage_move default bucket" in told
    assert [each["target"] for each in where(site).values()] == ["", ""]


def test_loading_settings_in_which_nothing_was_edited_asks_for_no_move(site):
    assert "The files go" not in site.run("./bw-dev up -d").printed
    assert stores(site) == ON_DISK


@pytest.fixture(scope="module")
def moved(site: Instance, second_host: Path) -> Prober:
    """The site in the bucket. Its worker was killed on the way."""
    old_page = Visitor(site.url).get("/")
    with Prober(f"{site.url}/", *old_page.stylesheets[:1], *old_page.pictures[:2]) as prober:
        site.set(USE_S3="true")
        assert "The files go to the bucket now" in site.run("./bw-dev up -d").printed
        kill_worker(site)
        site.run("./bw-dev status --wait")
    return prober


def kill_worker(site: Instance) -> None:
    os.kill(running(site, "worker"), signal.SIGKILL)


def running(site: Instance, name: str) -> int:
    """Return the process of that name, as `status` tells it."""
    status = json.loads(site.run("./bw-dev status --json").printed)
    (process,) = (one for one in status["processes"] if one["name"] == name and one["state"] == "running")
    return process["pid"]


def test_the_move_goes_on_in_the_next_worker_and_no_request_fails(site, moved):
    assert stores(site) == IN_BUCKET
    assert moved.failures == []
    assert moved.answered > 50


def test_afterwards_pages_name_the_bucket_alone(site, moved, bucket):
    page = Visitor(site.url).get("/")
    assert all(url.startswith(bucket.public_url) for url in [*page.pictures, *page.stylesheets])
    policy = ask(f"{site.url}/").headers["content-security-policy"]
    assert bucket.public_url.partition("//")[2].partition("/")[0] in policy


def test_a52_an_old_link_leads_to_the_bucket_for_an_hour_and_no_other_path_does(site, moved, bucket):
    key = next(key for key in site.media_files() if key.startswith("covers/"))
    answer = ask_once(f"{site.url}/images/{key}")
    assert answer.status == 302
    assert answer.headers["location"] == f"{bucket.public_url}/images/{key}"
    assert answer.headers["cache-control"] == "public, max-age=3600"
    for path in ("/images/backup.zip", "/images/../.env", "/images/%2e%2e/.env", "/images//etc/passwd"):
        assert ask_once(site.url + path).status in (400, 404), path


class _Stays(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


def ask_once(url: str) -> Answer:
    """Ask, and follow nothing."""
    try:
        with urllib.request.build_opener(_Stays).open(url, timeout=20) as answer:
            return answer_of(answer)
    except urllib.error.HTTPError as answer:
        with answer:
            return answer_of(answer)


def test_static_files_of_pages_rendered_before_are_still_there(site, moved):
    manifest = json.loads((site.root / ".bw" / "static" / "staticfiles.json").read_text())
    assert ask(f"{site.url}/static/{manifest['paths']['css/site.css']}").status == 200


def test_a_database_from_before_the_move_is_refused(site, moved, tmp_path):
    saved = site.root / ".bw" / "site-moving.sqlite3"
    site.run("./bw-dev down")
    shutil.copy(saved, tmp_path / "newest")
    with sqlite3.connect(saved) as database:
        database.execute("UPDATE external_storage_aliasstate SET epoch = 1, step = 'settled'")
    database.close()
    told = site.run("./bw-dev up -d", expect=None)
    assert told.exit_code == 2
    assert "The database is older than the files" in told.printed
    assert "./bw-dev storage_adopt" in told.printed
    shutil.copy(tmp_path / "newest", saved)
    site.run("./bw-dev up -d")


def test_a_change_of_mind_leads_back_and_nothing_is_lost_whoever_is_killed_on_the_way(site, moved, bucket):
    with traffic_at(site, people=3, readers=1, reads_per_second=8, changes_per_second=8) as traffic:
        site.set(USE_S3="false")
        site.run("./bw-dev up -d")
        kill_all(children_of(running(site, "web")))
        kill_all(carriers_of(site, patience=10))
        site.set(USE_S3="true")
        site.run("./bw-dev up -d")
        kill_all(carriers_of(site, patience=10))
        kill_all(children_of(running(site, "web"))[:1])
        site.run("./bw-dev status --wait")
    assert stores(site) == IN_BUCKET
    # Whoever was being answered by a process that was killed got no answer; nothing else may have come of it.
    assert [error for error in traffic.errors if not isinstance(error, (OSError, http.client.HTTPException))] == []
    counts = look_back(site, traffic, [bucket])
    assert (counts.lost, counts.wrong_bytes, counts.came_back) == ([], [], [])
    assert min(counts.done[what] for what in ("uploaded", "replaced", "deleted")) > 0


def kill_all(processes: list[int]) -> None:
    """Kill the processes without a warning; there has to be one."""
    assert processes
    for process in processes:
        os.kill(process, signal.SIGKILL)


@pytest.fixture(scope="module")
def home(site: Instance, moved: Prober) -> Prober:
    site.set(USE_S3="false")
    with Prober(f"{site.url}/") as prober:
        site.run("./bw-dev up -d")
        site.run("./bw-dev status --wait")
    return prober


def test_a52_the_way_home_is_one_line_and_old_links_are_files_again(site, home):
    assert stores(site) == ON_DISK
    assert home.failures == []
    key, data = next((key, data) for key, data in site.media_files().items() if key.startswith("covers/"))
    answer = ask_once(f"{site.url}/images/{key}")
    assert (answer.status, answer.body) == (200, data)
    assert "127.0.0.1" not in ask(f"{site.url}/").headers["content-security-policy"]


def test_pictures_go_where_storage_url_says_and_come_home(site, home, tmp_path):
    (tmp_path / "container").mkdir()
    files = {key: data for key, data in site.media_files().items() if key != GUARD_KEY}
    site.set(STORAGE_URL=f"libcloud+local://container/images?user={tmp_path}", USE_STORAGE_URL="true")
    with Prober(f"{site.url}/") as prober:
        site.run("./bw-dev up -d")
        site.run("./bw-dev status --wait")
        assert stores(site) == ON_DISK | {"default": "elsewhere"}
        kept = {
            path.relative_to(tmp_path / "container/images").as_posix(): path.read_bytes()
            for path in (tmp_path / "container/images").rglob("*")
            if path.is_file()
        }
        assert files.items() <= kept.items()
        key, data = next((key, data) for key, data in files.items() if key.startswith("covers/"))
        assert ask_once(f"{site.url}/images/{key}").body == data
        site.set(USE_STORAGE_URL="false")
        site.run("./bw-dev up -d")
        site.run("./bw-dev status --wait")
    assert stores(site) == ON_DISK
    assert prober.failures == []


def test_a_first_start_with_use_s3_leaves_the_files_where_they_are(site, home, server):
    """The host has never loaded USE_S3=false as far as it knows, and the database says nothing either."""
    site.run("./bw-dev down")
    for file in ("use-s3-loaded", "site-moving.sqlite3", "site-moving.sqlite3-wal", "site-moving.sqlite3-shm"):
        (site.root / ".bw" / file).unlink(missing_ok=True)
    forget_who_it_is(site)
    site.use_bucket(server, server.make_bucket())
    site.set(USE_S3="true", STORAGE_URL="")  # that store would remember, too
    assert "The files go" not in site.run("./bw-dev restart").printed
    assert stores(site) == ON_DISK
    assert "but the database decides" in site.run("./bw-dev status").printed


def forget_who_it_is(site: Instance) -> None:
    """Remove the object by which the folders tell whose they are, as from a folder that was never part of a move."""
    for folder in (site.images, site.root / ".bw" / "static"):
        (folder / GUARD_KEY).unlink(missing_ok=True)


def test_with_redis_the_celery_worker_makes_the_move(server, redis_server):
    with new_instance() as site:
        site.write_env()
        site.use_bucket(server, server.make_bucket())
        site.set(STORAGE_DEADLINE="1", REDIS_URL=redis_server)
        site.start()
        site.run("./bw-dev demo --books 3")
        site.set(USE_S3="true")
        site.run("./bw-dev up -d")
        site.run("./bw-dev status --wait")
        assert stores(site) == IN_BUCKET
        assert "celery@" in site.run("cat .bw/logs/*.log").printed
        site.run("./bw-dev down")
        assert carriers_of(site) == []


def carriers_of(site: Instance, *, patience: float = 0.0) -> list[int]:
    """Return the processes of the site that carry files, once there is one or *patience* seconds are over."""

    def carries(process: Path) -> bool:
        command = (process / "cmdline").read_bytes()
        return b"carry_files" in command and str(site.root).encode() in command

    until = time.monotonic() + patience
    while not (found := processes_that(carries)) and time.monotonic() < until:
        time.sleep(0.2)
    return found


def children_of(parent: int) -> list[int]:
    return processes_that(lambda process: int((process / "stat").read_text().rpartition(")")[2].split()[1]) == parent)


def processes_that(answer: Callable[[Path], bool]) -> list[int]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            if answer(process):
                found.append(int(process.name))
    return found
