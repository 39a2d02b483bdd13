"""The page that compares services says what the services' files say, and what it lets its reader type works."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from external_storage.providers import GENERIC, providers
from external_storage.providers.comparison import FRENCH, PARTS, Language, written
from tests.instance import Instance, new_instance

from .page import DocsPage

OPERATE = Path(__file__).parents[2] / "docs" / "operate"
REMAKE = "run: python -m external_storage.providers.comparison docs/operate/*/providers.md"

each_language = pytest.mark.parametrize("language", ["en", "fr"])


def page_in(language: str) -> DocsPage:
    return DocsPage(OPERATE / language / "providers.md")


@each_language
def test_the_tables_are_those_that_the_files_make(language: str):
    text = page_in(language).text
    assert written(text, language) == text, REMAKE
    assert set(re.findall(r"<!-- providers: (\w+) -->", text)) == set(PARTS)


@each_language
@pytest.mark.parametrize(
    "provider", [each for each in providers().values() if each.id != GENERIC], ids=lambda each: each.id
)
def test_every_service_is_on_the_page_with_all_it_has_to_say(provider, language: str):
    text = page_in(language).text
    row = next(line for line in text.splitlines() if line.startswith(f"| `{provider.id}` |"))
    assert provider.name in row
    for name in ("access_hint", "cors_hint", "domain_hint", "endpoint_hint", "remark"):
        assert provider.in_words(name, language) in text
    if provider.prices:
        assert provider.prices.source in text
        assert Language(language).number(provider.prices.month) in text
    said = "\n".join(line for line in text.splitlines() if provider.name in line)
    assert said.count("(?)") == len(provider.unconfirmed)


def test_both_pages_have_the_same_numbers_of_rows():
    rows = [[line.count("|") for line in page_in(language).text.splitlines()] for language in ("en", "fr")]
    assert sorted(rows[0])[-60:] == sorted(rows[1])[-60:]


def test_every_word_of_the_tables_has_its_french():
    assert all(FRENCH.values())
    for part in PARTS.values():
        part(Language("fr"))  # a word without French would be a KeyError


@pytest.fixture(scope="module")
def instance() -> Iterator[Instance]:
    with new_instance(MY_KEY_ID="an-id", MY_SECRET="a-very-secret-value", LANG="C.UTF-8") as instance:
        instance.write_env()
        yield instance


def test_the_settings_it_begins_with_are_enough(instance: Instance):
    (example,) = (block.text for block in page_in("en").blocks if block.kind == "ini")
    before = instance.env_file.read_text()
    instance.env_file.write_text(f"{before}{example}USE_S3=true\nUSE_HTTPS=true\n")
    instance.run("./bw-dev check_settings")
    assert "https://my-bucket.s3.fr-par.scw.cloud/images/" in instance.run("./bw-dev storage_status").printed
    instance.env_file.write_text(before)


def test_its_commands_work_for_a_person_and_for_a_script(instance: Instance, seaweedfs):
    asking, script = (block.text.strip() for block in page_in("en").blocks if block.kind == "bash")
    bucket = seaweedfs.make_bucket()
    answers = ["seaweedfs", bucket.name, seaweedfs.endpoint_url, "", ""]
    lines = "".join(f"{answer}\n" for answer in [*answers, seaweedfs.access_key_id, seaweedfs.secret_access_key])
    assert (
        "All else is well; what was accepted is told above."
        in instance.run(f"printf %s {shlex.quote(lines)} | {asking}").printed
    )
    instance.run(script)
    assert instance.setting("STORAGE_PROVIDER") == "scaleway"
    assert instance.setting("AWS_SECRET_ACCESS_KEY") == "a-very-secret-value"
