"""Find one's way below the root, and never out of it: what the server's links lead to is looked at first."""

from __future__ import annotations

from time import monotonic

from ...errors import (
    ContainerMissing,
    KeyRefused,
    ObjectMissing,
    PermissionRefused,
    SourceUnreadable,
    StorageError,
    StoreFull,
)
from ...objects import check_key
from ...sentences import say
from . import packets, refusals
from .channel import Channel, Reply, Steps, greeted
from .packets import Attributes, Kind, Status

# What a file is called until it is complete, and while another takes its place where that cannot be done at once.
UNFINISHED = b".incoming-"
PREVIOUS = b".previous-"

# So long a folder counts as the one that was looked at.
TRUSTED_SECONDS = 60.0


class Tree:
    """The folders below *root* on the server."""

    def __init__(self, root: str, place: str, directory_mode: int | None) -> None:
        self.place = place
        self._given = root.encode("utf-8", "surrogateescape")
        self._directory_mode = directory_mode
        self._real: bytes | None = None
        self._looked_at: dict[bytes, float] = {}
        self.left_unfinished: dict[bytes, None] = {}
        """Files that were being written when their connection broke."""
        self.moved_aside = False
        """Whether a file had to be moved aside for another, because the server moves none onto another."""

    # The root

    def root(self, channel: Channel) -> Steps[bytes]:
        """Return the root's real path. Raise `ContainerMissing` if it is not there."""
        yield from greeted(channel)
        if self._real is None:
            real = channel.ask(Kind.REALPATH, packets.text(self._given))
            yield from self._check_root(channel)
            self._real = yield from _path_in(real, self.place)
        return self._real

    def missing(self, channel: Channel, key: str) -> Steps[StorageError]:
        """Return what it means that there is no such object: that of an absent root, nothing is known."""
        try:
            yield from self._check_root(channel)
        except ContainerMissing as error:
            return error
        return ObjectMissing(say("There is no {key!r} in {place}.", key=key, place=self.place), key=key)

    def _check_root(self, channel: Channel) -> Steps[None]:
        reply = channel.ask(Kind.STAT, packets.text(self._real or self._given))
        yield [reply]
        status = reply.answer.status
        if status == Status.PERMISSION_DENIED:
            raise PermissionRefused(
                say("The folder {place} may not be entered.", place=self.place),
                remedy=say("Give the SFTP user the right to."),
            )
        if status != Status.OK or not reply.answer.attributes().is_folder:
            self._real = None
            self._looked_at.clear()
            raise ContainerMissing(
                say("The folder {place} does not exist.", place=self.place),
                remedy=say(
                    "Check its path as the SFTP user sees it (in a chroot it begins there), and that its disk is "
                    "mounted."
                ),
            )

    # Reading

    def look(self, channel: Channel, key: str) -> Steps[tuple[bytes, Attributes]]:
        """Return where the object is that can be read under *key*, and what it is like."""
        check_key(key)
        root = yield from self.root(channel)
        path = join(root, key)
        folder = self._ask_where_it_is(channel, path)
        seen = yield from self._seen(channel, path, key)
        if seen is None:
            raise (yield from self.missing(channel, key))
        if folder is not None:  # answered before what was asked later
            self._check_folder(folder, root, key)
            self._looked_at[folder_of(path)] = monotonic()
        path, attributes = seen
        if attributes.is_link:
            path, attributes = yield from self._follow(channel, path, key)
        if attributes.is_folder:
            raise ObjectMissing(say("{key!r} is a folder in {place}.", key=key, place=self.place), key=key)
        if not attributes.is_file:
            raise SourceUnreadable(say("{key!r} is no regular file.", key=key), key=key)
        return path, attributes

    def _ask_where_it_is(self, channel: Channel, path: bytes) -> Reply | None:
        """Ask where the folder of *path* really is, unless it was looked at a moment ago."""
        folder = folder_of(path)
        return None if self._is_trusted(folder) else channel.ask(Kind.REALPATH, packets.text(folder))

    def _check_folder(self, reply: Reply, root: bytes, key: str) -> None:
        if reply.answer.kind != Kind.NAME or not _lies_in(reply.answer.path(), root):
            raise self._leads_out(key)

    def _seen(self, channel: Channel, path: bytes, key: str) -> Steps[tuple[bytes, Attributes] | None]:
        """Look at what is there, or was until it began to be replaced; a link is not followed."""
        paths = [path] if packets.POSIX_RENAME in channel.extensions else [path, previous(path), path]
        replies = [channel.ask(Kind.LSTAT, packets.text(each)) for each in paths]
        yield replies
        for each, reply in zip(paths, replies, strict=True):
            if reply.answer.kind == Kind.ATTRS:
                return each, reply.answer.attributes()
        if replies[0].answer.status == Status.PERMISSION_DENIED:
            raise SourceUnreadable(
                say("{key!r} cannot be read in {place}: permission denied.", key=key, place=self.place),
                key=key,
                remedy=say("Give the SFTP user the right to enter its folder."),
            )
        return None

    def _follow(self, channel: Channel, path: bytes, key: str) -> Steps[tuple[bytes, Attributes]]:
        real, target = channel.ask(Kind.REALPATH, packets.text(path)), channel.ask(Kind.STAT, packets.text(path))
        yield [real, target]
        if target.answer.kind != Kind.ATTRS or real.answer.kind != Kind.NAME:
            raise ObjectMissing(say("{key!r} is a link to nothing in {place}.", key=key, place=self.place), key=key)
        path = real.answer.path()
        if not _lies_in(path, self._real or b"/"):
            raise self._leads_out(key)
        return path, target.answer.attributes()

    # Writing

    def place_for(self, channel: Channel, key: str, *, make: bool) -> Steps[bytes]:
        """Return where *key* is written, its folder made where it is missing and *make* is set."""
        check_key(key)
        root = yield from self.root(channel)
        path = join(root, key)
        folder = folder_of(path)
        if not self._is_trusted(folder):
            yield from self._check_way(channel, root, folder, key, make)
        return path

    def forget(self, path: bytes) -> None:
        """Look again at the folder of *path*, and at those around it, before they are trusted."""
        for folder in [each for each in self._looked_at if path.startswith(each)]:
            self._looked_at.pop(folder, None)

    def _check_way(self, channel: Channel, root: bytes, folder: bytes, key: str, make: bool) -> Steps[None]:
        """From the root downwards, so that nothing is made behind a link that leads out."""
        way = [folder]
        while len(way[-1]) > len(root) and not self._is_trusted(way[-1]):
            way.append(folder_of(way[-1]))
        for each in reversed(way):
            found = yield from self._real_path_of_folder(channel, each, key)
            if found is None and not make:
                raise (yield from self.missing(channel, key))
            if found is None:
                found = yield from self._make_folder(channel, each, key)
            if not _lies_in(found, root):
                raise self._leads_out(key)
            self._looked_at[each] = monotonic()

    def _real_path_of_folder(self, channel: Channel, folder: bytes, key: str) -> Steps[bytes | None]:
        """Return where the folder really is, None if there is nothing; raise `KeyRefused` if it is a file."""
        real, seen = channel.ask(Kind.REALPATH, packets.text(folder)), channel.ask(Kind.STAT, packets.text(folder))
        yield [real, seen]
        if seen.answer.status == Status.PERMISSION_DENIED:
            raise refusals.refused(say("written"), Status.PERMISSION_DENIED, key, self.place)
        if seen.answer.status == Status.BAD_MESSAGE:
            raise KeyRefused(
                say("The name {key!r}… is too long for a file in {place}.", key=key[:60], place=self.place), key=key
            )
        if seen.answer.kind != Kind.ATTRS or real.answer.kind != Kind.NAME:
            return None
        if not seen.answer.attributes().is_folder:
            raise KeyRefused(
                say("A part of {key!r} is a file in {place}, and cannot be a folder too.", key=key, place=self.place),
                key=key,
            )
        return real.answer.path()

    def _make_folder(self, channel: Channel, folder: bytes, key: str) -> Steps[bytes]:
        mode = packets.permissions(self._directory_mode)
        made = channel.ask(Kind.MKDIR, packets.text(folder), mode)
        yield [made]
        if made.answer.status == Status.OK and self._directory_mode is not None:
            # The server's umask took something away from the mode that it was made with.
            changed = channel.ask(Kind.SETSTAT, packets.text(folder), mode)
            yield [changed]
            if changed.answer.status != Status.OK:
                raise mode_refused(key, self.place)
        found = yield from self._real_path_of_folder(channel, folder, key)
        if found is None:
            yield from self.raise_if_full(channel, 1, key)
            raise refusals.refused(say("written"), made.answer.status, key, self.place)
        return found

    def raise_if_full(self, channel: Channel, size: int, key: str) -> Steps[None]:
        """Raise `StoreFull` if the server has no room for *size* bytes more; it did not say why it would not write."""
        if packets.STATVFS not in channel.extensions or self._real is None:
            return
        reply = channel.ask_extended(packets.STATVFS, packets.text(self._real))
        yield [reply]
        if reply.answer.kind != Kind.EXTENDED_REPLY:
            return
        _, fragment, _, _, free, files, _, files_free = reply.answer.longs(8)
        if free * fragment < size or (files and not files_free):
            raise StoreFull(
                say("No room left in {place}.", place=self.place), key=key, remedy=say("Free space, then run it again.")
            )

    def _is_trusted(self, folder: bytes) -> bool:
        looked_at = self._looked_at.get(folder)
        return looked_at is not None and monotonic() - looked_at < TRUSTED_SECONDS

    def _leads_out(self, key: str) -> KeyRefused:
        return KeyRefused(
            say("{key!r} is, or lies behind, a link that leads out of {place}.", key=key, place=self.place), key=key
        )


def join(root: bytes, key: str) -> bytes:
    """Return the path of *key*."""
    return root.rstrip(b"/") + b"/" + key.encode("utf-8", "surrogateescape")


def folder_of(path: bytes) -> bytes:
    """Return the folder in which *path* lies."""
    return path.rpartition(b"/")[0] or b"/"


def previous(path: bytes) -> bytes:
    """Return where the file under *path* is put while another takes its place."""
    folder, slash, name = path.rpartition(b"/")
    return folder + slash + PREVIOUS + name


def mode_refused(key: str, place: str) -> PermissionRefused:
    return PermissionRefused(
        say("{key!r} could not be made readable for the web server in {place}.", key=key, place=place),
        key=key,
        remedy=say(
            "Let the SFTP user own the folder, so that it may set modes, or leave FILE_MODE and DIRECTORY_MODE "
            "to the server's umask."
        ),
    )


def _path_in(reply: Reply, place: str) -> Steps[bytes]:
    yield [reply]
    if reply.answer.kind != Kind.NAME:
        raise refusals.refused(say("found"), reply.answer.status, None, place)
    return reply.answer.path()


def _lies_in(path: bytes, root: bytes) -> bool:
    return (path + b"/").startswith(root.rstrip(b"/") + b"/")
