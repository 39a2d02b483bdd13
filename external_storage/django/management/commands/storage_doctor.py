"""``storage_doctor``: is the storage set up right? Looked at from here, and as a visitor's browser sees it."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from ....errors import SettingsError
from ....health import access
from ....health.findings import Finding, Verdict, exit_code
from ....health.questions import QUESTIONS
from ....sentences import in_language, say
from ... import checkup, conf, mending, reports, sending
from ...console import StorageCommand, language_of_the_terminal


class Command(StorageCommand):
    help = "Check that the bucket (or, without one, the local folder) is set up right. Exit code 0 only if all is well."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--alias", default="default", help="The storage alias of the media files.")
        parser.add_argument("--static-alias", default="staticfiles", help="The storage alias of the static files.")
        parser.add_argument("--quick", action="store_true", help="Leave out what has to list all files.")
        parser.add_argument(
            "--accept", action="append", default=[], metavar="ID", help="Let this finding not count for the exit code."
        )
        parser.add_argument("--fix", action="store_true", help="Mend what can be mended safely; each is shown first.")
        parser.add_argument(
            "--language", metavar="CODE", help="Say it in this language (en, fr); without, in that of the terminal."
        )
        parser.add_argument("-n", "--dry-run", action="store_true", help="With --fix: show, and mend nothing.")

    def run(self, **options: Any) -> int:
        if strange := sorted(set(options["accept"]) - set(QUESTIONS)):
            raise SettingsError(
                f"There is no finding {strange[0]!r}.", remedy="docs/reference/commands.md has the list of them."
            )
        self._language = options["language"] or language_of_the_terminal()
        subject = checkup.subject_of(options["alias"], options["static_alias"])
        found = self._look(subject, options)
        if options["fix"]:
            found = self._mend(subject, found, options)
        reports.keep(found)
        code = exit_code(found, accepted=options["accept"])
        if options["json"]:
            told = {"findings": self.as_json(found), "curl": subject.curl_line, "exit_code": code}
            self.tell_json(told)
        else:
            self._conclude(subject, found, code=code, is_whole=exit_code(found) == 0)
        return code

    def _look(self, subject: checkup.Subject, options: dict[str, Any]) -> list[Finding]:
        found, left_open = [], []
        for finding in checkup.examine(subject, quick=options["quick"]):
            found.append(finding)
            if finding.verdict is Verdict.UNKNOWN:
                left_open.append(finding)  # one thing that is broken may leave many questions open
            elif not options["json"]:
                self.tell_findings([finding], language=self._language)
        if not options["json"]:
            self.tell_findings(left_open, language=self._language)
        return found

    def _mend(self, subject: checkup.Subject, found: list[Finding], options: dict[str, Any]) -> list[Finding]:
        """Show each step that mends something, take it, and look again if one was taken."""
        steps = mending.steps_for(subject, found)
        if not options["json"]:
            self.tell()
            for step in steps:
                self._tell(say("To mend {finding}: {what}", finding=step.finding, what=step.what))
                if step.shown:
                    self.tell(step.shown)
            if not steps:
                self._tell(say("There is nothing that could be mended from here."))
        if options["dry_run"] or not steps:
            return found
        for step in steps:
            step.take()
        if not options["json"]:
            self._tell(say("Mended; looking again:"))
            self.tell()
        return self._look(subject, options)

    def _conclude(self, subject: checkup.Subject, found: list[Finding], *, code: int, is_whole: bool) -> None:
        of = {finding.id: finding.verdict for finding in found}
        if of.get("store.answers") is Verdict.OK:
            self._explain_the_curl_line(subject)
        if of.get("store.credentials") is Verdict.OK:  # what a key may do is no question while nobody knows it
            self._show_the_least_policy(subject, found)
        if code:
            self._tell(say("Not all is well, or not everything could be checked; see above."))
        elif not is_whole:
            self._tell(say("All else is well; what was accepted is told above."))
        elif Verdict.WARNING in of.values():
            self._tell(say("Nothing is wrong; what could be better is told above."))
        else:
            self._tell(say("All is well."))

    def _tell(self, sentence: str) -> None:
        self.tell(in_language(sentence, self._language))

    def _explain_the_curl_line(self, subject: checkup.Subject) -> None:
        if not subject.curl_line:
            return
        self.tell()
        if explanation := subject.why_not_http:
            self._tell(explanation)
        self.tell(subject.curl_line)
        self.tell()

    def _show_the_least_policy(self, subject: checkup.Subject, found: list[Finding]) -> None:
        about_the_key = {f.id for f in found if f.id.startswith("permission.") and f.verdict is not Verdict.OK}
        if not about_the_key or not isinstance(subject.media, conf.BucketSettings):
            return
        self._tell(say("A policy with all that this site's access key needs, and nothing more:"))
        self.tell(access.to_paste(sending.least_policy_for(subject.media)))
        self.tell()
