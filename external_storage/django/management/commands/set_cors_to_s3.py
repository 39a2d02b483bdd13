"""``set_cors_to_s3``: let the site's pages use the fonts that lie in the bucket."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any

from ....errors import PermissionRefused, StorageError
from ....health import cors
from ....health.bucket import CallNotOffered
from ... import conf, sending
from ...bucket_api import BucketApi
from ...console import StorageCommand
from ...cors_files import fonts_alias, rules_in_file, site_origins

NOT_TAKEN = 5


class Command(StorageCommand):
    help = (
        "Set the bucket's CORS rules: those of FILE exactly as they are, or without FILE the right ones for this site. "
        "The rules are read back and compared; the command fails if they did not take."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "file", nargs="?", metavar="FILE", help='A JSON file with "CORSRules", or XML; "-" reads stdin.'
        )
        parser.add_argument("-n", "--dry-run", action="store_true", help="Show the rules; set nothing.")
        parser.add_argument("--alias", help="The storage alias whose bucket is meant: staticfiles, or else default.")

    def run(self, **options: Any) -> int:
        bucket = sending.bucket_of(options["alias"] or fonts_alias())
        rules = rules_in_file(options["file"]) if options["file"] else cors.right_rules(site_origins())
        said = cors.remarks(rules, conf.configuration().site_origins)
        if options["dry_run"]:
            return self._report(rules, said, [], as_json=options["json"], headline="These rules would be set:")
        api = BucketApi(bucket)
        try:
            api.set_cors_rules(rules)
        except (CallNotOffered, PermissionRefused) as problem:
            return self._hand_over(bucket, rules, problem, as_json=options["json"])
        found = api.cors_rules()
        return self._report(rules, said, cors.differences(rules, found), as_json=options["json"])

    def _report(
        self,
        rules: Sequence[cors.Rule],
        remarks: Sequence[str],
        differences: Sequence[str],
        *,
        as_json: bool,
        headline: str = "",
    ) -> int:
        code = NOT_TAKEN if differences else 0
        if as_json:
            self.tell_json({"rules": rules, "remarks": remarks, "differences": differences, "exit_code": code})
            return code
        if headline:
            self.tell(headline)
            self.tell(json.dumps({"CORSRules": rules}, indent=2))
        for remark in remarks:
            self.tell(f"Note: {remark}")
        for difference in differences:
            self.tell(f"The bucket did not take the rules as they are. {difference}")
        return code

    def _hand_over(
        self, bucket: conf.BucketSettings, rules: Sequence[cors.Rule], problem: StorageError, *, as_json: bool
    ) -> int:
        """The store has no such call, or not for this key: print what its owner has to enter by hand."""
        provider = bucket.service
        where = provider.cors_hint or "Set it in the service's console, or in the server's own configuration."
        if as_json:
            self.tell_json({"error": problem.what, "remedy": where, "rules": rules, "exit_code": problem.exit_code})
            return problem.exit_code
        self.tell(str(problem))
        self.tell(where)
        self.tell(json.dumps({"CORSRules": rules}, indent=2))
        return problem.exit_code
