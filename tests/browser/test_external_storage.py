"""A real browser shows a site whose files live in a bucket, over HTTPS: nothing missing, nothing to complain of."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.instance import Instance, new_instance
from tests.servers import MEDIA, SITE, Bucket, Certificates, HttpsFront, S3Server, https_front

from .chromium import Browser, Seen, open_browser

HOME = f"https://{SITE}/"
FONTS = {"Literata", "Atkinson Hyperlegible"}


@pytest.fixture(scope="module")
def bucket(s3_server: S3Server) -> Bucket:
    return s3_server.make_bucket()


@pytest.fixture(scope="module")
def instance(
    s3_server: S3Server, bucket: Bucket, certificates: Certificates, chromium, nginx_program
) -> Iterator[Instance]:
    """A site at https://books.test with its files at https://media.test, and no CORS rules yet.

    Where the store itself speaks HTTPS, the site does too: checksums travel another way there.
    """
    trust = {name: str(certificates.authority) for name in ("SSL_CERT_FILE", "AWS_CA_BUNDLE")}
    with new_instance(**trust) as instance:
        instance.write_env()
        instance.use_bucket(s3_server, bucket)
        instance.set(AWS_S3_ENDPOINT_URL=s3_server.tls_endpoint_url or s3_server.endpoint_url)
        instance.set(DOMAIN=SITE, USE_HTTPS="true", USE_S3="true", AWS_S3_CUSTOM_DOMAIN=MEDIA)
        instance.run("./bw-dev collectstatic")
        instance.run("./bw-dev up -d")
        instance.run("./bw-dev demo --books 24")
        yield instance


@pytest.fixture(scope="module")
def front(instance: Instance, bucket: Bucket, certificates) -> Iterator[HttpsFront]:
    with https_front(certificates, site_port=instance.port, bucket=bucket) as front:
        yield front


@pytest.fixture(scope="module")
def browser(chromium, certificates, front: HttpsFront) -> Iterator[Browser]:
    with open_browser(chromium, certificates, front.port) as browser:
        yield browser


@pytest.fixture(scope="module")
def before_cors(browser: Browser) -> Seen:
    return browser.look_at(HOME)


@pytest.fixture(scope="module")
def after_cors(browser: Browser, instance: Instance, before_cors: Seen) -> Seen:
    instance.run("./bw-dev set_cors_to_s3")
    return browser.look_at(HOME)


@pytest.fixture(scope="module")
def without_https(browser: Browser, instance: Instance, after_cors: Seen) -> Seen:
    """The same page after `USE_HTTPS=false`, still asked for over HTTPS."""
    instance.set(USE_HTTPS="false")
    instance.run("./bw-dev up -d")
    return browser.look_at(HOME)


def test_without_cors_rules_the_fonts_fail_and_the_browser_says_why(before_cors):
    assert before_cors.fonts_that_are("loaded") == set()
    assert [url for url in before_cors.failed if url.endswith(".woff2")]
    assert before_cors.complaints_about("CORS policy")


def test_with_the_sites_cors_rules_the_fonts_load_from_the_bucket(after_cors):
    assert after_cors.fonts_that_are("loaded") == FONTS
    fonts = {url: status for url, status in after_cors.answered.items() if url.endswith(".woff2")}
    assert fonts and all(url.startswith(f"https://{MEDIA}/static/") for url in fonts)
    assert set(fonts.values()) == {200}


def test_every_picture_on_the_home_page_is_there_and_from_the_bucket(after_cors):
    assert len(after_cors.pictures) > 20
    assert [picture for picture in after_cors.pictures if picture["width"] == 0] == []
    assert {picture["url"].partition(f"//{MEDIA}/")[0] for picture in after_cors.pictures} == {"https:"}


def test_the_browser_has_nothing_to_complain_of(after_cors):
    assert after_cors.complaints == []
    assert after_cors.failed == {}


def test_everything_but_the_page_itself_comes_from_the_bucket(after_cors):
    from_the_site = {url.removeprefix(HOME) for url in after_cors.answered if url.startswith(HOME)}
    assert from_the_site <= {"", "manifest.webmanifest"}
    assert {url.split("/")[2] for url in after_cors.answered} == {SITE, MEDIA}


def test_use_https_false_shows_as_mixed_content(without_https):
    assert without_https.complaints_about("Mixed Content")
    assert any(reason == "mixed-content" for reason in without_https.failed.values())
    assert without_https.fonts_that_are("loaded") == set()
