"""``storage_access``: who may read the site's files in the bucket, and the change that lets everybody."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from ....errors import PermissionRefused, StorageError
from ....health import access, doctor
from ....health.asking import ask
from ....health.bucket import CallNotOffered
from ....health.findings import Finding, Verdict
from ....health.preflight import judge_probe, probe_object
from ....stores.retrying import RetryingStore
from ... import checkup, conf, opening, sending
from ...bucket_api import BucketApi
from ...console import StorageCommand

NOT_TAKEN = 5


class Command(StorageCommand):
    help = (
        "Show who may read the site's files in its bucket, or let everybody read them and nothing else: "
        "by each file's ACL where the bucket honours that, else by the bucket's policy. Nobody is ever let list."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("action", choices=("show", "apply"), help="Look, or open the site's files to readers.")
        parser.add_argument("--alias", default="default", help="The storage alias whose bucket is meant.")
        parser.add_argument("-n", "--dry-run", action="store_true", help="Show the policy; set nothing.")

    def run(self, **options: Any) -> int:
        bucket = sending.bucket_of(options["alias"])
        return self._show(bucket, options) if options["action"] == "show" else self._apply(bucket, options)

    # show

    def _show(self, bucket: conf.BucketSettings, options: dict[str, Any]) -> int:
        policy, why_not = _policy_if_seen(bucket)
        found = _as_a_stranger(bucket)
        code = 0 if found and all(finding.verdict is Verdict.OK for finding in found) else NOT_TAKEN
        if options["json"]:
            findings = self.as_json(found)
            self.tell_json({**_described(bucket), "policy": policy, "findings": findings, "exit_code": code})
            return code
        for name, value in _described(bucket).items():
            self.tell(f"{name}: {value}")
        self.tell(why_not or (access.to_paste(policy) if policy else "The bucket has no policy."))
        for remark in access.too_open(policy):
            self.tell(f"Note: {remark}")
        self.tell_findings(found)
        return code

    # apply

    def _apply(self, bucket: conf.BucketSettings, options: dict[str, Any]) -> int:
        opening.public_prefixes(bucket)  # refuses a bucket with private files, before anything is tried
        if not options["dry_run"] and _is_readable(bucket):
            return self._report(bucket, None, options, "Nothing to do: everybody can read the site's files.")
        try:
            change = opening.change_for(bucket)
            if options["dry_run"]:
                return self._report(bucket, change, options, "This policy would be set:", show=True)
            change.make()
        except (CallNotOffered, PermissionRefused) as problem:
            return self._hand_over(bucket, problem, options)
        return self._report(bucket, change, options, "The policy is set.")

    def _report(
        self,
        bucket: conf.BucketSettings,
        change: opening.PolicyChange | None,
        options: dict[str, Any],
        headline: str,
        *,
        show: bool = False,
    ) -> int:
        found = [] if show else _as_a_stranger(bucket)
        code = NOT_TAKEN if any(finding.verdict is not Verdict.OK for finding in found) else 0
        remarks = change.remarks if change else []
        if options["json"]:
            self.tell_json(
                {
                    **_described(bucket),
                    "policy": change.after if change else None,
                    "set": change is not None and not show,
                    "remarks": remarks,
                    "findings": self.as_json(found),
                    "exit_code": code,
                }
            )
            return code
        self.tell(headline)
        if change:
            self.tell(change.as_text)
        for remark in remarks:
            self.tell(f"Note: {remark} It was there before, and was left alone.")
        self.tell_findings(found)
        return code

    def _hand_over(self, bucket: conf.BucketSettings, problem: StorageError, options: dict[str, Any]) -> int:
        """The store has no such call, or not for this key: print what its owner has to enter by hand."""
        policy = access.public_read_policy(bucket.bucket, opening.public_prefixes(bucket))
        paste = "Enter this as the bucket's policy in the service's console."
        hint = bucket.service.access_hint
        where = hint if bucket.service.access == "console" and hint else f"{paste} {hint}".rstrip()
        if options["json"]:
            told = {"error": problem.what, "remedy": where, "policy": policy, "exit_code": problem.exit_code}
            self.tell_json(told)
            return problem.exit_code
        self.tell(f"The policy could not be set from here: {problem.what}")
        self.tell(where)
        self.tell(access.to_paste(policy))
        return problem.exit_code


def _described(bucket: conf.BucketSettings) -> dict[str, str]:
    provider = bucket.service
    decides = {
        "acl": "each file's own ACL, or the bucket's policy",
        "policy": "the bucket's policy",
        "console": "a switch in the service's console",
    }
    return {
        "bucket": bucket.bucket,
        "service": provider.name,
        "decides who may read": decides[provider.access],
        "ACL sent with each file": bucket.acl or "none",
    }


def _policy_if_seen(bucket: conf.BucketSettings) -> tuple[dict[str, Any] | None, str]:
    """Return the bucket's policy, or a sentence on why it cannot be seen."""
    try:
        return BucketApi(bucket).policy(), ""
    except (CallNotOffered, PermissionRefused) as problem:
        return None, f"The bucket's policy cannot be seen with this key: {problem.what}"


def _as_a_stranger(bucket: conf.BucketSettings) -> list[Finding]:
    """Ask as a stranger for a probe stored as public, and for a list."""
    tried: list[Finding] = []
    with probe_object(RetryingStore(conf.store_named(bucket.name)), tried) as key:
        if key:
            tried.append(judge_probe(bucket.public_url, key, ask))
    return [*tried, doctor.examine_listing(checkup.doors_of(bucket).roots, ask=ask)]


def _is_readable(bucket: conf.BucketSettings) -> bool:
    return any(each.id == "access.public" and each.verdict is Verdict.OK for each in _as_a_stranger(bucket))
