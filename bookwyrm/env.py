"""Read ``.env``: parse it, never execute it, and say everything that is wrong with it at once.

The process environment overrides the file, for the variables of `VARIABLES` only. A value may be quoted and may refer
to another variable as ``${OTHER}``; single quotes keep ``$`` as it is. An empty value counts as unset.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from dotenv.parser import parse_stream

from external_storage.django import conf, store_url
from external_storage.django.store_url import Secrets, described_by
from external_storage.errors import SettingsError
from external_storage.providers import called, named_like
from external_storage.providers.addresses import is_in_the_clear
from external_storage.providers.contradictions import Contradiction, Written, contradictions

from .exports import places as private_places

CHECKOUT = Path(__file__).resolve().parent.parent

TRUE, FALSE = {"true", "1", "yes", "on"}, {"false", "0", "no", "off"}

HOST = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*\.?|\[[0-9A-Fa-f:.]+\]")
REFERENCE = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(:-(?P<default>[^}]*))?\}")

SHORTEST_SECRET_KEY = 32


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: the *variable*, what was *found* (never a secret), and what is *expected*."""

    variable: str
    found: str
    expected: str

    def __str__(self) -> str:
        return f"{self.variable}: found {self.found}; expected {self.expected}."


class BadEnvironment(SettingsError):
    """The start is refused; *problems* names every variable that has to change."""

    def __init__(self, problems: list[Problem], source: Path) -> None:
        self.problems = problems
        self.source = source
        lines = "\n".join(f"  {problem}" for problem in problems)
        super().__init__(f"The settings in {source} cannot be used:\n{lines}", setting=problems[0].variable)


@dataclass(frozen=True, slots=True)
class Variable:
    """One line of ``.env``: its *default*, the rule that reads it, and whether its value may be shown."""

    name: str
    default: str = ""
    expects: Callable[[str], str | None] = lambda value: None
    secret: bool = False


@dataclass(frozen=True, slots=True)
class Environment:
    """The variables as they are set, references resolved; *problems* are those of the file's own syntax."""

    values: Mapping[str, str] = field(repr=False)
    source: Path
    problems: tuple[Problem, ...] = ()
    unknown: tuple[str, ...] = ()

    def text(self, name: str) -> str:
        return self.values.get(name) or VARIABLES[name].default

    def flag(self, name: str) -> bool:
        return self.text(name).lower() in TRUE

    def number(self, name: str) -> int:
        return int(self.text(name))

    def names(self, name: str) -> list[str]:
        """Return a comma-separated value as a list."""
        return [part.strip() for part in self.text(name).split(",") if part.strip()]

    def secrets(self) -> list[str]:
        """Return every secret value, so that a log can leave them out."""
        return [value for name, value in self.values.items() if value and name in VARIABLES and VARIABLES[name].secret]


# What each kind of value has to look like. A rule returns what it expects if the value is not that, else None.


def _flag(value: str) -> str | None:
    return None if value.lower() in TRUE | FALSE else "true or false"


def _port(value: str) -> str | None:
    fits = value.isascii() and value.isdigit() and 1 <= int(value) <= 65535
    return None if fits else "a port number from 1 to 65535"


def _host(value: str) -> str | None:
    expected = "a host name such as books.example.org, without https:// and without a path"
    host, _, port = value.rpartition(":") if re.search(r":\d+$", value) else (value, "", "")
    return expected if not HOST.fullmatch(host) or (port and _port(port)) else None


def _bucket(value: str) -> str | None:
    fits = re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]", value)
    return None if fits else "the bucket's bare name (letters, digits, dots and hyphens), such as my-books"


def _web_address(value: str) -> str | None:
    expected = "a whole address such as https://s3.fr-par.scw.cloud"
    try:
        parts = urlsplit(value)
        fits = parts.scheme in ("http", "https") and parts.hostname and not parts.query and parts.username is None
        fits = fits and (parts.port is None or parts.port > 0)
    except ValueError:
        return expected
    return None if fits else expected


def _public_domain(value: str) -> str | None:
    expected = "a domain such as media.example.org or bucket.s3.fr-par.scw.cloud"
    host = bare_domain(value).partition("/")[0]
    return expected if value.lower() == "none" else (expected if _host(host) else None)


def _region(value: str) -> str | None:
    return None if re.fullmatch(r"[A-Za-z0-9_-]+", value) else "a region name such as eu-west-1, fr-par or nyc3"


def _acl(value: str) -> str | None:
    return None if value in ("public-read", "private", "none") else "public-read, private or none"


def _provider(value: str) -> str | None:
    if called(value):
        return None
    names = named_like(value)
    return names[0] if len(names) == 1 else f"one of {', '.join(names)}"


def _addressing(value: str) -> str | None:
    return None if value in ("auto", "virtual", "path") else "auto, virtual or path"


def _database(value: str) -> str | None:
    expected = "sqlite:///path/to/site.sqlite3 or postgres://user:password@host:5432/name"
    try:
        parts = urlsplit(value)
    except ValueError:
        return expected
    if parts.scheme == "sqlite":
        return None if parts.path.strip("/") else expected
    return None if parts.scheme in ("postgres", "postgresql") and parts.path.strip("/") else expected


def _redis(value: str) -> str | None:
    fits = re.match(r"(rediss?://[^/\s]+(/\d+)?|unix://\S+)", value)
    return None if fits else "redis://host:6379/0"


def _mailbox(value: str) -> str | None:
    return None if re.fullmatch(r"([^<>]*<)?[^@<>\s]+@[^@<>\s]+>?", value) else "an address such as books@example.org"


def _secret_key(value: str) -> str | None:
    return None if len(value) >= SHORTEST_SECRET_KEY else f"at least {SHORTEST_SECRET_KEY} random characters"


def _credential(value: str) -> str | None:
    return "one word without spaces" if re.search(r"\s", value) else None


def _one_line(value: str) -> str | None:
    return None if value.isprintable() else "one line of ordinary characters"


def _bind_address(value: str) -> str | None:
    return None if HOST.fullmatch(value) else "an address of this machine such as 127.0.0.1 or 0.0.0.0"


def _count(value: str) -> str | None:
    return None if value.isascii() and value.isdigit() and 1 <= int(value) <= 64 else "a number from 1 to 64"


def _seconds(value: str) -> str | None:
    return None if value.isascii() and value.isdigit() and 1 <= int(value) <= 60 else "seconds, from 1 to 60"


def _serving(value: str) -> str | None:
    return None if value in ("direct", "redirect", "proxy") else "direct, redirect or proxy"


def _megabytes(value: str) -> str | None:
    fits = value.isascii() and value.isdigit() and int(value) < 2**30
    return None if fits else "a number of megabytes such as 1024, or 0 for none"


def _file(value: str) -> str | None:
    return None if Path(value).is_absolute() else "the absolute path of a file"


def _folder(value: str) -> str | None:
    return None if Path(value).is_absolute() else "the absolute path of a folder"


def _internal_url(value: str) -> str | None:
    return None if re.fullmatch(r"/([\w.-]+/)+", value) else "a path such as /-/exports/"


def _nothing_for_private_files(value: str) -> str | None:
    return "nothing: links to a domain are not signed, and private files are sent by the site alone"


def _days(value: str) -> str | None:
    return None if value.isascii() and value.isdigit() and 1 <= int(value) <= 90 else "days, from 1 to 90"


def _endpoints(value: str) -> str | None:
    wrong = [part for part in value.split(",") if part.strip() and _host(part.strip())]
    return "a list such as 10.0.0.5:8080,books.lan:443" if wrong else None


VARIABLES = {
    variable.name: variable
    for variable in (
        Variable("USE_S3", "false", _flag),
        Variable("USE_STORAGE_URL", "false", _flag),
        Variable("STORAGE_URL"),
        Variable("STORAGE_PASSWORD", "", _one_line, secret=True),
        Variable("STORAGE_KEY_FILE", "", _file),
        Variable("STORAGE_PASSPHRASE", "", _one_line, secret=True),
        Variable("STORAGE_KNOWN_HOSTS", "", _file),
        Variable("USE_HTTPS", "false", _flag),
        Variable("STORAGE_PROVIDER", "", _provider),
        Variable("AWS_ACCESS_KEY_ID", "", _credential, secret=True),
        Variable("AWS_SECRET_ACCESS_KEY", "", _credential, secret=True),
        Variable("AWS_STORAGE_BUCKET_NAME", "", _bucket),
        Variable("AWS_S3_REGION_NAME", "", _region),
        Variable("AWS_S3_CUSTOM_DOMAIN", "", _public_domain),
        Variable("AWS_S3_ENDPOINT_URL", "", _web_address),
        Variable("STORAGE_ALLOW_HTTP", "false", _flag),
        Variable("AWS_DEFAULT_ACL", "", _acl),
        Variable("AWS_S3_ADDRESSING_STYLE", "", _addressing),
        Variable("STORAGE_DEADLINE", "10", _seconds),
        Variable("STORAGE_SERVING", "", _serving),
        Variable("STORAGE_CACHE_MB", "1024", _megabytes),
        Variable("EXPORTS_FOLDER", "", _folder),
        Variable("EXPORTS_INTERNAL_URL", "", _internal_url),
        Variable("EXPORTS_STORAGE_BUCKET_NAME", "", _bucket),
        Variable("EXPORTS_ACCESS_KEY_ID", "", _credential, secret=True),
        Variable("EXPORTS_SECRET_ACCESS_KEY", "", _credential, secret=True),
        Variable("EXPORTS_S3_REGION_NAME", "", _region),
        Variable("EXPORTS_S3_ENDPOINT_URL", "", _web_address),
        Variable("EXPORTS_S3_CUSTOM_DOMAIN", "", _nothing_for_private_files),
        Variable("EXPORTS_URL"),
        Variable("EXPORTS_PASSWORD", "", _one_line, secret=True),
        Variable("EXPORTS_KEY_FILE", "", _file),
        Variable("EXPORTS_PASSPHRASE", "", _one_line, secret=True),
        Variable("EXPORTS_DAYS", "7", _days),
        Variable("DOMAIN", "localhost", _host),
        Variable("PORT", "1333", _port),
        Variable("BIND_ADDRESS", "", _bind_address),
        Variable("WEB_WORKERS", "2", _count),
        Variable("SECRET_KEY", "", _secret_key, secret=True),
        Variable("DEBUG", "false", _flag),
        Variable("EMAIL_HOST"),
        Variable("EMAIL_PORT", "587", _port),
        Variable("EMAIL_HOST_USER"),
        Variable("EMAIL_HOST_PASSWORD", secret=True),
        Variable("EMAIL_USE_TLS", "true", _flag),
        Variable("EMAIL_FROM", "", _mailbox),
        Variable("DATABASE_URL", "", _database, secret=True),
        Variable("REDIS_URL", "", _redis, secret=True),
        Variable("OUTBOUND_ALLOWED_HOSTS", "", _endpoints),
    )
}

# The stores that people's pictures may be in, by the names that `EXTERNAL_STORAGE` has for them.
DISK, BUCKET, ELSEWHERE = "disk", "bucket", "elsewhere"

# What the variables of another store for private files begin with, in place of ``STORAGE``.
PRIVATE = "EXPORTS"

# What it takes to speak to a bucket at all.
BUCKET_VARIABLES = ("AWS_STORAGE_BUCKET_NAME", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")

# What has to go together, by the names that `EXTERNAL_STORAGE` has for it.
STORAGE_VARIABLES = {
    "PROVIDER": "STORAGE_PROVIDER",
    "BUCKET": "AWS_STORAGE_BUCKET_NAME",
    "REGION": "AWS_S3_REGION_NAME",
    "ENDPOINT_URL": "AWS_S3_ENDPOINT_URL",
    "CUSTOM_DOMAIN": "AWS_S3_CUSTOM_DOMAIN",
    "ADDRESSING_STYLE": "AWS_S3_ADDRESSING_STYLE",
    "DEFAULT_ACL": "AWS_DEFAULT_ACL",
    "ALLOW_HTTP": "STORAGE_ALLOW_HTTP",
}


def media_store(environment: Environment) -> str:
    """Return the store that the owner wants people's pictures in."""
    if environment.flag("USE_S3"):
        return BUCKET
    return ELSEWHERE if environment.flag("USE_STORAGE_URL") else DISK


def private_folder(environment: Environment, state: Path) -> Path:
    """Return the folder for private files, made for this user alone unless it is there. Raise `BadEnvironment`."""
    folder = Path(environment.text("EXPORTS_FOLDER") or state / "exports")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        found = f"a folder that cannot be made ({error.strerror})"
        problem = Problem("EXPORTS_FOLDER", found, "one that the site's user may make and write to")
        raise BadEnvironment([problem], environment.source) from error
    return folder


def private_elsewhere(environment: Environment, state: Path) -> dict[str, object] | None:
    """Return the same of ``EXPORTS_URL``; what is put there is for nobody else on that machine, unless it says so."""
    described = elsewhere(environment, state, of=PRIVATE)
    own_alone = {"FILE_MODE": 0o600, "DIRECTORY_MODE": 0o700}
    return own_alone | described if described and described["KIND"] == "sftp" else described


def elsewhere(environment: Environment, state: Path, *, of: str = "STORAGE") -> dict[str, object] | None:
    """Return what ``STORAGE_URL`` and its secrets say, as `EXTERNAL_STORAGE` has it; None if they say nothing."""
    if not (url := environment.text(f"{of}_URL")):
        return None
    return described_by(
        url,
        Secrets(
            password=environment.text(f"{of}_PASSWORD"),
            key_file=environment.text(f"{of}_KEY_FILE"),
            passphrase=environment.text(f"{of}_PASSPHRASE"),
        ),
        known_hosts=environment.text("STORAGE_KNOWN_HOSTS") or str(state.absolute() / "known_hosts"),
    )


def bare_domain(value: str) -> str:
    """Return a custom domain as S3 libraries want it: without a scheme and without slashes at its ends."""
    return re.sub(r"^https?://", "", value.strip(), flags=re.IGNORECASE).strip("/")


def env_file(process: Mapping[str, str] = os.environ) -> Path:
    return Path(process.get("BOOKWYRM_ENV_FILE") or CHECKOUT / ".env")


def state_directory(process: Mapping[str, str] = os.environ) -> Path:
    """Return where the site keeps what it makes itself: database, logs, sockets, collected static files."""
    return Path(process.get("BOOKWYRM_STATE_DIR") or CHECKOUT / ".bw")


def media_root(process: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of the pictures that are kept on this machine."""
    return Path(process.get("MEDIA_ROOT") or CHECKOUT / "images")


def read(process: Mapping[str, str] = os.environ) -> Environment:
    """Parse the file and lay the process environment over it. A missing file is an empty one."""
    path = env_file(process)
    try:
        # utf-8-sig and universal newlines: editors on Windows leave a byte order mark and carriage returns.
        stream = path.open(encoding="utf-8-sig")
    except FileNotFoundError:
        return _resolve({}, process, path, [])
    except OSError as error:
        return _resolve(
            {}, process, path, [Problem(str(path), f"a file that cannot be read ({error.strerror})", "one")]
        )
    written: dict[str, _Written] = {}
    problems: list[Problem] = []
    try:
        with stream:
            for binding in parse_stream(stream):
                if binding.error:
                    expected = "lines of the form NAME=value, quotes closed, and # before a comment"
                    problems.append(Problem(f"line {binding.original.line}", "text that is no setting", expected))
                elif binding.key and binding.value is not None:
                    literal = "'" in binding.original.string.partition("=")[2].lstrip()[:1]
                    written[binding.key] = _Written(binding.value, literal)
    except UnicodeDecodeError:
        problems.append(Problem(str(path), "bytes that are not UTF-8", "a text file in UTF-8"))
    return _resolve(written, process, path, problems)


@dataclass(frozen=True, slots=True)
class _Written:
    text: str
    literal: bool


def _resolve(
    written: Mapping[str, _Written], process: Mapping[str, str], path: Path, problems: list[Problem]
) -> Environment:
    written = {**written, **{name: _Written(process[name], literal=True) for name in VARIABLES if name in process}}

    def value_of(name: str, asked_by: tuple[str, ...]) -> str:
        own = written[name]
        return own.text if own.literal else REFERENCE.sub(lambda match: follow(match, (*asked_by, name)), own.text)

    def follow(match: re.Match[str], asked_by: tuple[str, ...]) -> str:
        name, variable = match["name"], asked_by[0]
        if name in asked_by:
            problems.append(Problem(variable, f"${{{name}}}, which leads back to itself", "no circle of references"))
            return ""
        if name in written:
            return value_of(name, asked_by)
        if name in process:
            return process[name]
        if match["default"] is None:
            problems.append(Problem(variable, f"${{{name}}}, which is not set", f"{name} to be set as well"))
        return match["default"] or ""

    values = {name: value_of(name, ()).strip() for name in written}
    unknown = tuple(name for name in values if name not in VARIABLES)
    return Environment({name: value for name, value in values.items() if value}, path, tuple(problems), unknown)


def check(environment: Environment) -> list[Problem]:
    """Return every problem, in the order of `VARIABLES`; an empty list means the site can start with it."""
    problems = list(environment.problems)
    for variable in VARIABLES.values():
        value = environment.values.get(variable.name, "")
        if value and not _is_named(variable.name, problems) and (expected := variable.expects(value)):
            problems.append(Problem(variable.name, shown(variable, value), expected))
    return problems + [found for found in _contradictions(environment) if not _is_named(found.variable, problems)]


def _is_named(variable: str, problems: list[Problem]) -> bool:
    return any(problem.variable == variable for problem in problems)


def _contradictions(environment: Environment) -> list[Problem]:
    problems = []
    if "SECRET_KEY" not in environment.values:
        expected = f"at least {SHORTEST_SECRET_KEY} random characters (./bw-dev up writes them)"
        problems.append(Problem("SECRET_KEY", "nothing", expected))
    if environment.flag("USE_S3"):
        needed = list(BUCKET_VARIABLES)
        if not environment.values.keys() & {"AWS_S3_ENDPOINT_URL", "STORAGE_PROVIDER"}:
            needed.append("AWS_S3_REGION_NAME")
        missing = [name for name in needed if name not in environment.values]
        problems += [Problem(name, "nothing", "a value, because USE_S3 is true") for name in missing]
    problems += _about_another_store(environment)
    custom_domain = environment.text("AWS_S3_CUSTOM_DOMAIN")
    if environment.flag("USE_HTTPS") and custom_domain.lower().startswith("http://"):
        expected = "an address that answers https, because USE_HTTPS is true"
        problems.append(Problem("AWS_S3_CUSTOM_DOMAIN", repr(custom_domain), expected))
    problems += _about_listeners(environment)
    problems += _about_private_files(environment)
    return problems + [_as_problem(wrong) for wrong in _about_the_bucket(environment) if _stops(wrong, environment)]


def _about_listeners(environment: Environment) -> list[Problem]:
    """Return the addresses to which requests would go in the clear, unless the owner allows that."""
    if environment.flag("STORAGE_ALLOW_HTTP"):
        return []
    used = {"AWS_S3_ENDPOINT_URL"} if _has_bucket(environment) else set()
    if environment.text("EXPORTS_STORAGE_BUCKET_NAME"):
        own = "EXPORTS_S3_ENDPOINT_URL"
        used.add(own if environment.text(own) else "AWS_S3_ENDPOINT_URL")
    expected = "its https address; or STORAGE_ALLOW_HTTP=true, if nobody else can listen on the way"
    return [
        Problem(name, repr(environment.text(name)), expected)
        for name in sorted(used)
        if is_in_the_clear(environment.text(name))
    ]


def _about_private_files(environment: Environment) -> list[Problem]:
    served = {"pictures": media_root(), "static files": state_directory() / "static"}
    has_bucket = bool(environment.text("AWS_STORAGE_BUCKET_NAME"))
    wrong = private_places.contradictions(environment.text, served=served, has_bucket=has_bucket)
    return [Problem(*each) for each in wrong] + _about_what_is_there(environment, private_elsewhere, PRIVATE)


def _about_another_store(environment: Environment) -> list[Problem]:
    """Return what keeps the store of ``STORAGE_URL`` from being used."""
    wanted, url = environment.flag("USE_STORAGE_URL"), environment.text("STORAGE_URL")
    if wanted and environment.flag("USE_S3"):
        expected = "one of the two to be false: pictures are in the bucket, or in the store of STORAGE_URL"
        return [Problem("USE_STORAGE_URL", "true, and USE_S3 is true as well", expected)]
    if wanted and not url:
        return [Problem("STORAGE_URL", "nothing", "where the store is, because USE_STORAGE_URL is true")]
    return _about_what_is_there(environment, elsewhere)


def _about_what_is_there(
    environment: Environment, described_by_lines: Callable[..., dict[str, object] | None], of: str = "STORAGE"
) -> list[Problem]:
    try:
        if described := described_by_lines(environment, state_directory()):
            conf.described(ELSEWHERE, described, store_url.CALLED)
    except SettingsError as wrong:
        variable = wrong.setting if wrong.setting in VARIABLES else "STORAGE_URL"
        found = wrong.what.partition(" is ")[2].rstrip(".")
        expected = wrong.remedy.removeprefix("Expected: ").rstrip(".")
        names = {name: name.replace("STORAGE", of, 1) for name in store_url.CALLED.values()}
        names[store_url.KNOWN_HOSTS] = store_url.KNOWN_HOSTS  # one file for both
        for name, meant in names.items():
            expected = expected.replace(name, meant)
        return [Problem(names.get(variable, variable), found, expected)]
    return []


def _has_bucket(environment: Environment) -> bool:
    return environment.flag("USE_S3") or all(environment.text(name) for name in BUCKET_VARIABLES)


def _about_the_bucket(environment: Environment) -> list[Contradiction]:
    """Return what does not go together in the lines about the bucket, once there is one."""
    if not _has_bucket(environment):
        return []
    names = ("bucket", "provider", "region", "endpoint_url", "custom_domain", "addressing_style")
    values = {name: environment.text(STORAGE_VARIABLES[name.upper()]) for name in names}
    return contradictions(Written(**values, acl=environment.text("AWS_DEFAULT_ACL")))


def _stops(wrong: Contradiction, environment: Environment) -> bool:
    """Return whether it keeps the site from starting. A site that never named its service may have run so for years."""
    return wrong.certain and bool(environment.text("STORAGE_PROVIDER"))


def _as_problem(wrong: Contradiction) -> Problem:
    return Problem(STORAGE_VARIABLES[wrong.value], wrong.found, wrong.expected)


def shown(variable: Variable, value: str) -> str:
    """Return *value* as it may appear on a screen: quoted, or only measured if it is a secret."""
    return f"a value of {len(value)} characters" if variable.secret else repr(value)


def hints(environment: Environment) -> list[str]:
    """Return what does not stop the start but deserves a look: a misspelt name, a file that others can read, …"""
    lines = []
    for name in environment.unknown:
        if alike := difflib.get_close_matches(name, VARIABLES, n=1, cutoff=0.85):
            lines.append(f"{name} is not a setting of this site; did you mean {alike[0]}?")
    doubtful = [wrong for wrong in _about_the_bucket(environment) if not _stops(wrong, environment)]
    lines += [str(_as_problem(wrong)) for wrong in doubtful]
    if private_places.same_key(environment.text):
        lines.append(
            f"{private_places.KEY_ID} is the key of the public files too; with one of its own, who gets the one has "
            "not got the other"
        )
    if environment.source.exists() and environment.source.stat().st_mode & 0o077:
        lines.append(f"{environment.source} holds secrets and others can read it; run: chmod 600 {environment.source}")
    return lines


def site_url(environment: Environment) -> str:
    """Return the site's public address without a slash at its end."""
    https, domain, port = environment.flag("USE_HTTPS"), environment.text("DOMAIN"), environment.text("PORT")
    names_a_port = re.search(r":\d+$", domain) is not None
    # With https the site stands behind a proxy that answers on 443; PORT is then only where the proxy finds it.
    silent = https or names_a_port or port == "80"
    return f"{'https' if https else 'http'}://{domain}" + ("" if silent else f":{port}")


def bind_address(environment: Environment) -> str:
    """Return where the site listens: on this machine alone unless it is meant to be reached without a proxy."""
    if chosen := environment.text("BIND_ADDRESS"):
        return chosen
    local = environment.flag("USE_HTTPS") or host_of(environment.text("DOMAIN")) in ("localhost", "127.0.0.1", "[::1]")
    return "127.0.0.1" if local else "0.0.0.0"  # noqa: S104 - a DOMAIN without https is served directly


def host_of(domain: str) -> str:
    return re.sub(r":\d+$", "", domain)
