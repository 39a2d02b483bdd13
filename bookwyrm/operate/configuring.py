"""``configure_storage``: ask what it takes to reach a bucket, write it into ``.env``, and have the bucket checked."""

from __future__ import annotations

import argparse
import getpass
import gettext
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import cache
from urllib.parse import urlsplit

from external_storage.providers import GENERIC, Provider, called, named_like, providers, recognise
from external_storage.providers.addresses import bare_domain, is_in_the_clear, public_url
from external_storage.providers.contradictions import Contradiction, Written, contradictions

from .. import env
from ..env_file import CannotEdit, change
from .commands import OK, WRONG_SETTINGS, CommandFailed, say, snapshot

PROVIDER, BUCKET, REGION = "STORAGE_PROVIDER", "AWS_STORAGE_BUCKET_NAME", "AWS_S3_REGION_NAME"
ENDPOINT, DOMAIN = "AWS_S3_ENDPOINT_URL", "AWS_S3_CUSTOM_DOMAIN"
KEY_ID, SECRET = "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"
OF_ONE_SERVICE = ("AWS_DEFAULT_ACL", "AWS_S3_ADDRESSING_STYLE")
"""What was chosen for a service and means nothing, or another thing, at the next one."""

Answers = dict[str, str]


@cache
def _words() -> gettext.NullTranslations:
    """Return the site's translations into the language of the terminal; English where there are none."""
    return gettext.translation("django", env.CHECKOUT / "bookwyrm" / "locale", fallback=True)


def _(text: str) -> str:
    return _words().gettext(text)


def _language() -> str:
    return _words().info().get("language", "en")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--provider", metavar="NAME", help="the service (docs/operate/en/providers.md names them)")
    parser.add_argument("--bucket", help="the bucket's name")
    parser.add_argument("--region", help="the bucket's region")
    parser.add_argument("--endpoint", metavar="URL", help="the address of the S3 API, where it is your own")
    parser.add_argument("--domain", help="where visitors read the files, if not at the service's own address")
    parser.add_argument("--replace", action="store_true", help="name another bucket although one is in use")
    parser.add_argument("--no-check", action="store_true", help="write the settings and leave the bucket alone")


def configure(options: argparse.Namespace) -> int:
    """Return 0 if all is written and the bucket is fine, the check's code if it is not, 2 if nothing was written."""
    environment = env.read()
    if environment.problems:
        raise CommandFailed(str(env.BadEnvironment(list(environment.problems), environment.source)), WRONG_SETTINGS)
    answers = Dialogue(options, environment).hold()
    _refuse_to_lose_the_bucket_in_use(answers, environment, options)
    _write(answers, environment)
    code = OK if options.no_check else _check(environment)
    _tell_what_comes_next(code)
    return code


class Dialogue:
    """The questions and their answers: from the command line, from ``.env`` if just Enter is pressed, or typed."""

    def __init__(self, options: argparse.Namespace, environment: env.Environment) -> None:
        self._environment = environment
        self._given = {
            PROVIDER: options.provider,
            BUCKET: options.bucket,
            REGION: options.region,
            ENDPOINT: options.endpoint,
            DOMAIN: options.domain,
        }
        self._typed = sys.stdin.isatty()
        self._answers: Answers = {}

    def hold(self) -> Answers:
        """Return an answer to each question that the service leaves open; "" for what follows from the others."""
        provider = self._ask_for_the_provider()
        self._answers[PROVIDER] = provider.id
        same = _provider_of(self._environment) in (None, provider)
        before = self._environment.text if same else lambda name: os.environ.get(name, "")
        self._ask(BUCKET, _("Name of the bucket"), self._environment.text(BUCKET))
        if provider.needs_endpoint:
            hint = provider.in_words("endpoint_hint", _language())
            self._ask(ENDPOINT, _("Address of the S3 API"), before(ENDPOINT), hint=hint)
        if provider.needs_region or provider.software:
            known = ", ".join(provider.regions)
            self._ask(REGION, _("Region"), before(REGION) or provider.default_region, hint=known)
        own = self._own_address(provider)
        is_that_bucket = self._answers[BUCKET] == self._environment.text(BUCKET)
        hint = provider.in_words("domain_hint", _language())
        self._ask(
            DOMAIN, _("Domain that serves the files"), bare_domain(before(DOMAIN) * is_that_bucket) or own, hint=hint
        )
        self._ask(KEY_ID, _("Access key ID"), before(KEY_ID))
        self._ask(SECRET, _("Secret access key"), before(SECRET))
        if self._answers[DOMAIN] == own:
            self._answers[DOMAIN] = ""
        return self._answers

    def _ask_for_the_provider(self) -> Provider:
        choices = _choices()
        if not self._given[PROVIDER]:
            say(_("Which service keeps your files?"))
            for number, provider in enumerate(choices, start=1):
                name = _("another S3-compatible service") if provider.id == GENERIC else provider.name
                say(f"  {number:>2}  {provider.id:<14} {name}")
        current = _provider_of(self._environment)

        def wrong(answer: str) -> str | None:
            if _chosen(answer, choices):
                return None
            names = named_like(answer)
            if len(names) < len(choices):
                return _("It is none of these. Did you mean %(names)s?") % {"names": ", ".join(names)}
            expected = _("Expected: a number from 1 to %(last)d, or one of these names: %(names)s.")
            return expected % {"last": len(choices), "names": ", ".join(names)}

        answer = self._answer(PROVIDER, _("Number or name"), current.id if current else "", "", wrong)
        return _chosen(answer, choices)

    def _own_address(self, provider: Provider) -> str:
        """Return where the service itself serves the bucket's files; "" where it does not."""
        if provider.needs_domain:
            return ""
        region = self._answers.get(REGION, "") or provider.default_region
        endpoint = self._answers.get(ENDPOINT, "") or provider.endpoint_in(region)
        url = public_url(self._answers[BUCKET], region=region, endpoint_url=endpoint or None, provider=provider)
        return bare_domain(url)

    def _ask(self, name: str, question: str, default: str, *, hint: str = "") -> None:
        def wrong(answer: str) -> str | None:
            if not answer:
                return _("An answer is needed.")
            if env.VARIABLES[name].expects(answer):
                return _what_is_expected(name)
            if name == ENDPOINT and is_in_the_clear(answer) and not self._environment.flag("STORAGE_ALLOW_HTTP"):
                return _(
                    "Others could read what is sent there. Take its https address; or, if nobody else can listen on "
                    "the way, write STORAGE_ALLOW_HTTP=true into .env first."
                )
            return next((_explanation(each) for each in self._certainly_wrong(name, answer)), None)

        self._answers[name] = self._answer(name, question, default, hint, wrong)
        for doubt in _about(self._answers, name):
            say(_explanation(doubt))

    def _certainly_wrong(self, name: str, answer: str) -> list[Contradiction]:
        return [each for each in _about({**self._answers, name: answer}, name) if each.certain]

    def _answer(self, name: str, question: str, default: str, hint: str, wrong: Callable[[str], str | None]) -> str:
        """Return the first good answer. A bad one that nobody can be asked about again ends the command."""
        if given := self._given.get(name):
            if problem := wrong(given):
                raise CommandFailed(f"{name}: {given!r}. {problem}", WRONG_SETTINGS)
            return _tidied(name, given)
        if hint:
            say(f"({hint})")
        while True:
            answer = _tidied(name, self._read(name, question, default)) or default
            problem = wrong(answer)
            if problem is None:
                return answer
            say(problem)
            if not self._typed:
                raise CommandFailed(_("Nothing was changed."), WRONG_SETTINGS)

    def _read(self, name: str, question: str, default: str) -> str:
        secret = name == SECRET
        shown = _("as it is") if secret and default else default
        prompt = f"{question} [{shown}]: " if shown else f"{question}: "
        if self._typed:
            return getpass.getpass(prompt) if secret else input(prompt)
        say(prompt.rstrip())
        line = sys.stdin.readline()
        if not line:
            if default:
                return ""
            raise CommandFailed(_("The answers ended too early. Nothing was changed."), WRONG_SETTINGS)
        return line


def _choices() -> list[Provider]:
    """Return the services in the order they are offered: those that others run, one's own, and any other."""
    known = providers().values()
    return sorted(known, key=lambda each: (each.id == GENERIC, each.software, each.name.lower()))


def _chosen(answer: str, choices: list[Provider]) -> Provider | None:
    if answer.isascii() and answer.isdigit():
        return choices[int(answer) - 1] if 0 < int(answer) <= len(choices) else None
    return called(answer)


def _provider_of(environment: env.Environment) -> Provider | None:
    """Return the service that ``.env`` is about, if it is about one."""
    if name := environment.text(PROVIDER):
        return called(name)
    if not environment.text(BUCKET):
        return None
    return recognise(environment.text(ENDPOINT))


def _tidied(name: str, answer: str) -> str:
    answer = answer.strip()
    if name == DOMAIN:
        return bare_domain(answer)
    return answer.rstrip("/") if name == ENDPOINT else answer


# What goes together


def _written(answers: Mapping[str, str]) -> Written:
    return Written(
        bucket=answers.get(BUCKET, ""),
        provider=answers.get(PROVIDER, ""),
        region=answers.get(REGION, ""),
        endpoint_url=answers.get(ENDPOINT, ""),
        custom_domain=answers.get(DOMAIN, ""),
    )


def _about(answers: Mapping[str, str], name: str) -> list[Contradiction]:
    """Return what is wrong or doubtful with one of the answers, as far as they have got."""
    values = {variable: value for value, variable in env.STORAGE_VARIABLES.items()}
    return [each for each in contradictions(_written(answers)) if each.value == values.get(name)]


def _what_is_expected(name: str) -> str:
    """Return what the rules of `env` expect, in the language of the terminal."""
    return {
        BUCKET: _("Expected: the bucket's bare name (letters, digits, dots and hyphens), such as my-books."),
        REGION: _("Expected: a region's name, such as eu-west-1, fr-par or nyc3."),
        ENDPOINT: _("Expected: a whole address, such as https://s3.example.org."),
        DOMAIN: _("Expected: a domain, such as media.example.org."),
        KEY_ID: _("Expected: one word without spaces."),
        SECRET: _("Expected: one word without spaces."),
    }[name]


def _explanation(wrong: Contradiction) -> str:
    said = {
        "endpoint.holds-bucket": _("Leave the bucket's name out of the address; it would stand there twice."),
        "endpoint.of-another-service": _("That is the address of another service."),
        "endpoint.unfamiliar": _("The service is not known by that address; it is taken all the same."),
        "region.unknown": _("The service was not known to have that region; it is taken all the same."),
        "region.of-another-endpoint": _("The address of the S3 API names another region; it is taken all the same."),
        "domain.is-the-endpoint": _("That is the S3 API itself: links would lack the bucket's name."),
        "domain.of-another-bucket": _("That is the address of another bucket, or of another region."),
    }
    return said.get(wrong.id) or f"{wrong.found}; {wrong.expected}."


# Writing it down


def _refuse_to_lose_the_bucket_in_use(
    answers: Answers, environment: env.Environment, options: argparse.Namespace
) -> None:
    """Raise unless the site's files stay where they are, or the owner has said that they need not."""
    if not environment.flag("USE_S3") or options.replace or _place(answers) == _place(environment.values):
        return
    raise CommandFailed(
        _(
            "USE_S3 is true: the site's files are in the bucket %(bucket)s. After another name here, links would lead "
            "to a bucket without them. Copy them first, or give --replace. Nothing was changed."
        )
        % {"bucket": environment.text(BUCKET)},
        WRONG_SETTINGS,
    )


def _place(values: Mapping[str, str]) -> tuple[str, str]:
    """Return which bucket is meant: the host of the API, and the name there."""
    provider = called(values.get(PROVIDER, ""))
    region = values.get(REGION, "") or (provider.default_region if provider else "")
    endpoint = values.get(ENDPOINT) or (provider.endpoint_in(region) if provider else "")
    # A bucket of Amazon's has the one name everywhere.
    is_amazons = recognise(endpoint).id == "aws"
    return "" if is_amazons else urlsplit(endpoint).netloc.lower(), values.get(BUCKET, "")


def _write(answers: Answers, environment: env.Environment) -> None:
    lines: dict[str, str | None] = {name: answers.get(name) or None for name in (PROVIDER, BUCKET, REGION)}
    lines |= {name: answers.get(name) or None for name in (ENDPOINT, DOMAIN)}
    lines |= {KEY_ID: answers[KEY_ID], SECRET: answers[SECRET]}
    if called(answers[PROVIDER]) != _provider_of(environment):
        lines |= dict.fromkeys(OF_ONE_SERVICE)
    try:
        change(environment.source, lines)
    except CannotEdit as problem:
        raise CommandFailed(f"{environment.source}: {problem}", WRONG_SETTINGS) from None
    say(_("Written to %(file)s, which only you can read.") % {"file": environment.source})
    now = env.read()
    for name, value in lines.items():
        if now.values.get(name, "") != (value or ""):
            say(_("%(name)s is also set in the environment, and that value counts.") % {"name": name})


def _check(environment: env.Environment) -> int:
    """Return the exit code of the look at the bucket, which prints what it found."""
    say("")
    # A site that never ran has no database yet, and the doctor asks it for a picture to look at.
    if snapshot() is None and (code := _manage("migrate", "--no-input", "--verbosity=0")):
        return code
    # Pictures and static files are sent to the bucket after this, so that they are not there yet counts for nothing.
    unsent = (
        [] if environment.flag("USE_S3") else [f"--accept={finding}" for finding in ("media.picture", "static.font")]
    )
    return _manage("storage_doctor", *unsent)


def _manage(*arguments: str) -> int:
    command = [sys.executable, str(env.CHECKOUT / "manage.py"), *arguments]
    return abs(subprocess.run(command, stdin=subprocess.DEVNULL, check=False).returncode)  # noqa: S603 - it is ours


def _tell_what_comes_next(code: int) -> None:
    say("")
    if code != OK:
        say(_("The settings are written. Follow the remedies above, then run ./bw-dev check_storage again."))
        return
    say(_("Next: ./bw-dev copy_media_to_s3 if the site has pictures, then USE_S3=true in .env and ./bw-dev up -d."))
