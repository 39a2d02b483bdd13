"""Who may read what: judge what a stranger gets at a public URL, and word the policy that opens a prefix."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ..sentences import say
from .asking import Answer, NoAnswer
from .findings import Finding, failure, ok, unknown

CONNECTION_REMEDIES = {
    "name": say("Check the custom domain and the bucket's name, and that the domain's DNS record exists."),
    "refused": say("Check the custom domain or endpoint, its port, and that the server runs."),
    "tls": say("Let that host serve HTTPS with a certificate that browsers trust; they show no picture without."),
    "timeout": say("Check that the host is reachable from here, and no firewall drops the requests."),
    "broken": say("Ask again; if it stays so, look at the store's or the proxy's log."),
}


def public_read_policy(bucket: str, prefixes: Sequence[str]) -> dict[str, Any]:
    """Return the bucket policy that lets anybody read the objects under *prefixes*, and do nothing else."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": OPENING,
                "Effect": "Allow",
                "Principal": "*",
                "Action": ["s3:GetObject"],
                "Resource": [f"arn:aws:s3:::{bucket}/{prefix}*" for prefix in prefixes],
            }
        ],
    }


def least_privilege_policy(bucket: str, prefixes: Sequence[str], *, sends_acls: bool) -> dict[str, Any]:
    """Return the policy for the site's own access key: what the site does with the bucket, and nothing more."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": [
                    *("s3:GetObject", "s3:PutObject", "s3:DeleteObject"),
                    *(["s3:PutObjectAcl"] if sends_acls else []),
                    *("s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"),
                ],
                "Resource": [f"arn:aws:s3:::{bucket}/{prefix}*" for prefix in prefixes],
            },
            {
                "Effect": "Allow",
                "Action": [
                    *("s3:ListBucket", "s3:ListBucketMultipartUploads", "s3:GetBucketLocation"),
                    # For the doctor, who looks and changes nothing.
                    *("s3:GetBucketAcl", "s3:GetBucketCORS", "s3:GetBucketPolicy", "s3:GetLifecycleConfiguration"),
                ],
                "Resource": [f"arn:aws:s3:::{bucket}"],
            },
        ],
    }


OPENING = "AnybodyMayReadTheSitesFiles"
"""The name of our statement in a bucket's policy; the others are not touched."""


def opened(policy: Mapping[str, Any] | None, bucket: str, prefixes: Sequence[str]) -> dict[str, Any]:
    """Return *policy* with a statement that lets anybody read *prefixes*, in place of the one we put there before."""
    ours = public_read_policy(bucket, prefixes)
    return {**ours, **(policy or {}), "Statement": [*statements_of_others(policy), *ours["Statement"]]}


def statements_of_others(policy: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Return the statements that we did not put there."""
    return [statement for statement in _statements(policy) if statement.get("Sid") != OPENING]


def too_open(policy: Mapping[str, Any] | None) -> list[str]:
    """Return what *policy* allows everybody beyond reading a file whose name they know, one sentence for each."""
    said = []
    for statement in _statements(policy):
        if statement.get("Effect") != "Allow" or statement.get("Condition") or not _is_for_everybody(statement):
            continue
        if beyond := sorted(set(_several(statement.get("Action"))) - READING):
            named = statement.get("Sid", "without a name")
            said.append(f"The policy's statement {named!r} allows everybody {', '.join(beyond)}.")
    return said


READING = {"s3:GetObject"}


def _statements(policy: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    found = (policy or {}).get("Statement", [])
    return [found] if isinstance(found, dict) else list(found)


def _is_for_everybody(statement: Mapping[str, Any]) -> bool:
    principal = statement.get("Principal")
    return principal == "*" or (isinstance(principal, dict) and "*" in _several(principal.get("AWS")))


def _several(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value or [])


def to_paste(policy: dict[str, Any]) -> str:
    """Return a policy as the text an owner pastes into a console."""
    return json.dumps(policy, indent=2)


def judge_public(
    identifier: str, answer: Answer | NoAnswer, *, what: str, content_type: str = "", size: int | None = None
) -> Finding:
    """Judge what a stranger got who asked for an object that is meant to be public.

    ==================================  ===============  =====================================
    the answer                          verdict          the sentence says
    ==================================  ===============  =====================================
    none                                failure          host unreachable, and which way
    200, right type and size            ok               readable
    200, other type or size             failure          something else is served there
    401, 403                            failure          private
    404 with NoSuchBucket               failure          no such bucket: the name is up for grabs
    404, 410                            failure          file missing
    any redirect                        failure          not where the site's links point
    anything else                       could not tell   the status
    ==================================  ===============  =====================================
    """
    if isinstance(answer, NoAnswer):
        return failure(
            identifier, say("Host unreachable: {what}", what=answer.what), CONNECTION_REMEDIES[answer.reason]
        )
    if answer.status == 200:
        return _judge_content(identifier, answer, what, content_type, size)
    if answer.status in (401, 403):
        return failure(
            identifier,
            say(
                "Private: {what} is not readable by visitors ({status} at {url}).",
                what=what,
                status=answer.status,
                url=answer.url,
            ),
            say("Run storage_access apply: it opens the site's files in the way this store has, and nothing else."),
        )
    if b"NoSuchBucket" in answer.body:
        return failure(
            identifier,
            say("{url} leads to a bucket that does not exist.", url=answer.url),
            say("Check the bucket's name. If the domain is yours, remove its DNS record: anybody may take that name."),
        )
    if answer.status in (404, 410):
        return failure(
            identifier,
            say("File missing: {url} answered {status}.", url=answer.url, status=answer.status),
            where_it_may_be(identifier),
        )
    if 300 <= answer.status < 400:
        target = answer.headers.get("location", say("somewhere else"))
        return failure(
            identifier,
            say("{url} leads on to {target}.", url=answer.url, target=target),
            say("Check the region and the custom domain."),
        )
    return unknown(
        identifier, say("{url} answered {status}.", url=answer.url, status=answer.status), say("Ask again later.")
    )


def _judge_content(identifier: str, answer: Answer, what: str, content_type: str, size: int | None) -> Finding:
    found = answer.headers.get("content-type", "")
    if content_type and found.partition(";")[0].strip() != content_type.partition(";")[0].strip():
        return failure(
            identifier,
            say(
                "{url} is served as {found}, not as {content_type}.",
                url=answer.url,
                found=found or say("nothing in particular"),
                content_type=content_type,
            ),
            say("Check that the public address leads to this bucket, then copy the file again."),
        )
    length = answer.headers.get("content-length", "")
    if size is not None and length.isdigit() and int(length) != size:
        return failure(
            identifier,
            say(
                "{url} has {length} bytes; the store holds {size} under that key.",
                url=answer.url,
                length=length,
                size=size,
            ),
            say("The public address leads to another bucket, or a cache holds an old copy."),
        )
    return ok(identifier, say("Anybody can read {what} at {url}.", what=what, url=answer.url))


def where_it_may_be(identifier: str) -> str:
    """Return what to do about a file that is not where it should be."""
    if identifier.startswith("static"):
        return say("Run collectstatic. If it was run, the public address leads to another place than the bucket's.")
    return say("Copy the media first. If that was done, the public address leads to another place than the bucket's.")


def judge_listing(identifier: str, answer: Answer | NoAnswer) -> Finding:
    """Judge what a stranger got who asked for a list of all objects: nobody needs one, so nobody may have it."""
    if isinstance(answer, NoAnswer):
        return unknown(identifier, answer.what)
    if answer.status == 200 and (b"<ListBucketResult" in answer.body or b"ListBucketResult>" in answer.body):
        return failure(
            identifier,
            say("Anybody can list every file of the bucket at {url}.", url=answer.url),
            say("Take s3:ListBucket from the bucket's policy, and public-read from the bucket's own ACL."),
        )
    if answer.status >= 500:
        return unknown(
            identifier, say("{url} answered {status}.", url=answer.url, status=answer.status), say("Ask again later.")
        )
    return ok(identifier, say("A stranger cannot list the bucket."))
