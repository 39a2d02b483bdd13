"""The life of a picture: stored, shown, replaced, removed; and what is left when something fails on the way."""

from __future__ import annotations

import re

import pytest
from django.core.files.base import ContentFile
from django.core.management import call_command
from django.db import transaction
from django.template import Context, Template
from django_tasks.backends.base import BaseTaskBackend

from bookwyrm.images import PictureRefused
from bookwyrm.images.fields import PictureNotStored, withdrawn_on_failure
from bookwyrm.images.keeping import make_thumbnails
from bookwyrm.images.publishing import may_publish, recognise
from bookwyrm.images.urls import picture_url
from bookwyrm.models import Edition, SiteSettings, User, Work
from external_storage.django.backends import SiteStorage
from external_storage.objects import HoldBack
from tests import pictures, site

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("media", "no_tries_yet")]

UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def with_cover(data: bytes | None = None, **fields) -> Edition:
    edition = site.book(**fields)
    edition.cover = site.upload(data)
    edition.save()
    return Edition.objects.get(pk=edition.pk)


def files_of(edition: Edition) -> set[str]:
    return {edition.cover.name, *(f"thumbnails/{edition.cover.name[:-4]}-{width}.webp" for width in (160, 320))}


def test_a_cover_is_stored_with_its_thumbnails_and_its_size(media):
    edition = with_cover()
    assert re.fullmatch(rf"covers/{UUID}\.png", edition.cover.name)
    assert (edition.cover_width, edition.cover_height, edition.cover_widths) == (400, 600, [160, 320])
    assert site.stored_files(media) == files_of(edition)


def test_every_stored_file_is_one_that_may_be_published(media):
    with_cover(pictures.encoded("JPEG", exif=pictures.telling_exif(6)))
    for key in site.stored_files(media):
        assert not isinstance(may_publish(key, (media / key).read_bytes()), HoldBack)


def test_whichever_way_a_picture_comes_its_bytes_are_made_anew(media):
    """The field itself is the door: a shell, an import or a new view cannot go around it."""
    person = site.person()
    person.avatar.save("../../evil.html", ContentFile(pictures.png_with_script()))
    (edition,) = Edition.objects.bulk_create(
        [Edition(work=Work.objects.create(title="A"), title="A", cover=site.upload(pictures.png_with_script()))]
    )
    for key in (person.avatar.name, edition.cover.name):
        assert key.endswith(".png")
        assert b"<script" not in (media / key).read_bytes()


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("data", [pictures.SCRIPT, b"", pictures.png_bomb()])
def test_what_is_no_picture_reaches_neither_storage_nor_database(media, data):
    edition = site.book()
    edition.cover = site.upload(data)
    with pytest.raises(PictureRefused):
        edition.save()
    assert Edition.objects.get(pk=edition.pk).cover == ""
    assert site.stored_files(media) == set()


# Replacing and deleting


def test_the_old_cover_and_its_thumbnails_go_when_a_new_one_comes(media):
    edition = with_cover()
    old = files_of(edition)
    edition.cover = site.upload(pictures.encoded("PNG", pictures.painting(500, 500)))
    edition.save()
    assert not old & site.stored_files(media)
    assert site.stored_files(media) == files_of(Edition.objects.get(pk=edition.pk))


def test_old_files_stay_until_the_commit_and_for_good_after_a_rollback(media):
    edition = with_cover()
    old = files_of(edition)
    with pytest.raises(ZeroDivisionError), withdrawn_on_failure(), transaction.atomic():
        edition.cover = site.upload()
        edition.save()
        assert old < site.stored_files(media)
        raise ZeroDivisionError
    assert site.stored_files(media) == old
    assert Edition.objects.get(pk=edition.pk).cover.name in old


def test_what_fails_after_the_commit_takes_no_file_away(media):
    edition = site.book()

    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), withdrawn_on_failure(), transaction.atomic():
        transaction.on_commit(lambda: None)
        edition.cover = site.upload()
        edition.save()
        transaction.on_commit(fail)
    assert Edition.objects.get(pk=edition.pk).cover.name in site.stored_files(media)


def test_a_new_file_is_taken_away_again_after_a_rollback(media):
    edition = site.book()
    with pytest.raises(ZeroDivisionError), withdrawn_on_failure(), transaction.atomic():
        edition.cover = site.upload()
        edition.save()
        assert site.stored_files(media)
        raise ZeroDivisionError
    assert site.stored_files(media) == set()


def test_a_cleared_cover_leaves_nothing_behind(media):
    edition = with_cover()
    edition.cover = ""
    edition.save()
    edition.refresh_from_db()
    assert (edition.cover_width, edition.cover_height, edition.cover_widths) == (None, None, [])
    assert site.stored_files(media) == set()


def test_a_picture_deleted_by_its_field_goes_the_same_way(media):
    edition = with_cover()
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        edition.cover.delete()
        raise ZeroDivisionError
    edition.refresh_from_db()
    assert site.stored_files(media) == files_of(edition)
    edition.cover.delete()
    assert site.stored_files(media) == set()
    assert Edition.objects.get(pk=edition.pk).cover == ""


def test_a_deleted_work_takes_the_covers_of_its_editions_with_it(media):
    edition = with_cover()
    other = with_cover()
    edition.work.delete()
    assert site.stored_files(media) == files_of(other)


def test_many_deleted_at_once_leave_nothing_behind(media):
    for _ in range(3):
        with_cover()
    Edition.objects.all().delete()
    assert site.stored_files(media) == set()


def test_a_file_that_another_row_uses_stays(media):
    edition = with_cover()
    Edition.objects.create(work=edition.work, title="The same cover", cover=edition.cover.name)
    kept = files_of(edition)
    edition.delete()
    assert site.stored_files(media) == kept


def test_a_file_that_a_row_of_another_model_uses_stays(media):
    edition = with_cover()
    SiteSettings.objects.update_or_create(pk=1, defaults={"logo": edition.cover.name})
    edition.delete()
    assert "covers" in {key.split("/")[0] for key in site.stored_files(media)}


def test_saving_other_fields_leaves_the_cover_alone(media):
    edition = with_cover()
    before = files_of(edition)
    edition.title = "Another title"
    edition.save()
    edition.save(update_fields=["subtitle"])
    edition.refresh_from_db()
    assert edition.cover_widths == [160, 320]
    assert site.stored_files(media) == before


# Thumbnails


def test_a_cover_replaced_while_its_thumbnails_were_made_keeps_none_of_them(media, settings, monkeypatch):
    edition = with_cover()
    old = edition.cover.name

    def replace_meanwhile(*args, **kwargs):
        monkeypatch.undo()
        fresh = Edition.objects.get(pk=edition.pk)
        fresh.cover = site.upload()
        fresh.save()
        return [160, 320]

    monkeypatch.setattr("bookwyrm.images.keeping.widths_for", replace_meanwhile)
    make_thumbnails("bookwyrm.edition", edition.pk, "cover", again=True)
    fresh = Edition.objects.get(pk=edition.pk)
    assert fresh.cover.name != old
    assert site.stored_files(media) == files_of(fresh)


def test_rebuilding_brings_back_lost_thumbnails(media, capsys):
    edition = with_cover()
    Edition.objects.update(cover_widths=[], cover_width=None)
    for key in files_of(edition) - {edition.cover.name}:
        (media / key).unlink()
    call_command("rebuild_thumbnails")
    assert site.stored_files(media) == files_of(edition)
    edition.refresh_from_db()
    assert (edition.cover_widths, edition.cover_width) == ([160, 320], 400)
    assert "1 pictures have 2 thumbnails." in capsys.readouterr().out


def test_rebuilding_leaves_good_thumbnails_alone_unless_told(media):
    edition = with_cover()
    thumbnail = media / sorted(files_of(edition) - {edition.cover.name})[0]
    thumbnail.write_bytes(b"stale")
    call_command("rebuild_thumbnails")
    assert thumbnail.read_bytes() == b"stale"
    call_command("rebuild_thumbnails", again=True)
    assert recognise(thumbnail.read_bytes()) == "image/webp"


@pytest.mark.parametrize("damage", ["missing", "cut short", "a page"])
def test_rebuilding_goes_on_after_a_file_that_is_damaged(media, damage, caplog):
    damaged, whole = with_cover(), with_cover()
    Edition.objects.update(cover_widths=[])
    original = media / damaged.cover.name
    match damage:
        case "missing":
            original.unlink()
        case "cut short":
            original.write_bytes(original.read_bytes()[:500])
            for key in files_of(damaged) - {damaged.cover.name}:
                (media / key).unlink()
        case "a page":
            original.write_bytes(pictures.SCRIPT)
    call_command("rebuild_thumbnails")
    whole.refresh_from_db()
    assert whole.cover_widths == [160, 320]
    assert damaged.cover.name in caplog.text


class AbsentQueue(BaseTaskBackend):
    """A queue whose server is away."""

    def enqueue(self, task, args, kwargs):
        raise ConnectionError("the queue is away")


def test_a_queue_that_is_away_costs_thumbnails_and_not_the_cover(settings, media, client, caplog):
    edition = site.book()
    client.force_login(site.person())
    settings.TASKS = {"default": {"BACKEND": f"{__name__}.AbsentQueue"}}
    assert client.post(f"/book/{edition.pk}/cover/", {"cover": site.upload()}).status_code == 302
    edition.refresh_from_db()
    assert edition.cover.name in client.get(f"/book/{edition.pk}/").content.decode()
    assert site.stored_files(media) == {edition.cover.name}
    assert "the queue is away" in caplog.text


# Showing


class CountingStorage(SiteStorage):
    """The site's storage; it notes each call that would be a request to a bucket."""

    calls: list[str] = []


def _counted(name: str):
    def method(self, *args, **kwargs):
        CountingStorage.calls.append(name)
        return getattr(SiteStorage, name)(self, *args, **kwargs)

    return method


for _name in ("_open", "_save", "exists", "size", "delete", "listdir", "get_modified_time"):
    setattr(CountingStorage, _name, _counted(_name))


def test_a_page_asks_the_storage_nothing(settings, media, client):
    edition = with_cover(isbn_13="9780261102217")
    reader = site.person()
    reader.avatar = site.upload()
    reader.save()
    SiteSettings.objects.update_or_create(pk=1, defaults={"name": "Ours", "logo": edition.cover.name})
    client.force_login(reader)
    client.post(f"/book/{edition.pk}/shelve/", {"shelf": "reading"})
    client.post(f"/book/{edition.pk}/review/", {"rating": "5", "text": "Good."})
    settings.STORAGES = settings.STORAGES | {
        "default": {**settings.STORAGES["default"], "BACKEND": f"{__name__}.CountingStorage"}
    }
    CountingStorage.calls.clear()
    for page in (
        "/",
        f"/book/{edition.pk}/",
        f"/book/{edition.pk}/edit/",
        f"/author/{edition.work.authors.get().pk}/",
        f"/user/{reader.username}/",
        f"/user/{reader.username}/shelves/",
        f"/user/{reader.username}/shelf/reading/",
        "/preferences/",
        "/search/?q=lighthouse",
        "/search.json?q=lighthouse",
        f"/book/{edition.pk}.json",
    ):
        answer = client.get(page)
        assert answer.status_code == 200, page
        assert b"covers/" in answer.content or b"avatars/" in answer.content, page
    assert CountingStorage.calls == []
    Edition.objects.get(pk=edition.pk).delete()
    Edition.objects.create(work=Work.objects.create(title="B"), title="B", cover=site.upload())
    assert "_save" in CountingStorage.calls, "the storage that counts is the one the site uses"


def shown(edition: Edition, arguments: str = "") -> str:
    return Template("{% load pictures %}{% picture book 'cover' " + arguments + " %}").render(
        Context({"book": edition})
    )


def test_a_picture_offers_its_sizes(settings):
    edition = with_cover()
    html = shown(edition, "sizes='10rem' class='cover' data_kind='book'")
    base = f"{settings.SITE_URL}/images"
    stem = edition.cover.name[:-4]
    for width in (160, 320):
        assert f"{base}/thumbnails/{stem}-{width}.webp {width}w" in html
    assert f"{base}/{edition.cover.name} 400w" in html
    for attribute in ('width="400"', 'height="600"', 'sizes="10rem"', 'class="cover"', 'data-kind="book"'):
        assert attribute in html
    assert 'loading="lazy"' in html
    assert "The Lighthouse" in html.split('alt="')[1].split('"')[0]


def test_a_title_cannot_break_out_of_the_tag():
    html = shown(with_cover(title='"><script>alert(1)</script>'))
    assert "<script" not in html


def test_a_large_original_is_not_among_the_sizes(media):
    edition = with_cover(pictures.encoded("JPEG", pictures.painting(1400, 2000)))
    html = shown(edition)
    assert edition.cover_widths == [160, 320, 640]
    assert edition.cover.name not in html
    assert "-640.webp" in html


def test_a_book_without_a_cover_shows_the_plain_one():
    html = shown(site.book())
    assert "default_cover" in html
    assert 'width="400" height="600"' in html or ('width="400"' in html and 'height="600"' in html)
    assert "srcset" not in html


def test_other_sites_are_told_the_whole_address(settings):
    edition = with_cover()
    assert picture_url(edition, "cover") == f"{settings.SITE_URL}/images/{edition.cover.name}"
    assert picture_url(site.book(), "cover") == ""


# A storage that fails


def test_a_storage_that_fails_leaves_row_and_old_cover_as_they_were(media, bucket_is_away):
    edition = with_cover()
    before = (edition.cover.name, edition.cover_widths)
    bucket_is_away()
    edition.cover = site.upload()
    with pytest.raises(PictureNotStored):
        edition.save()
    edition.refresh_from_db()
    assert (edition.cover.name, edition.cover_widths) == before
    assert site.stored_files(media) == files_of(edition)


def test_an_upload_to_a_storage_that_fails_is_an_error_in_the_form_and_loses_no_text(media, bucket_is_away, client):
    edition = with_cover()
    client.force_login(site.person())
    bucket_is_away()
    form = site.book_form(title="A title typed with care", description="Long thoughts.", cover=site.upload())
    answer = client.post(f"/book/{edition.pk}/edit/", form)
    text = answer.content.decode()
    assert "could not be stored" in text
    assert "A title typed with care" in text
    assert "Long thoughts." in text
    untouched = Edition.objects.get(pk=edition.pk)
    assert (untouched.title, untouched.cover.name) == ("The Lighthouse", edition.cover.name)


def test_a_new_book_whose_cover_cannot_be_stored_is_not_half_added(bucket_is_away, client):
    client.force_login(site.person())
    bucket_is_away()
    answer = client.post("/book/new/", site.book_form(cover=site.upload()))
    assert "could not be stored" in answer.content.decode()
    assert not Edition.objects.exists()
    assert not Work.objects.exists()


def test_an_avatar_that_cannot_be_stored_is_an_error_in_the_form(bucket_is_away, client):
    reader = site.person()
    client.force_login(reader)
    bucket_is_away()
    answer = client.post("/preferences/", {"display_name": "Ada", "bio": "About me.", "avatar": site.upload()})
    text = answer.content.decode()
    assert "could not be stored" in text
    assert "About me." in text
    assert User.objects.get(pk=reader.pk).display_name == ""


def test_a_logo_that_cannot_be_stored_is_an_error_in_the_admin(bucket_is_away, client):
    client.force_login(site.owner())
    SiteSettings.current()
    bucket_is_away()
    form = {"name": "New name", "tagline": "", "description": "", "registration": "open", "logo": site.upload()}
    answer = client.post("/admin/bookwyrm/sitesettings/1/change/", form)
    assert answer.status_code == 200
    assert "could not be stored" in answer.content.decode()
    assert "New name" in answer.content.decode()
    assert SiteSettings.current().name != "New name"
