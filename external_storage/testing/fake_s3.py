"""An S3 server in memory that misbehaves on demand, over real sockets.

It checks Content-MD5 and no signature: what needs those is tested on real servers. Here one asks what comes of a store
that breaks connections, forgets what it took, or answers nonsense:

    with FakeS3() as fake:
        fault = fake.misbehave(Fault.reset(), method="PUT", times=3)
        …
        assert fault.fired == 3
"""

from __future__ import annotations

import hashlib
import itertools
import re
import socket
import struct
import threading
import time
from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from socketserver import StreamRequestHandler, ThreadingTCPServer
from urllib.parse import parse_qsl, quote, unquote, urlsplit
from xml.sax.saxutils import escape

from ..objects import etag_of_parts, in_key_order


@dataclass
class Request:
    """One request as it arrived, at a time of the monotonic clock."""

    method: str
    bucket: str
    key: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    path_ends_with_slash: bool = False
    arrived_at: float = field(default_factory=time.monotonic)


@dataclass
class Reply:
    """What is sent back."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


class BrokenOff(Exception):
    """The server resets the connection instead of answering; *half* of an answer may have gone out before."""

    def __init__(self, half: bytes = b"") -> None:
        self.half = half


# Gets the request and a function that does what a good server would; returns what is answered.
Behaviour = Callable[[Request, Callable[[], Reply]], Reply]


@dataclass
class Fault:
    """A behaviour, and which requests meet it: those of *method* whose key contains *key*, *times* from the *first*."""

    behaviour: Behaviour
    method: str = ""
    key: str = ""
    query: str = ""
    first: int = 1
    times: int | None = None
    matched: int = 0
    fired: int = 0

    def applies_to(self, request: Request) -> bool:
        """Count the request and return whether it is met with the fault."""
        if self.method not in ("", request.method) or self.key not in request.key:
            return False
        if self.query and self.query not in request.query:
            return False
        self.matched += 1
        applies = self.matched >= self.first and (self.times is None or self.fired < self.times)
        self.fired += applies
        return applies

    # Behaviours

    @staticmethod
    def answer(status: int, code: str = "", message: str = "", **headers: str) -> Behaviour:
        """Answer with an error, without doing anything."""
        reply = Reply(
            status, error_body(code, message) if code else b"", {k.replace("_", "-"): v for k, v in headers.items()}
        )
        return lambda request, carry_on: reply

    @staticmethod
    def forget() -> Behaviour:
        """Answer 200 with the right ETag, and store nothing."""
        return lambda request, carry_on: Reply(headers={"ETag": f'"{_md5(request.body)}"'})

    @staticmethod
    def misname() -> Behaviour:
        """Do everything right, and give another ETag than the MD5, there and in every later answer."""
        return lambda request, carry_on: _with_etag(carry_on(), '"0123456789abcdef0123456789abcdef"')

    @staticmethod
    def rewrite(pattern: bytes, by: bytes) -> Behaviour:
        """Do everything right, and replace in the answer's body what matches the expression."""

        def behave(request: Request, carry_on: Callable[[], Reply]) -> Reply:
            reply = carry_on()
            reply.body = re.sub(pattern, by, reply.body)
            return reply

        return behave

    @staticmethod
    def corrupt() -> Behaviour:
        """Store other bytes of the same number under the right ETag."""

        def behave(request: Request, carry_on: Callable[[], Reply]) -> Reply:
            right = f'"{_md5(request.body)}"'
            request.body = bytes(byte ^ 1 for byte in request.body)
            request.headers.pop("content-md5", None)
            return _with_etag(carry_on(), right)

        return behave

    @staticmethod
    def reset() -> Behaviour:
        """Break the connection instead of doing anything."""

        def behave(request: Request, carry_on: Callable[[], Reply]) -> Reply:
            raise BrokenOff

        return behave

    @staticmethod
    def reset_afterwards() -> Behaviour:
        """Do everything right, and break the connection instead of saying so."""

        def behave(request: Request, carry_on: Callable[[], Reply]) -> Reply:
            carry_on()
            raise BrokenOff

        return behave

    @staticmethod
    def break_off(after: int) -> Behaviour:
        """Send the first bytes of the right answer, and break the connection."""

        def behave(request: Request, carry_on: Callable[[], Reply]) -> Reply:
            raise BrokenOff(_encode(request, carry_on())[:after])

        return behave

    @staticmethod
    def error_in_success() -> Behaviour:
        """Answer 200 with an error in the body."""
        return lambda request, carry_on: Reply(200, error_body("InternalError", "We encountered an internal error."))

    @staticmethod
    def echo() -> Behaviour:
        """Refuse, and repeat in the message how the request was signed."""

        def behave(request: Request, carry_on: Callable[[], Reply]) -> Reply:
            return Reply(400, error_body("Peculiar", f"You sent Authorization: {request.headers.get('authorization')}"))

        return behave

    @staticmethod
    def wait(seconds: float) -> Behaviour:
        """Answer rightly, but late."""

        def behave(request: Request, carry_on: Callable[[], Reply]) -> Reply:
            time.sleep(seconds)
            return carry_on()

        return behave

    @staticmethod
    def call(before: Callable[[Request], None], *, afterwards: bool = False) -> Behaviour:
        """Call a function before the request is carried out, or after that and before it is answered."""

        def behave(request: Request, carry_on: Callable[[], Reply]) -> Reply:
            if not afterwards:
                before(request)
                return carry_on()
            reply = carry_on()
            before(request)
            return reply

        return behave


@dataclass
class _Object:
    data: bytes
    headers: dict[str, str]
    etag: str
    modified: float


@dataclass
class _Upload:
    bucket: str
    key: str
    headers: dict[str, str]
    begun: float
    parts: dict[int, bytes] = field(default_factory=dict)


class FakeS3:
    """The server; a context that starts and stops it. Every bucket exists.

    *page* is the length of its listings. Objects are held under what *named* makes of their keys.
    """

    def __init__(self, *, page: int = 1000, named: Callable[[str], str] = str) -> None:
        self.objects: dict[str, dict[str, _Object]] = {}
        self.uploads: dict[str, _Upload] = {}
        self.requests: list[Request] = []
        self.clock_ahead = 0.0
        self._page = page
        self._named = named
        self._faults: list[Fault] = []
        self._lock = threading.RLock()
        self._ids = itertools.count(1)
        self._server = _Server(("127.0.0.1", 0), self)
        self.endpoint_url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> FakeS3:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def misbehave(self, behaviour: Behaviour, **which) -> Fault:
        """Meet the requests that match (see `Fault`) with this behaviour; return the fault, which counts them."""
        fault = Fault(behaviour, **which)
        self._faults.append(fault)
        return fault

    def behave(self) -> None:
        """Be a good server again."""
        self._faults.clear()

    def count(self, method: str, *, query: str = "") -> int:
        """Return how many requests of a kind have arrived."""
        return sum(each.method == method and (not query or query in each.query) for each in self.requests)

    def reply_to(self, request: Request) -> Reply:
        request.key = self._named(request.key)
        with self._lock:
            self.requests.append(request)
            fault = next((fault for fault in self._faults if fault.applies_to(request)), None)
        if fault is None:
            return self._carry_out(request)
        return fault.behaviour(request, lambda: self._carry_out(request))

    # A good server

    def _carry_out(self, request: Request) -> Reply:
        with self._lock:
            held = self.objects.setdefault(request.bucket, {})
            match request.method:
                case "GET" if "uploads" in request.query:
                    return self._list_uploads(request)
                case "GET" if "uploadId" in request.query:
                    return self._list_parts(request.query["uploadId"])
                case "GET" if not request.key:
                    return self._list(held, request.query)
                case "POST" if "delete" in request.query:
                    return self._delete_many(held, request.body)
                case "POST" if "uploads" in request.query:
                    return self._begin_upload(request)
                case "POST" if "uploadId" in request.query:
                    return self._complete_upload(held, request)
                case "PUT" if "uploadId" in request.query:
                    return self._put_part(request)
                case "DELETE" if "uploadId" in request.query:
                    self.uploads.pop(request.query["uploadId"], None)
                    return Reply(204)
                case "PUT" if "x-amz-copy-source" in request.headers:
                    return self._copy(held, request)
                case "PUT":
                    return self._put(held, request)
                case "GET" | "HEAD":
                    return self._get(held, request)
                case "DELETE":
                    held.pop(request.key, None)
                    return Reply(204)
        return Reply(405, error_body("MethodNotAllowed"))

    def _put(self, held: dict[str, _Object], request: Request) -> Reply:
        if _digest_is_wrong(request):
            return Reply(400, error_body("BadDigest"))
        if request.headers.get("if-none-match") == "*" and request.key in held:
            return Reply(412, error_body("PreconditionFailed"))
        etag = _md5(request.body)
        held[request.key] = _Object(request.body, _kept(request.headers), etag, time.time())
        return Reply(headers={"ETag": f'"{etag}"'})

    def _copy(self, held: dict[str, _Object], request: Request) -> Reply:
        bucket, _, key = unquote(request.headers["x-amz-copy-source"]).lstrip("/").partition("/")
        found = self.objects.get(bucket, {}).get(key)
        if found is None:
            return Reply(404, error_body("NoSuchKey"))
        if request.headers.get("x-amz-copy-source-if-match", f'"{found.etag}"') != f'"{found.etag}"':
            return Reply(412, error_body("PreconditionFailed"))
        held[request.key] = _Object(found.data, _kept(request.headers), found.etag, time.time())
        return Reply(200, f"<CopyObjectResult><ETag>&quot;{found.etag}&quot;</ETag></CopyObjectResult>".encode())

    def _get(self, held: dict[str, _Object], request: Request) -> Reply:
        found = held.get(request.key)
        if found is None:
            return Reply(404, error_body("NoSuchKey"))
        if request.headers.get("if-match", f'"{found.etag}"') != f'"{found.etag}"':
            return Reply(412, error_body("PreconditionFailed"))
        headers = found.headers | {"ETag": f'"{found.etag}"', "Last-Modified": formatdate(found.modified, usegmt=True)}
        if request.headers.get("range") == "bytes=0-0":
            return Reply(206, found.data[:1], headers)
        return Reply(200, found.data, headers)

    def _list(self, held: dict[str, _Object], query: dict[str, str]) -> Reply:
        after = in_key_order(query.get("continuation-token") or query.get("start-after", ""))
        wanted = sorted(
            (k for k in held if k.startswith(query.get("prefix", "")) and in_key_order(k) > after), key=in_key_order
        )
        page = wanted[: self._page]
        more = len(wanted) > len(page)
        entries = "".join(_entry(key, held[key]) for key in page)
        token = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if more else ""
        text = (
            f"<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>{str(more).lower()}</IsTruncated>"
            f"{token}{entries}</ListBucketResult>"
        )
        return Reply(200, text.encode())

    def _delete_many(self, held: dict[str, _Object], body: bytes) -> Reply:
        for key in body.decode().split("<Key>")[1:]:
            name = key.split("</Key>")[0].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
            held.pop(self._named(name), None)
        return Reply(200, b"<DeleteResult></DeleteResult>")

    def _begin_upload(self, request: Request) -> Reply:
        upload_id = f"upload-{next(self._ids)}"
        self.uploads[upload_id] = _Upload(request.bucket, request.key, _kept(request.headers), time.time())
        return Reply(200, f"<R><UploadId>{upload_id}</UploadId></R>".encode())

    def _list_uploads(self, request: Request) -> Reply:
        entries = "".join(
            f"<Upload><Key>{quote(each.key)}</Key><UploadId>{upload_id}</UploadId>"
            f"<Initiated>{_iso_date(each.begun)}</Initiated></Upload>"
            for upload_id, each in self.uploads.items()
            if each.bucket == request.bucket and each.key.startswith(request.query.get("prefix", ""))
        )
        head = "<EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>"
        return Reply(200, f"<ListMultipartUploadsResult>{head}{entries}</ListMultipartUploadsResult>".encode())

    def _list_parts(self, upload_id: str) -> Reply:
        if upload_id not in self.uploads:
            return Reply(404, error_body("NoSuchUpload"))
        entries = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>&quot;{_md5(part)}&quot;</ETag><Size>{len(part)}</Size></Part>"
            for number, part in sorted(self.uploads[upload_id].parts.items())
        )
        return Reply(200, f"<ListPartsResult><IsTruncated>false</IsTruncated>{entries}</ListPartsResult>".encode())

    def _put_part(self, request: Request) -> Reply:
        if _digest_is_wrong(request):
            return Reply(400, error_body("BadDigest"))
        if request.query["uploadId"] not in self.uploads:
            return Reply(404, error_body("NoSuchUpload"))
        self.uploads[request.query["uploadId"]].parts[int(request.query["partNumber"])] = request.body
        return Reply(headers={"ETag": f'"{_md5(request.body)}"'})

    def _complete_upload(self, held: dict[str, _Object], request: Request) -> Reply:
        if request.query["uploadId"] not in self.uploads:
            return Reply(404, error_body("NoSuchUpload"))
        upload = self.uploads.pop(request.query["uploadId"])
        ordered = [upload.parts[number] for number in sorted(upload.parts)]
        etag = etag_of_parts([hashlib.md5(part, usedforsecurity=False).digest() for part in ordered])
        held[request.key] = _Object(b"".join(ordered), upload.headers, etag, time.time())
        return Reply(200, f"<R><ETag>&quot;{etag}&quot;</ETag></R>".encode())


class _Server(ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], fake: FakeS3) -> None:
        self.fake = fake
        super().__init__(address, _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: connections break here all the time, on purpose."""


class _Handler(StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while (request := self._read()) is not None:
            try:
                reply = self.server.fake.reply_to(request)
            except BrokenOff as broken:
                self._break_off(broken.half)
                return
            reply.headers.setdefault("Date", formatdate(time.time() + self.server.fake.clock_ahead, usegmt=True))
            self.wfile.write(_encode(request, reply))

    def _read(self) -> Request | None:
        with suppress(ConnectionError):
            first = self.rfile.readline().decode("latin-1").split()
            if len(first) != 3:
                return None
            headers = {}
            while line := self.rfile.readline().strip():
                name, _, value = line.decode("latin-1").partition(":")
                headers[name.lower()] = value.strip()
            if headers.get("expect") == "100-continue":
                # The SDK waits a second for this before each body.
                self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            body = self.rfile.read(int(headers.get("content-length", 0)))
            parts = urlsplit(first[1])
            bucket, _, key = unquote(parts.path).lstrip("/").partition("/")
            query = dict(parse_qsl(parts.query, True, errors="surrogateescape"))
            return Request(first[0], bucket, key, query, headers, body, parts.path.endswith("/"))
        return None

    def _break_off(self, half: bytes) -> None:
        if half:
            self.wfile.write(half)
        # With no time to linger, closing sends a reset.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()


def _encode(request: Request, reply: Reply) -> bytes:
    headers = reply.headers | {"Content-Length": str(len(reply.body))}
    head = (
        f"HTTP/1.1 {reply.status} x\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "\r\n"
    )
    return head.encode("latin-1") + (b"" if request.method == "HEAD" or reply.status == 204 else reply.body)


def _entry(key: str, held: _Object) -> str:
    modified = _iso_date(held.modified)
    return (
        f"<Contents><Key>{quote(key, errors='surrogateescape')}</Key><LastModified>{modified}</LastModified>"
        f"<ETag>&quot;{held.etag}&quot;</ETag><Size>{len(held.data)}</Size></Contents>"
    )


def _iso_date(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(seconds))


def _with_etag(reply: Reply, etag: str) -> Reply:
    return Reply(reply.status, reply.body, reply.headers | {"ETag": etag})


def _kept(headers: dict[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in headers.items()
        if name in ("content-type", "cache-control") or "x-amz-meta-" in name
    }


def _digest_is_wrong(request: Request) -> bool:
    digest = hashlib.md5(request.body, usedforsecurity=False).digest()
    return request.headers.get("content-md5", b64encode(digest).decode()) != b64encode(digest).decode()


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def error_body(code: str, message: str = "") -> bytes:
    """Return what S3 says when it refuses."""
    return f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>".encode()
