"""What the site's own pages tell browsers, judged from their headers alone."""

from __future__ import annotations

import pytest

from external_storage.health import pages
from external_storage.health.findings import Verdict

FILES = pages.Files("https://books.test", "https://media.test/images/", "https://media.test/static/")
RIGHT = "img-src 'self' https://media.test; style-src https://media.test/static/; font-src https://media.test/static/; "
SCRIPTS = "script-src 'self' https://media.test/static/"


@pytest.mark.parametrize(
    ("header", "verdict", "said"),
    [
        (RIGHT + SCRIPTS, Verdict.OK, "nothing wider"),
        (None, Verdict.WARNING, "sends no Content-Security-Policy"),
        ("", Verdict.WARNING, "sends no Content-Security-Policy"),
        ("default-src 'self'", Verdict.FAILURE, "keeps browsers from loading https://media.test/images/ (img-src)"),
        (RIGHT + "script-src 'none'", Verdict.FAILURE, "(script-src)"),
        (RIGHT.replace("https:", "http:") + SCRIPTS, Verdict.FAILURE, "(img-src)"),
        (RIGHT + "script-src https://media.test", Verdict.WARNING, "people's uploads lie there too"),
        (RIGHT.replace("'self'", "*") + SCRIPTS, Verdict.WARNING, "load from *"),
        (RIGHT.replace("'self'", "https://*.amazonaws.com") + SCRIPTS, Verdict.WARNING, "*.amazonaws.com"),
        (RIGHT.replace("'self'", "https://None") + SCRIPTS, Verdict.WARNING, "a setting was empty"),
        ("default-src https:", Verdict.WARNING, "load from https:"),
    ],
)
def test_a50_a_policy_names_the_files_hosts_and_nothing_wider(header, verdict, said):
    finding = pages.judge_policy(header, FILES)
    assert finding.verdict is verdict
    assert said in finding.seen


def test_files_of_the_site_itself_need_no_other_host():
    local = pages.Files("https://books.test", "https://books.test/images/", "/static/")
    assert pages.judge_policy("default-src 'none'; img-src 'self'; script-src 'self'", local).verdict is Verdict.OK


@pytest.mark.parametrize(
    ("headers", "verdict"), [({"x-content-type-options": "nosniff"}, Verdict.OK), ({}, Verdict.WARNING)]
)
def test_browsers_are_told_not_to_guess(headers, verdict):
    assert pages.judge_nosniff(headers).verdict is verdict
