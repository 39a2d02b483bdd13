"""The connection that states and marks go through: one for each process, its own, in autocommit.

A mark has to be in the database before the store is touched, whatever becomes of the transaction the site is in. So it
cannot go through the site's own connection. On SQLite, where only one connection may write at a time and that may be
the one that waits for us, it goes to a file of its own beside the database, made when a state is first written.

The statements are plain SQL that SQLite and PostgreSQL understand: Django's ORM reaches only connections in
``DATABASES``, and one more there would have to be named in the tests of every site that uses us.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from django.core import mail
from django.db import connections, models, router
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.sqlite3 import base as sqlite
from django.db.utils import DatabaseError, InterfaceError, OperationalError, load_backend

from ...errors import SettingsError
from ...sentences import say
from ..models import AliasState, Mark, Move, ReservedName

T = TypeVar("T")

MODELS: tuple[type[models.Model], ...] = (AliasState, Mark, ReservedName, Move)

# How long one process waits for another that is writing to the file of marks.
PATIENCE_SECONDS = 20

# A transaction of ours takes milliseconds.
FROZEN_SECONDS = 5


_TO_BEGIN_WITH = {
    # A reader waits for no writer.
    "sqlite": ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=NORMAL"),
    # A process that is frozen in the middle of a transaction must not hold up the writes of all others.
    "postgresql": (
        f"SET idle_in_transaction_session_timeout = {FROZEN_SECONDS * 1000}",
        "SET synchronous_commit = off",
    ),
}

# What was committed for good outlives a power cut too.
_TRANSACTION = {
    "sqlite": (("PRAGMA synchronous=FULL", "BEGIN IMMEDIATE"), "PRAGMA synchronous=NORMAL"),
    "postgresql": (("BEGIN", "SET LOCAL synchronous_commit = on"), ""),
}
_ANY_TRANSACTION = (("BEGIN",), "")


# What the first release did not have.
_HAS_NEW_COLUMN = "SELECT 1 FROM pragma_table_info('external_storage_aliasstate') WHERE name = 'linked'"
_NEW_COLUMN = "ALTER TABLE external_storage_aliasstate ADD COLUMN linked varchar(100) NOT NULL DEFAULT ''"


def rows(sql: str, *values: Any) -> list[tuple[Any, ...]]:
    """Return what a SELECT finds. Where nothing was ever moved that is nothing, even if no table is there."""
    return _database().rows(sql, values)


def run(sql: str, *values: Any) -> int:
    """Carry out a statement at once, unless in `transaction`; return how many rows it touched.

    A power cut may undo it where it was not in a transaction: that is for what costs work when it is lost, and no file.
    """
    return _database().run(sql, values)


@contextmanager
def transaction() -> Iterator[None]:
    """Carry out the statements of the block together and for good, or none of them if it raises."""
    with _database().transaction():
        yield


def in_transaction(work: Callable[[], T]) -> T:
    """Return what *work* returns, carried out in a transaction; once more if the server ended the session meanwhile.

    For what may be done twice: a process that was frozen in it finds that nothing, or all, of it was done.
    """
    try:
        with transaction():
            return work()
    except (OperationalError, InterfaceError):
        if not _database().is_lost:
            raise
    with transaction():
        return work()


def for_update() -> str:
    """Return what a SELECT ends with to keep others from changing the rows until the transaction ends."""
    return _database().for_update


def close() -> None:
    """Let go of the connection; the next statement opens another."""
    with _connecting:
        for (process, _), opened in _opened.items():
            if process == os.getpid():
                opened.close()


class _Database:
    """One connection, shared by all threads of this process, one statement or transaction at a time."""

    def __init__(self, connection: BaseDatabaseWrapper, *, file: Path | None, keep_open: Callable[[], bool]) -> None:
        connection.inc_thread_sharing()
        self._connection = connection
        self._file = file
        self._keep_open = keep_open
        self._lock = threading.RLock()
        self._depth = 0
        self._is_ready = False
        self.for_update = " FOR UPDATE" if connection.features.has_select_for_update else ""

    def rows(self, sql: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        if self._connection.vendor == "unknown" or (self._file is not None and not self._file.exists()):
            return []  # a site without a database, or one that was never moved
        with self._lock, self._in_use():
            try:
                return self._carried_out(sql, values, lambda cursor: [tuple(row) for row in cursor.fetchall()])
            except DatabaseError:
                if self._depth or self._has_tables():
                    raise
                return []

    def run(self, sql: str, values: tuple[Any, ...]) -> int:
        with self._lock, self._in_use():
            self._make_ready()
            return self._carried_out(sql, values, lambda cursor: cursor.rowcount)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        begin, afterwards = _TRANSACTION.get(self._connection.vendor, _ANY_TRANSACTION)
        with self._lock, self._in_use():
            self._make_ready()
            self._carried_out(begin[0], (), lambda cursor: None)
            self._depth += 1  # from here on nothing is tried again on another connection
            try:
                for sql in begin[1:]:
                    self._once(sql, (), lambda cursor: None)
                yield
            except BaseException:
                self._end("ROLLBACK", afterwards)
                raise
            self._end("COMMIT", afterwards)

    @property
    def is_lost(self) -> bool:
        """Whether the connection is closed, as it is after the server ended it in the middle of a transaction."""
        return self._connection.connection is None and not self._depth

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def _end(self, how: str, afterwards: str) -> None:
        self._depth -= 1
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(how)
                if afterwards:
                    cursor.execute(afterwards)
        except (DatabaseError, InterfaceError):
            self._connection.close()  # whatever the server made of it, the next statement must not be in it
            if how == "COMMIT":
                raise

    def _carried_out(self, sql: str, values: tuple[Any, ...], result: Callable[[Any], T]) -> T:
        try:
            return self._once(sql, values, result)
        except (OperationalError, InterfaceError):
            # A connection that was idle may have been ended by the server; within a transaction nothing can be saved.
            if self._depth or self._connection.is_usable():
                raise
            self._connection.close()
            return self._once(sql, values, result)

    def _once(self, sql: str, values: tuple[Any, ...], result: Callable[[Any], T]) -> T:
        if self._connection.connection is None:
            self._connect()
        with self._connection.cursor() as cursor:
            cursor.execute(sql, values)
            return result(cursor)

    def _connect(self) -> None:
        self._connection.connect()
        with self._connection.cursor() as cursor:
            for sql in _TO_BEGIN_WITH.get(self._connection.vendor, ()):
                cursor.execute(sql)
        if self._file is not None and self._has_tables():
            self._add_what_is_new()

    @contextmanager
    def _in_use(self) -> Iterator[None]:
        try:
            yield
        finally:
            if not self._depth and not self._keep_open():
                self._connection.close()

    def _make_ready(self) -> None:
        """See that the tables are there: in a file of our own by making them, else by what ``migrate`` made."""
        if self._is_ready:
            return
        if self._connection.vendor == "unknown":
            raise SettingsError(say("Files are moved with the help of a database, and this site has none."))
        if self._connection.connection is None:
            self._connect()
        if not self._has_tables():
            if self._file is None:
                raise SettingsError(
                    say("The tables of external_storage.django are not in the database."),
                    remedy=say("Run: migrate"),
                )
            self._make_tables()
        self._is_ready = True

    def _add_what_is_new(self) -> None:
        """Bring a file that an earlier release made up to date, as ``migrate`` does with the site's own tables."""
        if self._is_up_to_date():
            return
        with self._connection.cursor() as cursor:
            cursor.execute("BEGIN IMMEDIATE")
            try:
                if not self._is_up_to_date():  # another process may have been quicker
                    cursor.execute(_NEW_COLUMN)
            except BaseException:
                cursor.execute("ROLLBACK")
                raise
            cursor.execute("COMMIT")

    def _is_up_to_date(self) -> bool:
        with self._connection.cursor() as cursor:
            return cursor.execute(_HAS_NEW_COLUMN).fetchone() is not None

    def _has_tables(self) -> bool:
        there = set(self._connection.introspection.table_names())
        return all(model._meta.db_table in there for model in MODELS)

    def _make_tables(self) -> None:
        statements = _sql_of_tables(self._connection)
        with self._connection.cursor() as cursor:
            cursor.execute("BEGIN IMMEDIATE")
            try:
                if not self._has_tables():  # another process may have been quicker
                    for sql in statements:
                        cursor.execute(sql)
            except BaseException:
                cursor.execute("ROLLBACK")
                raise
            cursor.execute("COMMIT")


def _sql_of_tables(connection: BaseDatabaseWrapper) -> list[str]:
    with connection.schema_editor(collect_sql=True, atomic=False) as editor:
        for model in MODELS:
            editor.create_model(model)
    return [sql for sql in editor.collected_sql if not sql.startswith("--")]


_ALIAS = "external_storage"
_opened: dict[tuple[int, str], _Database] = {}
_connecting = threading.Lock()


def _after_fork() -> None:
    """Whoever held the lock does not run in this process. What is open stays the parent's, and is not closed here."""
    global _connecting
    _connecting = threading.Lock()


os.register_at_fork(after_in_child=_after_fork)


def _database() -> _Database:
    """Return the database of this process: a connection that was inherited by a fork is its parent's."""
    described = connections[router.db_for_write(AliasState)].settings_dict
    which = (os.getpid(), str(described["NAME"]))
    with _connecting:
        if which not in _opened:
            _opened[which] = _open(described)
        return _opened[which]


def _open(described: dict[str, Any]) -> _Database:
    theirs = load_backend(described["ENGINE"]).DatabaseWrapper
    ours = {**described, "AUTOCOMMIT": True, "ATOMIC_REQUESTS": False, "OPTIONS": dict(described["OPTIONS"])}
    if theirs.vendor == "sqlite":
        file = _file_beside(str(described["NAME"]))
        ours |= {"NAME": str(file), "OPTIONS": {"timeout": PATIENCE_SECONDS}}
        return _Database(_OwnFile(ours, alias=_ALIAS), file=file, keep_open=lambda: True)
    # A pool would hold several connections for our one; and what others committed has to be seen at once.
    for option in ("pool", "isolation_level"):
        ours["OPTIONS"].pop(option, None)
    return _Database(theirs(ours, alias=_ALIAS), file=None, keep_open=_may_stay_open)


class _OwnFile(sqlite.DatabaseWrapper):
    """The file holds no rows of the site, so a test's ban on the site's database is none of its concern."""

    def ensure_connection(self) -> None:
        if self.connection is None:
            with self.wrap_database_errors:
                self.connect()


def _may_stay_open() -> bool:
    """Return False in a test run: PostgreSQL drops no database that somebody is connected to.

    Django's test environment is recognised by its mail box.
    """
    return not hasattr(mail, "outbox")


def _file_beside(database: str) -> Path:
    if ":memory:" in database or "mode=memory" in database:
        return _temporary_folder(os.getpid()) / "moving.sqlite3"
    path = Path(database.removeprefix("file:").partition("?")[0])
    return path.with_name(f"{path.stem}-moving{path.suffix}")


@cache
def _temporary_folder(process: int) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="external-storage-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
