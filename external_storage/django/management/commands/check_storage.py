"""``check_storage``: is the storage set up right? Looked at from here, and as a visitor's browser sees it."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from ....health.findings import Finding, exit_code
from ... import checkup
from ...console import StorageCommand


class Command(StorageCommand):
    help = "Check that the bucket (or, without one, the local folder) is set up right. Exit code 0 only if all is well."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--alias", default="default", help="The storage alias of the media files.")
        parser.add_argument("--static-alias", default="staticfiles", help="The storage alias of the static files.")

    def run(self, **options: Any) -> int:
        subject = checkup.subject_of(options["alias"], options["static_alias"])
        found = list(self._shown_as_they_come(subject, quiet=options["json"]))
        code = exit_code(found)
        if options["json"]:
            self.tell_json(
                {"findings": [finding.as_json() for finding in found], "curl": subject.curl_line, "exit_code": code}
            )
            return code
        self._explain_the_curl_line(subject)
        self.tell("All is well." if code == 0 else "Not all is well, or not everything could be checked; see above.")
        return code

    def _shown_as_they_come(self, subject: checkup.Subject, *, quiet: bool) -> list[Finding]:
        found = []
        for finding in checkup.examine(subject):
            found.append(finding)
            if not quiet:
                self.tell_findings([finding])
        return found

    def _explain_the_curl_line(self, subject: checkup.Subject) -> None:
        if not subject.curl_line:
            return
        self.tell()
        if explanation := subject.why_not_http:
            self.tell(explanation)
        self.tell(subject.curl_line)
        self.tell()
