"""`.env` is understood as people write it, never executed, and what is wrong with it is said plainly."""

from __future__ import annotations

from pathlib import Path

import pytest

from bookwyrm import env

SECRET_KEY = "k" * 50
BUCKET = {
    "USE_S3": "true",
    "AWS_ACCESS_KEY_ID": "an-id",
    "AWS_SECRET_ACCESS_KEY": "a-very-secret-value",
    "AWS_STORAGE_BUCKET_NAME": "my-books",
    "AWS_S3_REGION_NAME": "eu-west-1",
}


@pytest.fixture
def read(tmp_path: Path):
    """Read a file with the given text (and, if wanted, a process environment over it)."""

    def read(text: str | bytes, **process: str) -> env.Environment:
        path = tmp_path / "settings.env"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return env.read({"BOOKWYRM_ENV_FILE": str(path), **process})

    return read


def problems_of(**values: str) -> dict[str, str]:
    """Return what is said of these settings, by variable."""
    environment = env.Environment({"SECRET_KEY": SECRET_KEY, **values}, Path("settings.env"))
    return {problem.variable: str(problem) for problem in env.check(environment)}


def hints_of(**values: str) -> list[str]:
    return env.hints(env.Environment({"SECRET_KEY": SECRET_KEY, **values}, Path("no-such-settings.env")))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("DOMAIN=books.example.org", "books.example.org"),
        ('DOMAIN="books.example.org"', "books.example.org"),
        ("DOMAIN='books.example.org'", "books.example.org"),
        ("export DOMAIN=books.example.org", "books.example.org"),
        ("DOMAIN = books.example.org", "books.example.org"),
        ("DOMAIN=books.example.org # the public name", "books.example.org"),
        ("DOMAIN=books.example.org\r\nPORT=80\r\n", "books.example.org"),
        ("\ufeffDOMAIN=books.example.org\n", "books.example.org"),
        ("DOMAIN=wrong\nDOMAIN=books.example.org", "books.example.org"),
        ("HOST=books\nDOMAIN=${HOST}.example.org", "books.example.org"),
        ("DOMAIN=${HOST}.example.org\nHOST=books", "books.example.org"),
        ('HOST=books\nDOMAIN="${HOST}.example.org"', "books.example.org"),
        ("HOST=books\nDOMAIN='${HOST}.example.org'", "${HOST}.example.org"),
        ("DOMAIN=${HOST:-books}.example.org", "books.example.org"),
        ("DOMAIN=$(touch canary)", "$(touch canary)"),
        ("DOMAIN=`touch canary`", "`touch canary`"),
        ("DOMAIN=", "localhost"),
        ("# DOMAIN=books.example.org", "localhost"),
        ("", "localhost"),
    ],
)
def test_a_value_is_read_as_it_was_meant(read, tmp_path, monkeypatch, text, expected):
    monkeypatch.chdir(tmp_path)
    assert read(text).text("DOMAIN") == expected
    assert not (tmp_path / "canary").exists()


def test_the_domains_of_the_page_follow_the_bucket_and_the_region(read):
    environment = read(
        "AWS_STORAGE_BUCKET_NAME=my-books\n"
        'AWS_S3_REGION_NAME="nyc3"\n'
        'AWS_S3_CUSTOM_DOMAIN="${AWS_STORAGE_BUCKET_NAME}.${AWS_S3_REGION_NAME}.digitaloceanspaces.com"\n'
        'AWS_S3_ENDPOINT_URL="https://${AWS_S3_REGION_NAME}.digitaloceanspaces.com"\n'
    )
    assert environment.text("AWS_S3_CUSTOM_DOMAIN") == "my-books.nyc3.digitaloceanspaces.com"
    assert environment.text("AWS_S3_ENDPOINT_URL") == "https://nyc3.digitaloceanspaces.com"


def test_the_process_environment_overrides_the_file_and_is_taken_literally(read):
    environment = read("DOMAIN=from.file\nPORT=8000", DOMAIN="from.${PORT}.process", HOME="/root")
    assert environment.text("DOMAIN") == "from.${PORT}.process"
    assert environment.text("PORT") == "8000"
    assert environment.unknown == ()


def test_a_reference_to_nothing_and_a_circle_are_problems_of_the_variable_that_has_them(read):
    environment = read("DOMAIN=${NOWHERE}.org\nEMAIL_FROM=${EMAIL_HOST}\nEMAIL_HOST=${EMAIL_FROM}")
    said = {problem.variable: str(problem) for problem in env.check(environment)}
    assert "${NOWHERE}, which is not set" in said["DOMAIN"]
    assert "leads back to itself" in said["EMAIL_FROM"]


def test_a_line_that_is_no_setting_is_a_problem_with_its_number(read):
    said = [str(problem) for problem in env.check(read('PORT=80\nDOMAIN="books.example.org\nnonsense here\n'))]
    assert any(line.startswith("line ") and "NAME=value" in line for line in said)


def test_bytes_that_are_no_text_are_a_problem_and_no_crash(read):
    assert any("UTF-8" in str(problem) for problem in env.check(read(b"DOMAIN=\xff\xfe")))


@pytest.mark.parametrize(
    ("variable", "value", "expectation"),
    [
        ("USE_S3", "perhaps", "true or false"),
        ("USE_HTTPS", "2", "true or false"),
        ("PORT", "http", "from 1 to 65535"),
        ("PORT", "0", "from 1 to 65535"),
        ("PORT", "65536", "from 1 to 65535"),
        ("DOMAIN", "https://books.example.org", "without https://"),
        ("DOMAIN", "books.example.org/", "without a path"),
        ("DOMAIN", "books example", "a host name"),
        ("AWS_STORAGE_BUCKET_NAME", "s3://my-books", "bare name"),
        ("AWS_STORAGE_BUCKET_NAME", "my-books/images", "bare name"),
        ("AWS_S3_ENDPOINT_URL", "s3.fr-par.scw.cloud", "a whole address"),
        ("AWS_S3_ENDPOINT_URL", "https://", "a whole address"),
        ("AWS_S3_ENDPOINT_URL", "https://[::1", "a whole address"),
        ("AWS_S3_CUSTOM_DOMAIN", "None", "a domain such as"),
        ("AWS_S3_CUSTOM_DOMAIN", "https://", "a domain such as"),
        ("AWS_DEFAULT_ACL", "public", "public-read, private or none"),
        ("AWS_S3_REGION_NAME", "eu west", "a region name"),
        ("AWS_S3_ADDRESSING_STYLE", "host", "auto, virtual or path"),
        ("STORAGE_PROVIDER", "scalway", "expected scaleway"),
        ("DATABASE_URL", "mysql://localhost/books", "postgres://"),
        ("DATABASE_URL", "books.sqlite3", "sqlite:///"),
        ("REDIS_URL", "localhost:6379", "redis://"),
        ("EMAIL_FROM", "books", "books@example.org"),
        ("EMAIL_PORT", "smtp", "from 1 to 65535"),
        ("SECRET_KEY", "short", "at least 32"),
        ("BIND_ADDRESS", "http://0.0.0.0", "0.0.0.0"),
        ("WEB_WORKERS", "none", "from 1 to 64"),
        ("OUTBOUND_ALLOWED_HOSTS", "10.0.0.5:8080,http://x", "10.0.0.5:8080"),
    ],
)
def test_a_wrong_value_names_its_variable_what_was_found_and_what_is_expected(variable, value, expectation):
    said = problems_of(**{variable: value})
    assert expectation in said[variable]
    assert said[variable].startswith(f"{variable}: found ")
    assert list(said) == [variable]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("USE_S3", "FALSE"),
        ("DOMAIN", "localhost:8000"),
        ("DOMAIN", "192.168.1.20"),
        ("DOMAIN", "[::1]:8000"),
        ("AWS_S3_CUSTOM_DOMAIN", "https://media.example.org/"),
        ("AWS_S3_CUSTOM_DOMAIN", "127.0.0.1:8333/my-books"),
        ("AWS_DEFAULT_ACL", "none"),
        ("DATABASE_URL", "postgres://books:p%40ss@db.example.org:5432/books"),
        ("DATABASE_URL", "sqlite:////srv/books/site.sqlite3"),
        ("REDIS_URL", "rediss://:word@redis.example.org:6379/1"),
        ("EMAIL_FROM", "Books <books@example.org>"),
    ],
)
def test_a_right_value_in_an_unusual_form_is_no_problem(variable, value):
    assert problems_of(**{variable: value}) == {}


@pytest.mark.parametrize("missing", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_STORAGE_BUCKET_NAME"])
def test_use_s3_without_what_it_takes_names_what_is_missing(missing):
    said = problems_of(**{name: value for name, value in BUCKET.items() if name != missing})
    assert list(said) == [missing]
    assert "because USE_S3 is true" in said[missing]


def test_amazon_needs_a_region_and_another_service_may_do_without():
    without = {name: value for name, value in BUCKET.items() if name != "AWS_S3_REGION_NAME"}
    assert list(problems_of(**without)) == ["AWS_S3_REGION_NAME"]
    assert problems_of(**without, AWS_S3_ENDPOINT_URL="https://minio.example.org") == {}


NAMED = {name: value for name, value in BUCKET.items() if name != "AWS_S3_REGION_NAME"} | {
    "STORAGE_PROVIDER": "scaleway",
    "AWS_S3_REGION_NAME": "fr-par",
}


def test_the_services_name_its_region_a_bucket_and_keys_are_enough():
    assert problems_of(**NAMED) == {}
    assert hints_of(**NAMED) == []


@pytest.mark.parametrize(
    ("changed", "variable", "said"),
    [
        ({"AWS_S3_REGION_NAME": ""}, "AWS_S3_REGION_NAME", "fr-par"),
        ({"STORAGE_PROVIDER": "minio"}, "AWS_S3_ENDPOINT_URL", "the S3 API of MinIO"),
        ({"STORAGE_PROVIDER": "garage", "AWS_S3_ENDPOINT_URL": "https://g.test"}, "AWS_S3_CUSTOM_DOMAIN", "website"),
        ({"AWS_S3_ENDPOINT_URL": "https://my-books.s3.fr-par.scw.cloud"}, "AWS_S3_ENDPOINT_URL", "would stand twice"),
        ({"AWS_S3_ENDPOINT_URL": "https://nyc3.digitaloceanspaces.com"}, "AWS_S3_ENDPOINT_URL", "DigitalOcean"),
        ({"AWS_S3_CUSTOM_DOMAIN": "other.s3.fr-par.scw.cloud"}, "AWS_S3_CUSTOM_DOMAIN", "my-books.s3.fr-par.scw.cloud"),
    ],
)
def test_what_cannot_work_at_the_named_service_stops_the_start_and_is_explained(changed, variable, said):
    problems = problems_of(**{name: value for name, value in (NAMED | changed).items() if value})
    assert list(problems) == [variable]
    assert said in problems[variable]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (BUCKET | {"AWS_S3_ENDPOINT_URL": "https://my-books.us-east-1.linodeobjects.com"}, "would stand twice"),
        (BUCKET | {"AWS_S3_ADDRESSING_STYLE": "path"}, "giving up paths"),
        (NAMED | {"AWS_S3_CUSTOM_DOMAIN": "https://media.example.org"}, "'media.example.org' alone"),
        (NAMED | {"AWS_S3_REGION_NAME": "eu-west-1"}, "not known to have"),
    ],
)
def test_what_may_be_meant_so_is_noted_and_stops_nothing(values, said):
    assert problems_of(**values) == {}
    assert any(said in hint for hint in hints_of(**values))


def test_half_of_the_lines_about_a_bucket_are_nothing_to_compare_yet():
    assert problems_of(STORAGE_PROVIDER="scaleway") == {}
    assert hints_of(STORAGE_PROVIDER="scaleway") == []


def test_a_plain_http_domain_contradicts_https():
    said = problems_of(**BUCKET, USE_HTTPS="true", AWS_S3_CUSTOM_DOMAIN="http://media.example.org")
    assert list(said) == ["AWS_S3_CUSTOM_DOMAIN"]


def test_a49_a_bucket_on_another_machine_is_not_asked_in_the_clear_unless_the_owner_allows_it():
    plain = BUCKET | {"AWS_S3_ENDPOINT_URL": "http://minio.lan:9000"}
    said = problems_of(**plain)
    assert list(said) == ["AWS_S3_ENDPOINT_URL"]
    assert "STORAGE_ALLOW_HTTP=true" in said["AWS_S3_ENDPOINT_URL"]
    assert problems_of(**plain, STORAGE_ALLOW_HTTP="true") == {}
    private = {
        f"EXPORTS_{name}": "another-value" for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "STORAGE_BUCKET_NAME")
    }
    assert list(problems_of(**private, EXPORTS_S3_ENDPOINT_URL="http://10.0.0.5")) == ["EXPORTS_S3_ENDPOINT_URL"]
    assert problems_of(AWS_S3_ENDPOINT_URL="http://minio.lan:9000") == {}  # nothing is asked there yet


def test_every_problem_is_said_at_once():
    assert set(problems_of(USE_S3="true", PORT="x")) == {
        *("PORT", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_STORAGE_BUCKET_NAME", "AWS_S3_REGION_NAME")
    }


def test_a_secret_is_measured_and_never_shown():
    values = {
        "SECRET_KEY": "tooshort-secret",
        "AWS_SECRET_ACCESS_KEY": "with a space inside",
        "DATABASE_URL": "mysql://user:hunter2@localhost/books",
    }
    environment = env.Environment(values, Path("settings.env"))
    text = str(env.BadEnvironment(env.check(environment), environment.source)) + repr(environment)
    for value in values.values():
        assert value not in text
    assert "hunter2" not in text
    assert "a value of 15 characters" in text


def test_a_misspelt_name_and_an_open_file_are_pointed_out(read, tmp_path):
    environment = read("AWS_STORAGE_BUCKET=my-books\nMY_OWN_THING=1\n")
    (tmp_path / "settings.env").chmod(0o644)
    hints = "\n".join(env.hints(environment))
    assert "did you mean AWS_STORAGE_BUCKET_NAME?" in hints
    assert "MY_OWN_THING" not in hints
    assert "chmod 600" in hints
    (tmp_path / "settings.env").chmod(0o600)
    assert "chmod" not in "\n".join(env.hints(environment))


@pytest.mark.parametrize(
    ("values", "url", "address"),
    [
        ({}, "http://localhost:1333", "127.0.0.1"),
        ({"PORT": "80"}, "http://localhost", "127.0.0.1"),
        ({"DOMAIN": "localhost:8000"}, "http://localhost:8000", "127.0.0.1"),
        ({"DOMAIN": "192.168.1.20"}, "http://192.168.1.20:1333", "0.0.0.0"),
        ({"DOMAIN": "books.example.org", "USE_HTTPS": "true"}, "https://books.example.org", "127.0.0.1"),
        ({"DOMAIN": "books.example.org", "BIND_ADDRESS": "10.0.0.2"}, "http://books.example.org:1333", "10.0.0.2"),
    ],
)
def test_the_address_follows_domain_port_and_https(values, url, address):
    environment = env.Environment(values, Path("settings.env"))
    assert env.site_url(environment) == url
    assert env.bind_address(environment) == address


def test_the_example_file_is_well_formed_and_names_every_variable():
    example = (env.CHECKOUT / ".env.example").read_text()
    environment = env.read({"BOOKWYRM_ENV_FILE": str(env.CHECKOUT / ".env.example"), "SECRET_KEY": SECRET_KEY})
    assert env.check(environment) == []
    for name in env.VARIABLES:
        assert f"{name}=" in example, name
