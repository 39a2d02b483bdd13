"""Apache Libcloud's drivers with what they lack of the contract.

The library's own ways of reading hold whole objects in memory, trip over empty ones, or leave a name unquoted, so each
driver gets ``opened``. ``hash_is_md5`` says whether what the library calls an object's hash is the MD5 of its bytes.
"""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

from libcloud.common.exceptions import BaseHTTPError
from libcloud.common.types import InvalidCredsError, LibcloudError
from libcloud.storage.base import Container, Object
from libcloud.storage.drivers.cloudfiles import OpenStackSwiftConnection, OpenStackSwiftStorageDriver
from libcloud.storage.drivers.local import LocalStorageDriver
from libcloud.storage.drivers.s3 import S3SignatureV4Connection, S3StorageDriver
from libcloud.storage.types import ObjectDoesNotExistError
from requests import Response

CHUNK = 1 << 20

BeingRead = tuple[Object, Iterator[bytes], Callable[[], object]]
"""An object as it is sent, its bytes piece by piece, and what gives up the rest of them."""


class _Ours:
    """What the store asks of every driver besides what the library has."""

    failures = (LibcloudError, BaseHTTPError)

    def container_named(self, container_name: str) -> Container:
        """Return the container without asking for it."""
        return Container(container_name, {}, self)

    def object_named(self, container_name: str, object_name: str) -> Object:
        """Return the object without asking for it, to be deleted."""
        return Object(object_name, 0, None, {}, {}, self.container_named(container_name), self)


class FolderDriver(_Ours, LocalStorageDriver):
    """Containers that are folders below the one that *key* names."""

    hash_is_md5 = False  # it is made from the file's time

    def __init__(self, key: str, secret: str | None = None, **options: Any) -> None:
        super().__init__(key, secret, **{name: value for name, value in options.items() if name != "timeout"})

    def get_object(self, container_name: str, object_name: str) -> Object:
        """Return the object. The library takes for missing whatever it may not look at, and stumbles over folders."""
        path = Path(self.base_path, container_name, object_name)
        try:
            is_file = stat.S_ISREG(path.stat().st_mode)
        except (FileNotFoundError, NotADirectoryError):
            is_file = False
        if not is_file:
            self.get_container(container_name)
            raise ObjectDoesNotExistError(None, self, object_name)
        return super().get_object(container_name, object_name)

    def _filter_listed_container_objects(self, objects: Iterable[Object], prefix: str | None) -> list[Object]:
        """Return those below *prefix*, without the library's warning on standard error that it reads all of them."""
        return [each for each in objects if each.name.startswith(prefix or "")]

    def opened(self, container_name: str, object_name: str, position: int, etag: str | None) -> BeingRead:
        found = self.get_object(container_name, object_name)
        file = Path(self.base_path, container_name, object_name).open("rb")  # noqa: SIM115 — closed by the caller
        file.seek(position)
        return found, _pieces_of(file), file.close


class _OverHttp(_Ours):
    hash_is_md5 = True

    def opened(self, container_name: str, object_name: str, position: int, etag: str | None) -> BeingRead:
        # Not packed: an object that is kept packed comes as it is kept.
        headers = {"Range": f"bytes={position}-"} if position else {}
        if etag:
            headers["If-Match"] = f'"{etag}"'
        answer = self._asked_for("GET", container_name, object_name, headers)
        found = self._told_of(container_name, object_name, answer, position)
        return found, answer.raw.stream(CHUNK, decode_content=False), answer.close

    def get_object(self, container_name: str, object_name: str) -> Object:
        """Return the object, with one request where the library makes two."""
        with self._asked_for("HEAD", container_name, object_name, {}) as answer:
            return self._told_of(container_name, object_name, answer)

    def _told_of(self, container_name: str, object_name: str, answer: Response, position: int = 0) -> Object:
        size = int(answer.headers.get("Content-Length", 0)) + position
        told = {"last_modified": answer.headers.get("Last-Modified")}
        container = self.container_named(container_name)
        return Object(object_name, size, answer.headers.get("ETag"), told, {}, container, self)

    def upload_object(self, file_path: str, container: Container, object_name: str, **how: Any) -> None:
        """Send the file; an empty one by ourselves, because the library does not say then that nothing will come."""
        if Path(file_path).stat().st_size:
            try:
                super().upload_object(file_path, container, object_name, **how)
            except self.failures:
                self.get_container(container.name)  # raises if it is that which is not there
                raise
            return
        headers = {"Content-Type": how["extra"]["content_type"], **how["headers"]}
        if acl := how["extra"].get("acl"):
            headers["x-amz-acl"] = acl
        self._asked_for("PUT", container.name, object_name, headers).close()

    def _asked_for(self, method: str, container_name: str, object_name: str, headers: Mapping[str, str]) -> Response:
        path = self.path_of(container_name, object_name)
        self.connection.request(path, method=method, headers=headers, raw=True)
        # The library's own object does not let go of the connection before all was read.
        answer = self.connection.connection.response
        if answer.ok:
            return answer
        answer.close()
        if answer.status_code == HTTPStatus.NOT_FOUND:
            self.get_container(container_name)  # raises if it is that which is not there
            raise ObjectDoesNotExistError(None, self, object_name)
        if answer.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise InvalidCredsError(driver=self)
        raise BaseHTTPError(answer.status_code, "")


class _Streaming:
    """A connection that does not bring a whole object here before anybody has asked for its first byte."""

    def _retryable_request(self, *, raw: bool, stream: bool, method: str, **how: Any) -> Any:
        return super()._retryable_request(raw=raw, stream=stream or (raw and method == "GET"), method=method, **how)


class _S3Connection(_Streaming, S3SignatureV4Connection):
    def add_default_params(self, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """Add nothing: the library's own ``Version`` is unknown to S3, and SeaweedFS refuses it."""
        return params


class S3Driver(_OverHttp, S3StorageDriver):
    """Buckets of an S3-compatible service; of another than Amazon's where ``host`` says so."""

    connectionCls = _S3Connection  # noqa: N815 — the library's name for it

    def path_of(self, container_name: str, object_name: str) -> str:
        return self._get_object_path(self.container_named(container_name), object_name)


class _SwiftConnection(_Streaming, OpenStackSwiftConnection):
    """A connection to where the login leads."""

    def get_endpoint(self, *args: Any, **kwargs: Any) -> str:
        """Return the address. The first kind of login gives but one, and not by the name that the library looks for."""
        if self._auth_version == "1.0":
            return self.service_catalog.get_endpoint(service_type="cloudFiles").url
        return super().get_endpoint(*args, **kwargs)


class SwiftDriver(_OverHttp, OpenStackSwiftStorageDriver):
    """Containers of OpenStack Swift.

    What is put together there from segments has a hash that is no MD5 of its bytes, and fails to be copied, by name.
    """

    connectionCls = _SwiftConnection  # noqa: N815 — the library's name for it

    def path_of(self, container_name: str, object_name: str) -> str:
        return f"/{self._encode_container_name(container_name)}/{quote(object_name)}"


def _pieces_of(file: IO[bytes]) -> Iterator[bytes]:
    return iter(lambda: file.read(CHUNK), b"")
