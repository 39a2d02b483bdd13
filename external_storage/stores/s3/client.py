"""Send signed requests to one bucket."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from time import monotonic

from ...errors import CredentialsRefused, StorageError
from ...sentences import say
from .connection import Answer, ConnectionPool, Exchange, Origin, RequestHead
from .refusals import Refusal, translate
from .signing import ASK_AGAIN_SECONDS, EMPTY_PAYLOAD, UNSIGNED_PAYLOAD, Credentials, Signer, encode, encode_query


class S3Client:
    """One bucket at one endpoint; what it raises are our errors, never the store's."""

    def __init__(
        self,
        *,
        bucket: str,
        region: str,
        endpoint_url: str,
        credentials: Callable[[], Credentials],
        virtual_addressing: bool,
        place: str,
        ca_bundle: str | None = None,
    ) -> None:
        origin = Origin.of(endpoint_url)
        self._bucket = bucket
        self._region = region
        self._place = place
        self._endpoint = f"{origin.scheme}://{origin.host_header}"
        self._ask_for_credentials = credentials
        self._pool = ConnectionPool(
            origin.on_host(f"{bucket}.{origin.host}") if virtual_addressing else origin, ca_bundle
        )
        self._root = "/" if virtual_addressing else f"/{encode(bucket)}/"
        self._host = self._pool.origin.host_header
        # A plain proxy is told the whole URL in the request line.
        proxied = origin.proxy is not None and origin.scheme == "http"
        self._line_prefix = f"http://{self._host}" if proxied else ""
        self._proxy_login = origin.proxy_login if proxied else None
        self._credentials = Credentials("", "")
        self._signer: Signer | None = None
        self._signer_until = 0.0
        self._signer_lock = threading.Lock()
        # Content-MD5 is signed, so the body is bound to the signature without being hashed a second time.
        self.signs_payload = False

    def request(self, method: str, key: str = "", **request) -> Answer:
        """Send one request; the answer's status may be any, and its body is for the caller to read, then `end`."""
        return self.begin(method, key, **request).wait()

    def begin(
        self,
        method: str,
        key: str = "",
        *,
        query: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        body: bytes = b"",
    ) -> Exchange:
        """Begin one request, and go on without waiting for its answer; see `request` for what to do with that."""
        path = self._root + encode(key, safe="/") if key else self._root.rstrip("/") or "/"
        encoded_query = encode_query(query) if query else ""
        payload = self._payload_digest(body)

        def build_head() -> RequestHead:
            signed = dict(headers or ())
            signed["host"] = self._host
            self._current_signer().sign(method, path, encoded_query, signed, payload)
            signed["content-length"] = str(len(body))
            if self._proxy_login:
                signed["proxy-authorization"] = self._proxy_login
            target = f"{self._line_prefix}{path}?{encoded_query}" if encoded_query else f"{self._line_prefix}{path}"
            lines = "".join([f"{name}: {value}\r\n" for name, value in signed.items()])
            return RequestHead(f"{method} {target} HTTP/1.1\r\n{lines}\r\n".encode("latin-1"))

        return self._pool.begin(method, build_head, body)

    def ask(self, method: str, key: str = "", **request) -> tuple[Answer, bytes]:
        """Send one request and read its whole answer, whatever the status."""
        return self.take(self.begin(method, key, **request))

    def take(self, exchange: Exchange) -> tuple[Answer, bytes]:
        """Wait for the answer to a request that was begun, and read it whole."""
        answer = exchange.wait()
        try:
            body = answer.body()
        finally:
            self.end(answer)
        return answer, body

    @property
    def is_ready(self) -> bool:
        """Whether a request can be begun without waiting for a connection."""
        return self._pool.is_ready

    def end(self, answer: Answer) -> None:
        """Let go of an answer: its connection is kept if its body was read to the end."""
        self._pool.give_back(answer)

    def refusal(self, answer: Answer, body: bytes, key: str | None) -> Refusal:
        """Return what an answer other than the wanted one says."""
        return Refusal.read(
            answer.status,
            answer.headers,
            body,
            key=key,
            bucket=self._bucket,
            place=self._place,
            endpoint=self._endpoint,
            region=self._region,
            credentials=self._credentials,
        )

    def error(self, answer: Answer, body: bytes, key: str | None) -> StorageError:
        return translate(self.refusal(answer, body, key))

    def _payload_digest(self, body: bytes) -> str:
        if not body:
            return EMPTY_PAYLOAD
        return hashlib.sha256(body).hexdigest() if self.signs_payload else UNSIGNED_PAYLOAD

    def _current_signer(self) -> Signer:
        if self._signer is None or monotonic() > self._signer_until:
            with self._signer_lock:
                self._credentials = self._ask_for_credentials()
                if not self._credentials.access_key_id or not self._credentials.secret_access_key:
                    raise CredentialsRefused(
                        say("There are no credentials for {place}.", place=self._place),
                        remedy=say("Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."),
                    )
                self._signer = Signer(self._credentials, self._region)
                self._signer_until = monotonic() + ASK_AGAIN_SECONDS
        return self._signer
