"""The page to watch the storage on: who may see it, what it says, and what its buttons do."""

from __future__ import annotations

import html
import re
import time
from pathlib import Path

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission

from bookwyrm.models import User
from external_storage.django import looking, reports
from external_storage.django.moving import database, ladder, marks, requests
from external_storage.django.moving.journey import move
from external_storage.django.moving.locks import only_one
from external_storage.django.moving.state import Step, fresh_state_of
from external_storage.errors import StorageError
from external_storage.health.findings import failure, ok
from tests import pictures, site
from tests.servers.web import answering

pytestmark = pytest.mark.django_db(transaction=True)

PAGE = "/admin/storage/"
ORIGIN = "https://books.test"


@pytest.fixture
def folders(settings, tmp_path) -> Path:
    """A site with two folders as its stores, so that it can be moved without a server."""
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
    stores = {
        name: {"KIND": "local", "ROOT": tmp_path / name, "PUBLIC_URL": f"{ORIGIN}/{name}/"} for name in ("old", "new")
    }
    settings.EXTERNAL_STORAGE = {
        "STORES": {**stores, "static": {"KIND": "local", "ROOT": tmp_path / "static", "PUBLIC_URL": "/static/"}},
        "ALIASES": {
            "default": {
                "ACTIVE": "old",
                "STORES": ["old", "new"],
                "PUBLISHING_RULE": "bookwyrm.images.publishing.may_publish",
            },
            "staticfiles": {"ACTIVE": "static"},
        },
        "SITE_ORIGINS": [ORIGIN],
        "STATE_DIR": tmp_path / "state",
        "DEADLINE": 0.1,
    }
    settings.STORAGES = dict(settings.STORAGES)
    yield tmp_path
    for table in ("aliasstate", "mark", "move", "reservedname"):
        database.run(f"DELETE FROM external_storage_{table}")


def staff(*permissions: str) -> User:
    person = site.person("keeper")
    person.is_staff = True
    person.save()
    person.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return person


@pytest.fixture
def keeper(folders):
    """A browser of somebody on the staff who may watch the storage, and move it."""
    return site.visitor(staff("view_aliasstate", "change_aliasstate"))


def page(browser) -> str:
    answer = browser.get(PAGE)
    assert answer.status_code == 200
    return answer.content.decode()


# Who may see it


def test_a_stranger_is_asked_to_sign_in(folders):
    assert site.visitor().get(PAGE)["Location"].startswith("/admin/login/")


def test_a_reader_is_sent_away(folders):
    assert site.visitor(site.person()).get(PAGE)["Location"].startswith("/admin/login/")


def test_a30_staff_without_the_permission_see_nothing_of_it(folders):
    answer = site.visitor(staff("view_user")).get(PAGE)
    assert answer.status_code == 403
    assert str(folders) not in answer.content.decode()


def test_who_may_only_watch_has_no_buttons_and_may_not_press_them(folders):
    browser = site.visitor(staff("view_aliasstate"))
    assert "default/mirror/" not in page(browser)
    assert browser.get(f"{PAGE}default/mirror/").status_code == 403
    assert browser.post(f"{PAGE}default/mirror/", {"confirmation": "default", "target": "new"}).status_code == 403
    assert fresh_state_of("default").step is Step.SETTLED


def test_the_index_of_the_admin_leads_to_it(keeper):
    assert "/admin/external_storage/aliasstate/" in keeper.get("/admin/").content.decode()
    assert keeper.get("/admin/external_storage/aliasstate/")["Location"] == PAGE


# What it says


def test_it_shows_each_alias_with_its_stores_and_which_is_in_use(keeper, folders):
    text = page(keeper)
    for shown in ("default", "staticfiles", f"file://{folders}/old", f"file://{folders}/new", "in use", "not in use"):
        assert shown in text
    assert "All files are in one store." in text
    assert "data-live" not in text


def test_it_shows_the_last_report_the_worst_first(keeper):
    assert "Nobody has looked yet." in page(keeper)
    reports.keep([ok("store.answers", "It answers."), failure("access.listing", "Anybody can list.", "Close it.")])
    text = page(keeper)
    assert text.index("Anybody can list.") < text.index("It answers.")
    assert "Close it." in text
    assert "1 question answered well" in text


def test_looking_again_happens_in_the_background_and_counts_what_is_where(keeper, folders):
    (folders / "old" / "covers").mkdir()
    (folders / "old" / "covers" / "a.png").write_bytes(b"12345")
    answer = keeper.post(f"{PAGE}look/")
    assert answer["Location"] == PAGE
    wait_for(lambda: not looking.is_looking())
    text = page(keeper)
    assert "Last looked at" in text
    assert "1 file, 5" in text
    assert "covers: 1" in text
    assert LogEntry.objects.filter(change_message="storage_doctor").count() == 1


def test_after_a_move_the_count_is_new_and_a_report_of_before_says_so(keeper, folders):
    (folders / "old" / "a.png").write_bytes(pictures.encoded("PNG"))
    reports.keep([ok("store.answers", "It answers.")], counted=looking.counts_of("default"))
    assert "look again" not in page(keeper)
    move("default", "new")
    text = page(keeper)
    assert text.count("1 file, ") == 2
    assert "Since then files have changed their place: look again." in text


def test_a29_a_get_does_not_begin_a_look(keeper):
    assert keeper.get(f"{PAGE}look/").status_code == 405
    assert not looking.is_looking()


def test_what_it_shows_of_a_move_that_was_asked_for(keeper):
    press(keeper, "move", target="new")
    requests.note_progress("default", requests.Progress("copy", "12 of 40, 3.1 MB/s, 9 s left", 0.3, ("'a.png': no.",)))
    text = page(keeper)
    for shown in ("Move to new", "Asked for by keeper", "12 of 40, 3.1 MB/s, 9 s left", "a.png", 'value="0.300"'):
        assert shown in text
    assert "data-live" in text
    assert '<meta http-equiv="refresh"' in text
    requests.note_finished("default")
    assert "It is over." in page(keeper)
    assert "<progress" not in page(keeper)


def test_which_part_of_the_way_a_move_is_at(keeper):
    press(keeper, "move", target="new")
    assert parts_of_the_way(keeper) == ["now Check", "later Copy and compare", "later Switch", "later Watch"]
    ladder.begin_mirroring("default", "new")
    assert parts_of_the_way(keeper) == ["done Check", "now Copy and compare", "later Switch", "later Watch"]
    requests.note_finished("default")
    assert parts_of_the_way(keeper) == []


def parts_of_the_way(client):
    parts = re.findall(r'<li class="storage-(done|now|later)"[^>]*>([^<]*)', page(client))
    return [" ".join(part) for part in parts]


def test_open_marks_are_named_with_what_keeps_them(keeper):
    press(keeper, "mirror", target="new")
    touch = marks.begin("default", "covers/a.png")
    text = page(keeper)
    assert "1 change has not reached its store yet" in text
    assert "covers/a.png" in text
    marks.end(touch)


def test_it_is_in_french_for_those_who_read_french(keeper):
    text = keeper.get(PAGE, headers={"accept-language": "fr"}).content.decode()
    for shown in ("Stockage", "Tous les fichiers sont dans un seul endroit.", "utilisé", "Regarder à nouveau"):
        assert shown in text


def in_french(browser, path: str = PAGE, **posted: str) -> str:
    """Return what can be read on a page for somebody who reads French, but for names and code."""
    headers = {"accept-language": "fr"}
    answer = browser.post(path, posted, headers=headers) if posted else browser.get(path, headers=headers)
    main = answer.content.decode().partition('<main id="content-start"')[2].partition("</main>")[0]
    told = re.sub(r"<(code|style|script)\b.*?</\1>", " ", main, flags=re.DOTALL)
    return html.unescape(re.sub(r"<[^>]*>", " ", told))


def english_in(told: str) -> list[str]:
    """Return the English words of *told*, but for the names of commands and settings."""
    words = re.findall(r"(?<![\w./-])[A-Za-z’]+(?![\w./-])", re.sub(r"storage_\w+|'[^']*'|file://\S+", " ", told))
    return [word for word in words if word.lower() in ENGLISH.split()]


ENGLISH = """
the an of and or is are was were be been not no to from for with in at by this that it its there what which file files
bucket key wait run check make give left done ago yet has have had could may should
"""


def test_a_move_is_told_in_french_with_all_that_is_in_its_way(keeper, folders):
    assert english_in(in_french(keeper)) == []
    (folders / "old" / "covers").mkdir()
    (folders / "old" / "covers" / "a.png").write_bytes(pictures.encoded("PNG"))
    press(keeper, "mirror", target="new")
    told = in_french(keeper)
    assert "des processus peuvent encore suivre la précédente. Attendez" in told
    (folders / "new" / "covers").write_bytes(b"no folder")
    touch = marks.begin("default", "covers/a.png")
    marks.end(touch)
    marks.drain("default")
    told = in_french(keeper)
    assert "Une partie de 'covers/a.png' est un fichier dans" in told
    with pytest.raises(StorageError):
        move("default", "new", asked_by="keeper", patience=0.1, sleep=lambda seconds: None)
    told += in_french(keeper)
    assert re.search(r"(Refléter|Passer à l’autre|Copie)\s", told)
    assert english_in(told) == []


def test_a_refused_step_and_a_store_that_cannot_be_counted_are_told_in_french(keeper, folders):
    (folders / "new").rmdir()
    looking.look_in_background()
    wait_for(lambda: not looking.is_looking())
    told = in_french(keeper) + in_french(keeper, f"{PAGE}default/mirror/", confirmation="default", target="new")
    assert "n’existe pas" in told
    assert english_in(told) == []


def test_nothing_on_it_is_kept_by_a_browser_or_a_proxy(keeper):
    assert "no-store" in keeper.get(PAGE)["Cache-Control"]


# Its buttons


def press(browser, action: str, *, confirmation: str = "default", **fields: str):
    return browser.post(f"{PAGE}default/{action}/", {"confirmation": confirmation, **fields})


def test_a29_a_step_is_explained_and_confirmed_before_it_is_taken(keeper):
    asked = keeper.get(f"{PAGE}default/mirror/").content.decode()
    assert "every change is carried to the other store too" in asked
    assert "<option>new</option>" in asked
    assert fresh_state_of("default").step is Step.SETTLED
    for refused in (press(keeper, "mirror", confirmation="", target="new"), press(keeper, "mirror", target="tape")):
        assert refused.status_code == 422
    assert fresh_state_of("default").step is Step.SETTLED
    assert press(keeper, "mirror", target="new").status_code == 302
    state = fresh_state_of("default")
    assert (state.step, state.standby) == (Step.MIRRORING, "new")
    text = page(keeper)
    assert "kept in step" in text
    assert "Links point at the old one." in text


def test_a32_whatever_address_is_sent_for_a_store_is_refused_and_not_asked(keeper):
    with answering(lambda peer, head: None) as inside:
        for action in ("mirror", "move"):
            for target in (f"http://{inside.host}/", f"sftp://{inside.host}/", "file:///etc"):
                assert press(keeper, action, target=target, endpoint_url=f"http://{inside.host}/").status_code == 422
        assert inside.requests == []
    assert fresh_state_of("default").step is Step.SETTLED
    assert not requests.open_requests()


def test_each_step_is_written_down_with_who_took_it(keeper):
    press(keeper, "mirror", target="new")
    entry = LogEntry.objects.get(object_id="default")
    assert entry.user.username == "keeper"
    assert entry.change_message.startswith("mirror new: now mirroring, epoch ")


def test_a_step_that_may_not_be_taken_yet_says_why_and_changes_nothing(keeper, settings):
    settings.EXTERNAL_STORAGE = {**settings.EXTERNAL_STORAGE, "DEADLINE": 30.0}
    press(keeper, "mirror", target="new")
    refused = press(keeper, "stop")
    assert refused.status_code == 422
    assert "began only a moment ago" in refused.content.decode()
    assert fresh_state_of("default").step is Step.MIRRORING
    assert LogEntry.objects.filter(change_message__startswith="stop : refused.").count() == 1


def test_the_way_back_is_there_from_the_first_step(keeper):
    press(keeper, "mirror", target="new")
    time.sleep(2.2)  # everybody goes by the new step after two seconds and the deadline
    assert press(keeper, "stop").status_code == 302
    assert fresh_state_of("default").step is Step.SETTLED


def test_a_move_is_asked_for_followed_and_asked_back(keeper, folders):
    """The page asks; the site's worker, here the test itself, carries it out."""
    (folders / "old" / "covers").mkdir()
    picture = pictures.encoded("PNG")
    (folders / "old" / "covers" / "a.png").write_bytes(picture)
    for action, target in (("move", "new"), ("back", "old")):
        assert press(keeper, action, target=target).status_code == 302
        (asked,) = requests.open_requests()
        assert (asked.target, asked.asked_by) == (target, "keeper")
        move("default", asked.target)
        assert fresh_state_of("default").active == target
        assert f"Move to {target}" in page(keeper)
        assert "It is over." in page(keeper)
    assert (folders / "new" / "covers" / "a.png").read_bytes() == picture


def test_static_files_are_moved_and_not_mirrored(keeper, settings, folders):
    found = settings.EXTERNAL_STORAGE
    other = {"KIND": "local", "ROOT": folders / "static-new", "PUBLIC_URL": "/static-new/"}
    settings.EXTERNAL_STORAGE = {
        **found,
        "STORES": {**found["STORES"], "static-new": other},
        "ALIASES": {**found["ALIASES"], "staticfiles": {"ACTIVE": "static", "STORES": ["static", "static-new"]}},
    }
    text = page(keeper)
    assert "staticfiles/move/" in text
    assert "staticfiles/mirror/" not in text


def test_stopping_what_another_process_is_moving_is_refused(keeper):
    press(keeper, "mirror", target="new")
    with only_one("default"):
        refused = press(keeper, "stop")
    assert refused.status_code == 422
    assert fresh_state_of("default").step is Step.MIRRORING


def test_a_step_that_is_none_from_here_is_not_found(keeper):
    for path in ("default/settle/", "default/purge/", "nothing/mirror/"):
        assert keeper.get(PAGE + path).status_code == 404


def test_a29_a_post_from_another_site_is_refused(folders):
    browser = site.visitor(staff("view_aliasstate", "change_aliasstate"))
    browser.handler.enforce_csrf_checks = True
    assert press(browser, "mirror", target="new").status_code == 403
    assert browser.post(f"{PAGE}look/").status_code == 403
    assert fresh_state_of("default").step is Step.SETTLED


def wait_for(happened, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.05)
