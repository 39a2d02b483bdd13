"""Try a bucket on a probe before anything is entrusted to it, and say what would help."""

from __future__ import annotations

from ..health import access
from ..health.findings import Finding
from ..health.preflight import Preflight, preflight
from ..health.qualities import examine_acl
from ..stores import Store
from ..stores.retrying import RetryingStore
from . import conf, sending
from .bucket_api import BucketApi
from .console import StorageCommand


class ProbingCommand(StorageCommand):
    """A command that sends files to a bucket."""

    def try_the_store(
        self, bucket: conf.StoreSettings, store: Store, *, may_ask: bool, write: bool, as_json: bool
    ) -> Preflight:
        """Try on a probe all that the copy needs; tell what is wrong, and what to do about it."""
        # Where only the site itself can serve the files, no stranger sees them before they are in use.
        may_ask = may_ask and bool(bucket.public_url)
        tried = preflight(RetryingStore(store), bucket.public_url, public=may_ask, write=write)
        if "write" in tried.may_not and isinstance(conf.configuration().stores.get(bucket.name), conf.BucketSettings):
            tried.findings.append(examine_acl(BucketApi(bucket), bucket.prefix, bucket.acl))
        if not tried.failures:
            self.tell_seen(tried.warnings, as_json=as_json)
        elif as_json:
            self.tell_json({"findings": self.as_json(tried.failures), "exit_code": 3})
        else:
            self.tell_findings(tried.failures)
            if isinstance(bucket, conf.BucketSettings):
                self._advise(bucket, tried.may_not)
            self.tell("Nothing was copied.")
        return tried

    def tell_seen(self, findings: list[Finding], *, as_json: bool) -> None:
        if as_json and findings:
            self.tell_json({"findings": self.as_json(findings)})
        elif findings:
            self.tell_findings(findings)

    def _advise(self, bucket: conf.BucketSettings, may_not: list[str]) -> None:
        if may_not:
            self.tell("A policy with all that this site's access key needs, and nothing more:")
            self.tell(access.to_paste(sending.least_policy_for(bucket)))
        else:
            self.tell("If the bucket decides access by its policy, this one opens the site's files, and only those:")
            self.tell(access.to_paste(access.public_read_policy(bucket.bucket, sending.prefixes_in(bucket))))
