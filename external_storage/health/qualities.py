"""Find out what a store is like: whether it can be asked not to overwrite, encrypts, and tidies up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..errors import AlreadyExists, PermissionRefused, StorageError
from ..sentences import say
from .bucket import Bucket, CallNotOffered
from .findings import Finding, failure, ok, unknown, warning
from .preflight import PIXEL, probe_key

MANY = 3


def examine_qualities(bucket: Bucket, prefix: str, *, acl: str | None) -> Iterator[Finding]:
    """Yield what a probe below *prefix*, and a look at the bucket's rules, tell of the store.

    | id                   | tried                                              | if not                          |
    | -------------------- | -------------------------------------------------- | ------------------------------- |
    | permission.acl       | PUT with *acl*; if refused, without                | every upload would be refused   |
    | store.conditions     | PUT twice, each only if nothing is there           | (a warning) uuids protect alone |
    | store.encryption     | what the answer to the PUT says                    | (a warning)                     |
    | permission.multipart | begin an upload in parts, give it up               | no file over 8 MiB              |
    | store.unfinished     | the bucket's lifecycle rules                       | (a warning) left-overs cost     |
    | permission.excess    | see other buckets; write outside the site's files  | (a warning) a lost key hurts    |
    """
    yield examine_acl(bucket, prefix, acl)
    key = prefix + probe_key()
    try:
        yield from _examine_puts(bucket, key)
    finally:
        _forget(bucket, key)
    yield _examine_multipart(bucket, key)
    yield _examine_unfinished(bucket)
    yield _examine_excess(bucket, prefix)


def examine_acl(bucket: Bucket, prefix: str, acl: str | None) -> Finding:
    """Try whether the access key may store an object below *prefix* with *acl*."""
    if acl is None:
        return ok("permission.acl", say("No ACL is sent: the bucket's policy decides who may read."))
    key = prefix + probe_key()
    try:
        return _try_acl(bucket, key, acl)
    finally:
        _forget(bucket, key)


def _try_acl(bucket: Bucket, key: str, acl: str) -> Finding:
    try:
        bucket.put(key, PIXEL, acl=acl)
    except CallNotOffered:
        return ok("permission.acl", say("The bucket takes no ACLs and gets none: its policy decides who may read."))
    except PermissionRefused as refused:
        return _blame_the_acl(bucket, key, acl, refused)
    except StorageError as problem:
        return unknown("permission.acl", problem.what, problem.remedy)
    return ok("permission.acl", say("The access key may store files with the ACL {acl}.", acl=acl))


def _blame_the_acl(bucket: Bucket, key: str, acl: str, refused: PermissionRefused) -> Finding:
    """Tell a key that may not write from one that may write, and may not set an ACL."""
    try:
        bucket.put(key, PIXEL)
    except StorageError:
        return unknown("permission.acl", refused.what, say("Mend permission.write first."))
    return failure(
        "permission.acl",
        say("The access key may store files, but not with the ACL {acl} (s3:PutObjectAcl).", acl=acl),
        say(
            "If the bucket's policy opens the site's files, set AWS_DEFAULT_ACL=none (DEFAULT_ACL); else "
            "give the key s3:PutObjectAcl."
        ),
    )


def _examine_puts(bucket: Bucket, key: str) -> Iterator[Finding]:
    try:
        stored = bucket.put(key, PIXEL)
    except StorageError as problem:
        yield unknown("store.encryption", problem.what, problem.remedy)
        yield unknown("store.conditions", problem.what, problem.remedy)
        return
    if stored.encryption:
        yield ok(
            "store.encryption", say("The store encrypts what it keeps ({encryption}).", encryption=stored.encryption)
        )
    else:
        yield warning(
            "store.encryption",
            say("The store does not say that it encrypts what it keeps."),
            say(
                "Switch on encryption at rest where the service offers it; on a server of your own, encrypt its disks."
            ),
        )
    yield _examine_conditions(bucket, key)


def _examine_conditions(bucket: Bucket, key: str) -> Finding:
    try:
        bucket.put(key, PIXEL, only_if_absent=True)
    except AlreadyExists:
        return ok("store.conditions", say("The store refuses to overwrite when it is asked to."))
    except StorageError as problem:
        why = say("The store cannot be asked not to overwrite ({why}).", why=problem.what.rstrip("."))
    else:
        why = say("The store was asked not to overwrite, and did.")
    return warning("store.conditions", why, say("Nothing need be done: the site gives no name to two files."))


def _examine_multipart(bucket: Bucket, key: str) -> Finding:
    try:
        bucket.try_an_upload_in_parts(key)
    except PermissionRefused as refused:
        return failure(
            "permission.multipart",
            say("The access key may not send a file in parts: {what}", what=refused.what),
            say(
                "Give the key s3:PutObject, s3:AbortMultipartUpload and s3:ListMultipartUploadParts on "
                "the site's files."
            ),
        )
    except StorageError as problem:
        return unknown("permission.multipart", problem.what, problem.remedy)
    return ok("permission.multipart", say("The access key may send a file in parts, and give up on one."))


def _examine_unfinished(bucket: Bucket) -> Finding:
    remedy = say(
        "Add a lifecycle rule that aborts incomplete multipart uploads after 7 days, where the service offers one."
    )
    try:
        cleared = bucket.unfinished_are_cleared()
    except CallNotOffered:
        return warning(
            "store.unfinished", say("This service has no lifecycle rules; our commands clear up theirs."), remedy
        )
    except StorageError as problem:
        return unknown(
            "store.unfinished", say("The lifecycle rules could not be read: {what}", what=problem.what), problem.remedy
        )
    if cleared:
        return ok("store.unfinished", say("The bucket clears away uploads that were never finished."))
    return warning(
        "store.unfinished",
        say("Uploads that were never finished stay in the bucket, unseen, and are paid for."),
        remedy,
    )


def _examine_excess(bucket: Bucket, prefix: str) -> Finding:
    powers = [*_sees_others(bucket), *(_writes_outside(bucket) if prefix else ())]
    if not powers:
        return ok("permission.excess", say("The access key may do no more than was tried for the site."))
    return warning(
        "permission.excess",
        say("The access key {powers}, which the site never does.", powers=_in_words(powers)),
        say(
            "Give the site a key of its own with the policy that storage_doctor prints; who steals it "
            "then gets only this."
        ),
    )


def _in_words(powers: Sequence[str]) -> str:
    return powers[0] if len(powers) == 1 else say("{one} and {other}", one=powers[0], other=powers[1])


def _sees_others(bucket: Bucket) -> list[str]:
    try:
        others = bucket.others()
    except StorageError:
        return []  # refused, which is what one would wish
    if not others:
        return []
    named: str = ", ".join(others[:MANY])
    if len(others) > MANY:
        named = say("{named} and {count} more", named=named, count=len(others) - MANY)
    return [say("sees other buckets ({named})", named=named)]


def _writes_outside(bucket: Bucket) -> list[str]:
    key = probe_key()
    try:
        bucket.put(key, PIXEL)
    except StorageError:
        return []
    bucket.delete(key)
    return [say("writes outside the site's files")]


def _forget(bucket: Bucket, key: str) -> None:
    try:
        bucket.delete(key)
    except StorageError:
        return  # `permission.delete` says so, with its remedy
