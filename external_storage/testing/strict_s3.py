"""`FakeS3` as a server that checks who asks: signatures, the clock, ACLs, policies, anonymous access and CORS.

What it answers is held to what real servers answer by ``tests/contract/test_s3_servers.py``. It is for questions that
need a server both strict and wrong in one point, such as one whose clock is off:

    with StrictS3(access_key_id="key", secret_access_key="secret") as server:
        server.make_bucket("books")
        server.clock_ahead = 20 * 60
"""

from __future__ import annotations

import json
import re
import time
from calendar import timegm
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any
from xml.sax.saxutils import escape

from ..stores.s3.signing import Credentials, Signer, encode, encode_query
from .fake_s3 import FakeS3, Reply, Request, error_body

TOLERATED_SKEW = 15 * 60
SIGNED = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/\d+/([^/]+)/s3/aws4_request, ?SignedHeaders=([^,]+), ?Signature="
)
EVERYBODY = "http://acs.amazonaws.com/groups/global/AllUsers"
OPEN_ACLS = {"public-read": {"READ"}, "public-read-write": {"READ", "WRITE"}}


@dataclass
class Rules:
    """What one bucket was told: its ACL, its objects' ACLs, its policy and its CORS rules."""

    acl: str = "private"
    object_acls: dict[str, str] = field(default_factory=dict)
    policy: dict[str, Any] | None = None
    cors: list[dict[str, list[str]]] = field(default_factory=list)


class StrictS3(FakeS3):
    """One owner, with one access key; buckets exist once they are made; everybody else may do what was opened.

    With ``honours_acls=False`` it takes ACLs and lets them decide nothing, as stores do that go by policy alone.
    """

    def __init__(
        self, *, access_key_id: str, secret_access_key: str, region: str = "us-east-1", honours_acls: bool = True
    ) -> None:
        super().__init__()
        self._credentials = Credentials(access_key_id, secret_access_key)
        self._region = region
        self._honours_acls = honours_acls
        self.buckets: dict[str, Rules] = {}

    def make_bucket(self, name: str) -> None:
        self.buckets.setdefault(name, Rules())

    def _carry_out(self, request: Request) -> Reply:
        if request.method == "OPTIONS":
            return self._preflight(request)
        if (refused := self._identity_refused(request)) is not None:
            return refused
        if not request.bucket:
            return self._list_buckets() if _is_signed(request) else _denied()
        if request.bucket not in self.buckets and not self._makes_a_bucket(request):
            return Reply(404, error_body("NoSuchBucket"))
        if not _is_signed(request) and not self._is_open(request):
            return _denied()
        return self._with_cors(request, self._answer(request))

    # Who asks

    def _identity_refused(self, request: Request) -> Reply | None:
        """Return the refusal of a signature that is not right; None for one that is, and for strangers."""
        if not _is_signed(request):
            return None
        found = SIGNED.match(request.headers["authorization"])
        if found is None:
            return Reply(400, error_body("AuthorizationHeaderMalformed"))
        key, region, names = found.groups()
        if key != self._credentials.access_key_id:
            return Reply(403, error_body("InvalidAccessKeyId"))
        if region != self._region:
            body = f"<Error><Code>AuthorizationHeaderMalformed</Code><Region>{self._region}</Region></Error>"
            return Reply(400, body.encode())
        signed_at = _seconds(request.headers.get("x-amz-date", ""))
        if signed_at is None or abs(signed_at - (time.time() + self.clock_ahead)) > TOLERATED_SKEW:
            return Reply(403, error_body("RequestTimeTooSkewed"))
        if self._signature_of(request, names.split(";"), signed_at) != request.headers["authorization"]:
            return Reply(403, error_body("SignatureDoesNotMatch"))
        return None

    def _signature_of(self, request: Request, names: list[str], signed_at: float) -> str:
        """Sign the request anew, as its owner would have."""
        headers = {name: request.headers.get(name, "") for name in names if not name.startswith("x-amz-date")}
        payload = headers.pop("x-amz-content-sha256", request.headers.get("x-amz-content-sha256", ""))
        path = encode(f"/{request.bucket}/{request.key}" if request.key else f"/{request.bucket}", safe="/")
        if request.path_ends_with_slash and not request.key:
            path = f"{path.rstrip('/')}/"
        signer = Signer(self._credentials, self._region)
        signer.sign(request.method, path, encode_query(request.query), headers, payload, now=signed_at)
        return _like(headers["authorization"], request.headers["authorization"])

    # What is open to strangers

    def _is_open(self, request: Request) -> bool:
        rules = self.buckets[request.bucket]
        action = _action_of(request)
        return self._opened_by_acl(rules, request) or (action is not None and _opened_by_policy(rules, request, action))

    def _opened_by_acl(self, rules: Rules, request: Request) -> bool:
        if not self._honours_acls:
            return False
        if not request.key:
            return request.method == "GET" and not _subresource(request) and "READ" in OPEN_ACLS.get(rules.acl, ())
        if request.method in ("GET", "HEAD"):
            return "READ" in OPEN_ACLS.get(rules.object_acls.get(request.key, ""), ())
        return request.method in ("PUT", "DELETE") and "WRITE" in OPEN_ACLS.get(rules.acl, ())

    # What is asked

    def _answer(self, request: Request) -> Reply:
        rules = self.buckets.setdefault(request.bucket, Rules())
        if not request.key:
            answered = self._about_the_bucket(request, rules)
            if answered is not None:
                return answered
        reply = super()._carry_out(request)
        if request.method == "PUT" and request.key and reply.status == 200:
            rules.object_acls[request.key] = request.headers.get("x-amz-acl", "private")
        return reply

    def _about_the_bucket(self, request: Request, rules: Rules) -> Reply | None:
        match _subresource(request), request.method:
            case "policy", "PUT":
                rules.policy = json.loads(request.body)
                return Reply(204)
            case "policy", "GET":
                if rules.policy is None:
                    return Reply(404, error_body("NoSuchBucketPolicy"))
                return Reply(200, json.dumps(rules.policy).encode())
            case "policy", "DELETE":
                rules.policy = None
                return Reply(204)
            case "cors", "PUT":
                rules.cors = _cors_rules(request.body.decode())
                return Reply(200)
            case "cors", "GET":
                if not rules.cors:
                    return Reply(404, error_body("NoSuchCORSConfiguration"))
                return Reply(200, _cors_document(rules.cors))
            case "cors", "DELETE":
                rules.cors = []
                return Reply(204)
            case "acl", "PUT":
                rules.acl = request.headers.get("x-amz-acl", "private")
                return Reply(200)
            case "acl", "GET":
                return Reply(200, _acl_document(rules.acl))
            case "lifecycle", "GET":
                return Reply(404, error_body("NoSuchLifecycleConfiguration"))
            case None, "PUT":
                return Reply(200)
        return None

    def _list_buckets(self) -> Reply:
        names = "".join(f"<Bucket><Name>{escape(name)}</Name></Bucket>" for name in sorted(self.buckets))
        return Reply(200, f"<ListAllMyBucketsResult><Buckets>{names}</Buckets></ListAllMyBucketsResult>".encode())

    def _makes_a_bucket(self, request: Request) -> bool:
        return request.method == "PUT" and not request.key and _is_signed(request) and _subresource(request) is None

    # CORS

    def _preflight(self, request: Request) -> Reply:
        rule = self._rule_for(request, request.headers.get("access-control-request-method", ""))
        if rule is None:
            return Reply(403, error_body("AccessForbidden"))
        return Reply(200, headers=_cors_headers(rule, request.headers["origin"]))

    def _with_cors(self, request: Request, reply: Reply) -> Reply:
        rule = self._rule_for(request, request.method)
        if rule is not None:
            reply.headers = reply.headers | _cors_headers(rule, request.headers["origin"])
        return reply

    def _rule_for(self, request: Request, method: str) -> dict[str, list[str]] | None:
        origin = request.headers.get("origin")
        if origin is None or request.bucket not in self.buckets:
            return None
        fitting = (
            rule
            for rule in self.buckets[request.bucket].cors
            if method in rule["AllowedMethod"] and any(fnmatchcase(origin, each) for each in rule["AllowedOrigin"])
        )
        return next(fitting, None)


def _is_signed(request: Request) -> bool:
    return "authorization" in request.headers


def _denied() -> Reply:
    return Reply(403, error_body("AccessDenied"))


def _subresource(request: Request) -> str | None:
    known = ("policy", "cors", "acl", "lifecycle", "uploads", "versioning")
    return next((name for name in known if name in request.query), None)


def _action_of(request: Request) -> str | None:
    """Return what a policy calls the request; None for what no policy here opens to strangers."""
    if _subresource(request) or (request.method == "POST"):
        return None
    of_object = {"GET": "s3:GetObject", "HEAD": "s3:GetObject", "PUT": "s3:PutObject", "DELETE": "s3:DeleteObject"}
    return of_object.get(request.method) if request.key else {"GET": "s3:ListBucket"}.get(request.method)


def _opened_by_policy(rules: Rules, request: Request, action: str) -> bool:
    resource = f"arn:aws:s3:::{request.bucket}" + (f"/{request.key}" if request.key else "")
    return any(
        statement["Effect"] == "Allow"
        and statement.get("Principal") in ("*", {"AWS": "*"}, {"AWS": ["*"]})
        and any(fnmatchcase(action, each) for each in _several(statement["Action"]))
        and any(fnmatchcase(resource, each) for each in _several(statement["Resource"]))
        for statement in _several((rules.policy or {}).get("Statement", []))
    )


def _several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _seconds(stamp: str) -> float | None:
    try:
        return float(timegm(time.strptime(stamp, "%Y%m%dT%H%M%SZ")))
    except ValueError:
        return None


def _like(ours: str, theirs: str) -> str:
    """Return our header written with the spaces that the other one has: only what it says counts."""
    return ours if ", " in theirs else ours.replace(", ", ",")


def _cors_rules(document: str) -> list[dict[str, list[str]]]:
    rules = re.findall(r"<CORSRule>(.*?)</CORSRule>", document, re.S)
    names = ("AllowedOrigin", "AllowedMethod", "AllowedHeader", "ExposeHeader", "MaxAgeSeconds", "ID")
    return [{name: re.findall(rf"<{name}>(.*?)</{name}>", rule) for name in names} for rule in rules]


def _cors_document(rules: list[dict[str, list[str]]]) -> bytes:
    inner = "".join(
        "<CORSRule>" + "".join(f"<{name}>{each}</{name}>" for name in rule for each in rule[name]) + "</CORSRule>"
        for rule in rules
    )
    return f"<CORSConfiguration>{inner}</CORSConfiguration>".encode()


def _cors_headers(rule: dict[str, list[str]], origin: str) -> dict[str, str]:
    shown = "*" if rule["AllowedOrigin"] == ["*"] else origin
    return {
        "Access-Control-Allow-Origin": shown,
        "Access-Control-Allow-Methods": ", ".join(rule["AllowedMethod"]),
        "Vary": "Origin",
    }


def _acl_document(acl: str) -> bytes:
    grants = "".join(
        f'<Grant><Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="Group"><URI>{EVERYBODY}</URI>'
        f"</Grantee><Permission>{permission}</Permission></Grant>"
        for permission in sorted(OPEN_ACLS.get(acl, ()))
    )
    return f"<AccessControlPolicy><AccessControlList>{grants}</AccessControlList></AccessControlPolicy>".encode()
