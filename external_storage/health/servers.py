"""Look at the way to a server that speaks SFTP, and at what its user may do there."""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import ContainerMissing, CredentialsRefused, PermissionRefused, StorageError
from ..sentences import say
from ..stores import Store
from ..stores.sftp.refusals import HostKeyChanged, HostKeyUnknown
from .findings import Finding, failure, ok, unknown
from .preflight import preflight

STEPS: tuple[tuple[str, tuple[type[StorageError], ...], str], ...] = (
    ("server.host-key", (HostKeyUnknown, HostKeyChanged), say("The server shows the key that it is known by.")),
    ("server.login", (CredentialsRefused,), say("The server lets this site's user in.")),
    (
        "server.folder",
        (ContainerMissing, PermissionRefused),
        say("The folder is there, and this site's user may enter it."),
    ),
)
"""One way: each with the errors that mean that it ends there, and what it is if it does not."""


def examine_server(store: Store) -> Iterator[Finding]:
    """Yield what is found on the way to the server, whether it answers, and what may be done there."""
    try:
        next(iter(store.list()), None)
    except StorageError as problem:
        yield from _where_it_ends(problem)
        return
    for identifier, _, seen in STEPS:
        yield ok(identifier, seen)
    yield from preflight(store, "", public=False).findings
    yield ok("store.answers", say("{place} answers this site.", place=store.place))


def _where_it_ends(problem: StorageError) -> Iterator[Finding]:
    ends_at = next((n for n, (_, kinds, _) in enumerate(STEPS) if isinstance(problem, kinds)), -1)
    for n, (identifier, _, seen) in enumerate(STEPS):
        if n == ends_at:
            yield failure(identifier, problem.what, problem.remedy)
        elif n < ends_at:
            yield ok(identifier, seen)
        else:
            yield unknown(identifier, say("The server was not reached that far."))
    if ends_at < 0:
        yield failure("store.answers", problem.what, problem.remedy or say("Check that it runs, and its settings."))
    else:
        yield unknown("store.answers", say("The server was not reached that far."))
