"""One container of a service that Apache Libcloud speaks to."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib import import_module
from tempfile import NamedTemporaryFile
from typing import IO, Any

from ...errors import SettingsError, SourceChanged, StorageError
from ...objects import Headers, ObjectInfo
from ...sentences import say
from ..container import CHUNK, TIMEOUT_SECONDS, ContainerStore, Opened

DRIVERS = {"local": "FolderDriver", "s3": "S3Driver", "openstack_swift": "SwiftDriver"}
"""The drivers that pass the contract, by the library's names, and what of ours makes each of them pass."""

_MD5 = re.compile(r"[0-9a-f]{32}")


class LibcloudStore(ContainerStore):
    """A container, or the part of one under *prefix* ("" or with a final slash).

    *options* are those of the driver, such as ``host`` and ``region``. Objects for everybody get the *acl*, where one
    is named. One driver works for each thread, because none may be shared.
    """

    lists_in_order = False  # the driver for folders goes by characters, and nobody promises anything for the others

    def __init__(
        self,
        name: str,
        *,
        driver: str,
        container: str,
        prefix: str = "",
        key: str = "",
        secret: str = "",
        acl: str | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(name, place_of(driver, container, prefix), prefix)
        self._make = _maker(driver, key, secret, {"timeout": TIMEOUT_SECONDS, **(options or {})})
        self._container_name = container
        self._acl = acl
        self._of_this_thread = threading.local()

    @property
    def _driver(self) -> Any:
        if not hasattr(self._of_this_thread, "driver"):
            self._of_this_thread.driver = self._make()
        return self._of_this_thread.driver

    @property
    def _container(self) -> Any:
        """The container as the library knows it. Nobody asks whether it is there before something else went wrong."""
        return self._driver.container_named(self._container_name)

    def _found_below(self, start: str) -> Iterator[ObjectInfo]:
        driver = self._driver
        try:
            yield from (_info(each) for each in driver.iterate_container_objects(self._container, prefix=start))
        except driver.failures:
            driver.get_container(self._container_name)  # raises if it is that which is not there
            raise

    def _found(self, full_key: str) -> ObjectInfo:
        return _info(self._driver.get_object(self._container_name, full_key))

    def _opened(self, full_key: str, position: int, known: ObjectInfo | None) -> Opened:
        found, pieces, close = self._driver.opened(self._container_name, full_key, position, known and known.etag)
        info = _info(found)
        if known and (known.etag, known.size) != (info.etag, info.size):
            close()
            raise SourceChanged(say("{full_key!r} is another object by now.", full_key=full_key), key=full_key)
        return Opened(info, pieces, close)

    def _send(self, full_key: str, file: IO[bytes], sent: ObjectInfo, headers: Headers, *, replace: bool) -> None:
        """Send the file, whose MD5 the library compares with what the service says that it has received."""
        extra: dict[str, Any] = {"content_type": headers.content_type}
        if self._acl and headers.public:
            extra["acl"] = self._acl
        also = {"Cache-Control": headers.cache_control} if headers.cache_control else {}
        if not replace:
            also["If-None-Match"] = "*"
        with NamedTemporaryFile(prefix="storage-") as named:  # the library wants a path, or else holds it in memory
            while chunk := file.read(CHUNK):
                named.write(chunk)
            named.flush()
            self._driver.upload_object(named.name, self._container, full_key, extra=extra, headers=also)

    def _remove(self, found: ObjectInfo) -> None:
        if not self._driver.delete_object(self._driver.object_named(self._container_name, found.key)):
            raise StorageError(say("{place} did not delete {key!r}.", place=self.place, key=found.key), key=found.key)

    def _translated(self, key: str | None) -> AbstractContextManager[None]:
        return import_module(".refusals", __package__).translated(self.place, key)


def place_of(driver: str, container: str, prefix: str) -> str:
    """Return how messages call the place."""
    return f"libcloud+{driver.replace('_', '-')}://{container}/{prefix}"


def _maker(driver: str, key: str, secret: str, options: Mapping[str, Any]) -> Callable[[], Any]:
    """Return a function that makes the driver. Raise `SettingsError` if there is none that holds the contract."""
    if driver not in DRIVERS:
        raise SettingsError(
            say("The Libcloud driver {driver!r} is not known to keep files safely.", driver=driver),
            setting="DRIVER",
            remedy=say(
                "Those that do: {drivers}. See docs/decisions/libcloud.md for what the others lack.",
                drivers=", ".join(DRIVERS),
            ),
        )
    try:
        drivers = import_module(".drivers", __package__)
    except ImportError as problem:
        raise SettingsError(
            say("Apache Libcloud is not installed."), remedy=say("Run: pip install 'django-external-storage[libcloud]'")
        ) from problem
    made = getattr(drivers, DRIVERS[driver])

    def make() -> Any:
        try:
            return made(key, secret, **options)
        except (TypeError, ValueError):
            # What it says may repeat a value; the options are named by their names alone.
            raise SettingsError(
                say(
                    "The Libcloud driver {driver!r} does not take these options: {options}.",
                    driver=driver,
                    options=", ".join(sorted(options)),
                ),
                setting="OPTIONS",
                remedy=say("See the driver's page in the documentation of Apache Libcloud."),
            ) from None

    return make


def _info(found: Any) -> ObjectInfo:
    etag = (found.hash or "").strip('"') or None
    md5 = etag if etag and found.driver.hash_is_md5 and _MD5.fullmatch(etag) else None
    said = found.extra or {}
    modified = _seconds(said.get("last_modified") or said.get("modify_time"))
    return ObjectInfo(found.name, found.size, md5, modified, etag)


def _seconds(told: Any) -> float | None:
    """Return a time as seconds, to the second: a listing tells it finer than a request for one object does."""
    if told is None or isinstance(told, int | float):
        return told
    try:
        moment = datetime.fromisoformat(told)
    except ValueError:
        moment = parsedate_to_datetime(told)
    return float(int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()))
