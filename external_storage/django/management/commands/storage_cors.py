"""``storage_cors``: let the site's pages use the files that lie in the bucket, and keep what others allowed there."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ....errors import PermissionRefused, SettingsError, StorageError
from ....health import cors, doctor
from ....health.bucket import CallNotOffered
from ....health.findings import Finding, exit_code
from ....health.preflight import PROBE_HEADERS, probe_object
from ....stores.retrying import RetryingStore
from ... import conf, sending
from ...bucket_api import BucketApi, cors_rules_if_seen
from ...console import StorageCommand
from ...cors_files import fonts_alias, rules_in_file, site_origins

NOT_TAKEN = 5


class Command(StorageCommand):
    help = (
        "Show the bucket's CORS rules; check them as a browser does; let the site's pages read, with GET and HEAD; or "
        "take that back. Rules that others put there are kept."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("action", choices=("show", "check", "apply", "remove"), help="What to do.")
        parser.add_argument(
            "file",
            nargs="?",
            metavar="FILE",
            help='For "apply": a JSON file with "CORSRules", or XML; "-" reads stdin. Without: the right rules.',
        )
        parser.add_argument("-n", "--dry-run", action="store_true", help="Show the rules; set nothing.")
        parser.add_argument("--alias", help="The storage alias whose bucket is meant: staticfiles, or else default.")
        parser.add_argument(
            "--method",
            action="append",
            default=[],
            choices=[method for method in cors.METHODS if method not in cors.NEEDED_METHODS],
            help="Allow this too, besides GET and HEAD; nothing in the site needs it.",
        )
        parser.add_argument("--xml", action="store_true", help="Show the rules as XML, which some consoles want.")

    def run(self, **options: Any) -> int:
        if options["file"] and options["action"] != "apply":
            raise SettingsError(f"{options['action']} takes no FILE.", remedy="Only apply does.")
        bucket = sending.bucket_of(options["alias"] or fonts_alias())
        return getattr(self, f"_{options['action']}")(bucket, options)

    def _show(self, bucket: conf.BucketSettings, options: dict[str, Any]) -> int:
        rules = BucketApi(bucket).cors_rules()
        remarks = cors.remarks(rules, conf.configuration().site_origins)
        if options["json"]:
            self.tell_json({"rules": rules, "remarks": remarks, "exit_code": 0})
            return 0
        self._tell_rules(rules, options)
        self._tell_remarks(remarks)
        return 0

    def _check(self, bucket: conf.BucketSettings, options: dict[str, Any]) -> int:
        found = list(_as_a_browser(bucket, site_origins()))
        code = exit_code(found)
        if options["json"]:
            self.tell_json({"findings": self.as_json(found), "exit_code": code})
        else:
            self.tell_findings(found)
        return code

    def _apply(self, bucket: conf.BucketSettings, options: dict[str, Any]) -> int:
        if options["file"]:
            ours = rules_in_file(options["file"])
        else:
            ours = _with_methods(cors.right_rules(site_origins()), options["method"])
        return self._set(bucket, ours, options)

    def _remove(self, bucket: conf.BucketSettings, options: dict[str, Any]) -> int:
        return self._set(bucket, [], options)

    def _set(self, bucket: conf.BucketSettings, ours: Sequence[cors.Rule], options: dict[str, Any]) -> int:
        """Put *ours* in the place of what the site had, keep the rest, and read the whole back."""
        api = BucketApi(bucket)
        rules: Sequence[cors.Rule] = ours
        try:
            rules = cors.merged(ours, api.cors_rules(), conf.configuration().site_origins)
            remarks = cors.remarks(ours, conf.configuration().site_origins) if ours else []
            if options["dry_run"]:
                return self._report(rules, remarks, [], options, headline="These rules would be set:")
            api.set_cors_rules(rules)
        except (CallNotOffered, PermissionRefused) as problem:
            return self._hand_over(bucket, rules, problem, options)
        return self._report(rules, remarks, cors.differences(rules, api.cors_rules()), options)

    def _report(
        self,
        rules: Sequence[cors.Rule],
        remarks: Sequence[str],
        differences: Sequence[str],
        options: dict[str, Any],
        *,
        headline: str = "These rules are in force:",
    ) -> int:
        code = NOT_TAKEN if differences else 0
        if options["json"]:
            self.tell_json({"rules": rules, "remarks": remarks, "differences": differences, "exit_code": code})
            return code
        if not differences:
            self.tell(headline)
            self._tell_rules(rules, options)
        self._tell_remarks(remarks)
        for difference in differences:
            self.tell(f"The bucket did not take the rules as they are. {difference}")
        return code

    def _hand_over(
        self,
        bucket: conf.BucketSettings,
        rules: Sequence[cors.Rule],
        problem: StorageError,
        options: dict[str, Any],
    ) -> int:
        """The store has no such call, or not for this key: print what its owner has to enter by hand."""
        provider = bucket.service
        where = provider.cors_hint or "Set it in the service's console, or in the server's own configuration."
        if options["json"]:
            told = {"error": problem.what, "remedy": where, "rules": rules, "exit_code": problem.exit_code}
            self.tell_json(told)
            return problem.exit_code
        self.tell(problem.what)
        self.tell(where)
        self._tell_rules(rules, options)
        return problem.exit_code

    def _tell_rules(self, rules: Sequence[cors.Rule], options: dict[str, Any]) -> None:
        self.tell(cors.as_xml(rules) if options["xml"] else json.dumps({"CORSRules": list(rules)}, indent=2))

    def _tell_remarks(self, remarks: Sequence[str]) -> None:
        for remark in remarks:
            self.tell(f"Note: {remark}")


def _with_methods(rules: Sequence[cors.Rule], methods: Sequence[str]) -> list[cors.Rule]:
    return [{**rule, "AllowedMethods": [*rule["AllowedMethods"], *dict.fromkeys(methods)]} for rule in rules]


def _as_a_browser(bucket: conf.BucketSettings, origins: Sequence[str]) -> Iterator[Finding]:
    """Ask for a probe of the bucket as pages of the site and of a stranger would."""
    tried: list[Finding] = []
    with _probe(bucket, tried) as sample:
        if sample:
            yield from doctor.examine_cors(sample, origins, cors_rules_if_seen(bucket))
        else:
            yield from tried


@contextmanager
def _probe(bucket: conf.BucketSettings, tried: list[Finding]) -> Iterator[doctor.Sample | None]:
    with probe_object(RetryingStore(conf.store_named(bucket.name)), tried) as key:
        yield doctor.Sample(bucket.public_url + key, "a probe", PROBE_HEADERS.content_type) if key else None
