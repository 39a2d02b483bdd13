"""OpenStack Swift, as Ceph's gateway speaks it beside S3."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

import urllib3
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from .s3 import S3Server


@dataclass(frozen=True)
class SwiftServer:
    """A running Swift that is logged in to at *auth_url*, by the first version of its authentication."""

    auth_url: str
    user: str
    key: str = field(repr=False)

    def make_container(self) -> str:
        """Make a container for nobody but its owner; return its name."""
        login = urllib3.request(
            "GET", f"{self.auth_url}/v1.0", headers={"X-Auth-User": self.user, "X-Auth-Key": self.key}
        )
        name = f"files-{secrets.token_hex(6)}"
        token = {"X-Auth-Token": login.headers["X-Auth-Token"]}
        answer = urllib3.request("PUT", f"{login.headers['X-Storage-Url']}/{name}", headers=token)
        assert answer.status == 201, answer.data
        return name


def swift_of(ceph: S3Server) -> SwiftServer:
    """Give the owner of *ceph*'s buckets a key to its Swift as well."""
    key = secrets.token_hex(20)
    query = f"uid=site&subuser=swift&key-type=swift&access=full&secret-key={key}&format=json"
    asked = AWSRequest("PUT", f"{ceph.endpoint_url}/admin/user?{query}")
    S3SigV4Auth(Credentials(ceph.access_key_id, ceph.secret_access_key), "s3", ceph.region).add_auth(asked)
    answer = urllib3.request("PUT", asked.url, headers=dict(asked.headers))
    assert answer.status == 200, answer.data
    return SwiftServer(f"{ceph.endpoint_url}/auth", "site:swift", key)
