"""What all our commands share: options, one way to print, documented exit codes, and no secret in any output."""

from __future__ import annotations

import json
import os
import signal
import sys
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.base import BaseCommand, OutputWrapper
from django.db import DatabaseError

from ..errors import Interrupted, StorageError
from ..health.findings import Finding, Verdict, gathered
from ..sentences import in_language, say
from ..transfer.progress import Progress, for_stream
from . import conf
from .remedies import as_typed

SHORTEST_SECRET = 8
SECRET_VARIABLES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
FRENCH_SPACES = "\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}"
PRECEDENCE = (143, 130, 6, 3, 2, 1, 5, 4, 0)
SIGNS = {
    Verdict.OK: say("ok"),
    Verdict.WARNING: say("WARNING"),
    Verdict.FAILURE: say("FAILURE"),
    Verdict.UNKNOWN: say("COULD NOT TELL"),
}


class StorageConsole(BaseCommand):
    """What a command says, it says here: on one line each, or as JSON, and without secrets."""

    _shows_progress = False

    def tell(self, line: str = "") -> None:
        self.stdout.write(without_secrets(line))

    def tell_json(self, values: Any) -> None:
        self.tell(json.dumps(values, ensure_ascii=True))

    def tell_problem(self, problem: StorageError, *, as_json: bool) -> None:
        if as_json:
            remedy = as_typed(problem.remedy)
            self.tell_json({"error": problem.what, "remedy": remedy, "exit_code": problem.exit_code})
        else:
            self.stderr.write(without_secrets(as_typed(str(problem))))

    @contextmanager
    def ending_with_a_word(self, *, as_json: bool) -> Iterator[None]:
        """End the command with a sentence and the documented code, and no traceback, if the block fails in our ways."""
        try:
            yield
        except StorageError as problem:
            # A run that showed its progress has told in its last lines what ended it.
            if problem.report is None or not self._shows_progress:
                self.tell_problem(problem, as_json=as_json)
            sys.exit(problem.exit_code)
        except DatabaseError as error:
            unusable = StorageError(
                f"The database cannot be used: {' '.join(str(error).split()).rstrip('.')}.",
                remedy="If it is new, or the code is, run migrate first.",
            )
            self.tell_problem(unusable, as_json=as_json)
            sys.exit(unusable.exit_code)
        except KeyboardInterrupt:
            stopped = Interrupted(signal.SIGINT)
            self.tell_problem(stopped, as_json=as_json)
            sys.exit(stopped.exit_code)
        except BrokenPipeError:
            # Whoever read our output has left, as `head` does. Python would try once more to write at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(128 + signal.SIGPIPE)

    def tell_findings(self, findings: Iterable[Finding], *, language: str = "en") -> None:
        for group in gathered(each.said_in(language) for each in findings):
            finding, questions = group[0], ", ".join(each.id for each in group)
            sign = in_language(SIGNS[finding.verdict], language)
            self.tell(f"{sign:<14} {questions}: {_plainly(finding.seen)}")
            if finding.remedy:
                self.tell(f"{'':<14} -> {_plainly(as_typed(finding.remedy))}")
            if finding.verdict is not Verdict.OK:
                self.tell(f"{'':<14}    {finding.link_in(language)}")

    def as_json(self, findings: Iterable[Finding]) -> list[dict[str, str]]:
        """Return *findings* for programs, with remedies that can be typed as they stand."""
        return [each.as_json() | {"remedy": as_typed(each.remedy)} for each in findings]

    def progress(self, *, as_json: bool) -> Progress:
        """Return the progress display that suits where our output goes."""
        self._shows_progress = True
        return for_stream(SecretFree(self.stdout), as_json=as_json)


class StorageCommand(StorageConsole):
    """A command that calls one function, prints what came back, and exits with a code of docs/reference/exit-codes.md.

    A subclass implements `run` and returns the exit code. A `StorageError` ends the command with its own code and its
    two sentences on standard error (or as JSON on standard output with ``--json``), never with a traceback.
    """

    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="Print JSON for programs instead of text.")

    def run(self, **options: Any) -> int:
        raise NotImplementedError

    def handle(self, *args: Any, **options: Any) -> None:
        with self.ending_with_a_word(as_json=options["json"]):
            if code := self.run(**options):
                sys.exit(code)


class SecretFree:
    """A command's output as a plain text stream that blots out configured secrets on the way."""

    def __init__(self, stream: OutputWrapper) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        # Django would end each write with a line break, which would tear a progress line apart.
        self._stream.write(without_secrets(text), ending="")

    def flush(self) -> None:
        self._stream.flush()

    def isatty(self) -> bool:
        return self._stream.isatty()


def language_of_the_terminal() -> str:
    """Return the language that whoever sits there has chosen, as gettext looks for it; ``en`` where that is none."""
    for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        if chosen := os.environ.get(name):
            language = chosen.partition(":")[0].partition(".")[0].partition("_")[0].lower()
            return language if language.isalpha() and language not in ("c", "posix") else "en"
    return "en"


def worst(codes: Iterable[int]) -> int:
    """Return the exit code that says most: a refusal before failures, failures before what verification found."""
    return min(codes, key=PRECEDENCE.index, default=0)


def _plainly(text: str) -> str:
    """Return *text* without what would move a terminal's cursor: a store may have written part of it."""
    return "".join(
        each if each.isprintable() or each in FRENCH_SPACES else "\N{REPLACEMENT CHARACTER}" for each in text
    )


def without_secrets(text: str) -> str:
    """Return *text* with every secret we were given blotted out: a store may echo what it was sent."""
    for secret in _secrets():
        text = text.replace(secret, "…")
    return text


def _secrets() -> set[str]:
    found = {os.environ.get(name, "") for name in SECRET_VARIABLES}
    try:
        stores = conf.configuration().stores.values()
    except StorageError:
        stores = []
    found |= {secret for store in stores for secret in store.secrets}
    # A test server's key may be a word like "admin"; blotting out such words would garble every sentence.
    return {secret for secret in found if len(secret) >= SHORTEST_SECRET}
