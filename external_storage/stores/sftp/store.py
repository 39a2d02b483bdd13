"""Keep objects as files below one folder of a server that speaks SFTP.

What lies there is not trusted: a link is never followed out of the root, only regular files are opened, and a name that
could not be an object elsewhere is passed over and named. A file appears under its name complete or not at all.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from ...errors import (
    ContainerMissing,
    KeyRefused,
    ObjectMissing,
    SourceUnreadable,
    StorageError,
    StoreRefused,
)
from ...objects import Headers, ObjectInfo, PassedOver, check_key, in_key_order
from ...sentences import say
from ..base import Source, objects_among
from ..folders import walk_folders
from . import packets, pool, refusals, tree
from .channel import Channel, Reply, Steps, greeted
from .packets import Attributes, Kind, Status
from .reading import Opened, SftpSource, opening
from .refusals import ConnectionLost
from .sending import Held, Manner, Sending, Streamed, info, moving, storing
from .ssh import Login
from .tree import PREVIOUS, UNFINISHED, Tree

T = TypeVar("T")

# So many folders' names are asked for ahead, and so many files are deleted, before an answer is waited for.
NAMES_AHEAD = 4
DELETED_AT_ONCE = 256

# An unfinished file that nobody has written to for so long belongs to a process that was killed.
ABANDONED_SECONDS = 3600.0

# Times are told in whole seconds, by the server's clock.
UNSEEN_CHANGE_SECONDS = 3.0


class SftpStore:
    """The files below *root*, an absolute path that must exist there, or one relative to where the login leads.

    Files get *file_mode* and folders *directory_mode*, whatever the server's umask is; None leaves it to that.
    """

    def __init__(
        self,
        name: str,
        login: Login,
        root: str,
        *,
        file_mode: int | None = 0o644,
        directory_mode: int | None = 0o755,
    ) -> None:
        self.name = name
        self.login = login
        port = "" if login.port == 22 else f":{login.port}"
        self.place = f"sftp://{login.user}@{login.host}{port}/{root.strip('/')}"
        self._tree = Tree(root, self.place, directory_mode)
        # Of thousands that are sent ahead, the disk would be waited for longer than for the network. What a power cut
        # takes of them is missing in the next listing.
        self._manner, self._manner_ahead = Manner(file_mode, durable=True), Manner(file_mode, durable=False)
        self._shared = pool.shared(login)
        self._ahead = pool.ahead(login)
        self._abandoned: dict[bytes, None] = {}

    @property
    def notes(self) -> tuple[str, ...]:
        if not self._tree.moved_aside:
            return ()
        return (
            f"The server of {self.place} lacks posix-rename: while a file there is replaced, whoever reads the folder "
            "and does not ask us finds it missing for a moment.",
        )

    def close(self) -> None:
        """End the connections, for all stores with this login; the next request opens one again."""
        self._shared.close()
        self._ahead.close()

    # Reading

    def list(self, prefix: str = "", *, after: str = "", until: str | None = None) -> Iterator[ObjectInfo]:
        return objects_among(self.survey(prefix, after=after, until=until))

    def survey(
        self, prefix: str = "", *, after: str = "", until: str | None = None
    ) -> Iterator[ObjectInfo | PassedOver]:
        """Walk the folders in key order; one that cannot be read is passed over under its name and a slash."""
        yield from walk_folders(lambda folder: iter(self._entries(folder)), self._look_at, prefix, after, until)

    def describe(self, key: str) -> ObjectInfo:
        _, attributes = self._do(lambda channel: self._tree.look(channel, key))
        return info(key, attributes)

    def open(self, key: str) -> SftpSource:
        def open_again() -> Opened:
            return self._do(lambda channel: opening(channel, self._tree, key))

        return SftpSource(key, self.place, open_again(), open_again)

    def version_of(self, info: ObjectInfo) -> tuple[str, str] | None:
        """A second change within a second leaves no trace, so a file must have been left alone for a moment."""
        if info.modified is None or info.etag is None or time.time() - info.modified < UNSEEN_CHANGE_SECONDS:
            return None
        return f"{self.place}/{info.key}", info.etag

    # Writing

    def put(self, key: str, source: Source, headers: Headers, *, replace: bool = True) -> ObjectInfo:
        # Files carry no headers; the web server that serves the folder decides them.
        begun = False

        def steps(channel: Channel) -> Steps[ObjectInfo]:
            nonlocal begun
            if begun:
                source.restart()
            begun = True
            return storing(channel, self._tree, key, Streamed(source), self._manner, replace=replace)

        return self._do(steps)

    @property
    def is_ready(self) -> bool:
        # To begin a connection is to start a process, which connects while others go on.
        return True

    def begin_put(self, key: str, data: bytes, md5: bytes, headers: Headers) -> Sending:
        check_key(key)
        channel = self._ahead.least_busy()
        steps = storing(channel, self._tree, key, Held(data, md5), self._manner_ahead, replace=True)
        return Sending(channel, steps)

    def delete(self, keys: list[str]) -> dict[str, StorageError | None]:
        results: dict[str, StorageError | None] = {}
        for start in range(0, len(keys), DELETED_AT_ONCE):
            some = keys[start : start + DELETED_AT_ONCE]
            results |= self._do(lambda channel, some=some: self._deleting(channel, some))
        return results

    def clear_unfinished(self) -> int:
        """Remove what killed runs left, and finish what they were about to replace."""
        removed = 0
        while self._abandoned:
            left, _ = self._abandoned.popitem()
            removed += self._do(lambda channel, left=left: self._clearing(channel, left))
        while self._tree.left_unfinished:
            path, _ = self._tree.left_unfinished.popitem()
            removed += self._do(lambda channel, path=path: _removing(channel, path))
        return removed

    def _clearing(self, channel: Channel, left: bytes) -> Steps[int]:
        path = tree.join((yield from self._tree.root(channel)), os.fsdecode(left))
        folder, _, name = path.rpartition(b"/")
        if name.startswith(PREVIOUS):
            # Whoever moved it aside was killed before or after the new one took its place. No file is moved onto
            # another by this, so only the first of the two brings it back.
            back = channel.ask(*moving(path, folder + b"/" + name.removeprefix(PREVIOUS)))
            yield [back]
        return (yield from _removing(channel, path))

    # Asking

    def _do(self, steps: Callable[[Channel], Steps[T]]) -> T:
        """Carry out *steps*; once more from their beginning, if the connection turns out to be broken."""
        channel = self._shared.least_busy()
        try:
            return channel.carry_out(steps(channel))
        except ConnectionLost:
            channel = self._shared.least_busy()
            return channel.carry_out(steps(channel))

    # The folders

    def _entries(self, folder: str) -> Iterator[_Entry | PassedOver]:
        """Return what lies in *folder* ("" or with a final slash) in key order: a folder sorts as its name and "/"."""
        try:
            names = self._do(lambda channel: self._names_in(channel, folder))
        except StoreRefused:
            if not folder:
                raise
            names = None
        except SourceUnreadable as problem:
            return iter((PassedOver(folder, problem),))
        if names is None:
            return iter(())
        found = [_entry(folder, *each) for each in self._without_unfinished(folder, names).items()]
        found.sort(key=lambda entry: in_key_order(entry.key))
        return iter(found)

    def _names_in(self, channel: Channel, folder: str) -> Steps[dict[bytes, Attributes] | None]:
        """Return the names in *folder* and what they are; None if the folder is no more."""
        root = yield from self._tree.root(channel)
        path = tree.join(root, folder).rstrip(b"/") or b"/"
        opened = channel.ask(Kind.OPENDIR, packets.text(path))
        yield [opened]
        if opened.answer.kind != Kind.HANDLE:
            yield from self._why_not_listed(channel, folder, opened.answer.status)
            return None
        handle = packets.text(opened.answer.text())
        found: dict[bytes, Attributes] = {}
        due = deque(channel.ask(Kind.READDIR, handle) for _ in range(NAMES_AHEAD))
        while True:
            reply = due.popleft()
            yield [reply]
            if reply.answer.kind != Kind.NAME:
                break
            found.update(reply.answer.names())
            due.append(channel.ask(Kind.READDIR, handle))
        channel.ask(Kind.CLOSE, handle)
        channel.flush()
        if reply.answer.status != Status.EOF:
            raise refusals.refused(say("listed"), reply.answer.status, folder, self.place)
        found.pop(b".", None)
        found.pop(b"..", None)
        return found

    def _why_not_listed(self, channel: Channel, folder: str, status: int) -> Steps[None]:
        """Raise why a folder could not be opened, unless it is gone by now."""
        if status == Status.NO_SUCH_FILE:
            error = yield from self._tree.missing(channel, folder)
            if isinstance(error, ContainerMissing):
                raise error
            return
        if not folder or status != Status.PERMISSION_DENIED:
            raise refusals.refused(say("listed"), status, folder or None, self.place)
        raise SourceUnreadable(
            say("The folder {folder!r} cannot be read: permission denied.", folder=folder),
            key=folder,
            remedy=say("Give the SFTP user the right to read and enter it."),
        )

    def _without_unfinished(self, folder: str, names: dict[bytes, Attributes]) -> dict[bytes, Attributes]:
        """Return what are objects; remember what will never be one."""
        found = {}
        for name, attributes in names.items():
            if name.startswith(UNFINISHED):
                self._remember_if_abandoned(folder, name, attributes)
            elif name.startswith(PREVIOUS):
                self._remember_if_abandoned(folder, name, attributes)
                found.setdefault(name.removeprefix(PREVIOUS), attributes)
            else:
                found[name] = attributes
        return found

    def _remember_if_abandoned(self, folder: str, name: bytes, attributes: Attributes) -> None:
        if attributes.modified is not None and time.time() - attributes.modified > ABANDONED_SECONDS:
            self._abandoned[os.fsencode(folder) + name] = None

    def _look_at(self, entry: _Entry) -> ObjectInfo | PassedOver | None:
        """Return the file as an object, what keeps it from being one, or None if it is gone by now."""
        key, attributes = entry.key, entry.attributes
        try:
            check_key(key)
            if attributes.is_link:
                return self.describe(key)
        except ObjectMissing:
            return PassedOver(
                key, SourceUnreadable(say("{key!r} is a link to a folder or to nothing.", key=key), key=key)
            )
        except StoreRefused:
            raise
        except StorageError as error:
            return PassedOver(key, error)
        if not attributes.is_file:
            return PassedOver(
                key, SourceUnreadable(say("{key!r} is no regular file (a FIFO, a socket, …).", key=key), key=key)
            )
        return info(key, attributes)

    # Deleting

    def _deleting(self, channel: Channel, keys: list[str]) -> Steps[dict[str, StorageError | None]]:
        results: dict[str, StorageError | None] = {}
        asked: dict[str, list[Reply]] = {}
        yield from greeted(channel)
        for key in keys:
            try:
                path = yield from self._tree.place_for(channel, key, make=False)
            except ObjectMissing:
                results[key] = None
            except StoreRefused:
                raise
            except StorageError as error:
                results[key] = error
            else:
                asked[key] = [channel.ask(Kind.REMOVE, packets.text(each)) for each in self._places(channel, path)]
        for key, replies in asked.items():
            yield replies
            results[key] = yield from self._why_not_deleted(channel, key, replies[-1].answer.status)
        return results

    def _places(self, channel: Channel, path: bytes) -> list[bytes]:
        return [path] if packets.POSIX_RENAME in channel.extensions else [tree.previous(path), path]

    def _why_not_deleted(self, channel: Channel, key: str, status: int) -> Steps[StorageError | None]:
        if status in (Status.OK, Status.NO_SUCH_FILE, Status.BAD_MESSAGE):
            return None
        try:
            yield from self._tree.look(channel, key)
        except ObjectMissing:
            return None
        except StorageError as error:
            return error
        return refusals.refused(say("deleted"), status, key, self.place)


@dataclass(frozen=True, slots=True)
class _Entry:
    """One name in a folder, and what the server said of it."""

    key: str
    attributes: Attributes

    @property
    def is_folder(self) -> bool:
        return self.attributes.is_folder


def _removing(channel: Channel, path: bytes) -> Steps[int]:
    removed = channel.ask(Kind.REMOVE, packets.text(path))
    yield [removed]
    return int(removed.answer.status == Status.OK)


def _entry(folder: str, name: bytes, attributes: Attributes) -> _Entry | PassedOver:
    key = folder + os.fsdecode(name)
    if b"/" in name:
        # Only a server that lies has such names; nothing is asked of it under them.
        return PassedOver(key, KeyRefused(say("The server names {key!r} as one file.", key=key), key=key))
    return _Entry(f"{key}/" if attributes.is_folder else key, attributes)
