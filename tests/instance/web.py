"""Ask for a URL as a stranger, and take any answer."""

from __future__ import annotations

import urllib.error
import urllib.request
from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    """An HTTP answer, whatever its status."""

    url: str
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


def ask(url: str, *, method: str = "GET", headers: dict[str, str] | None = None) -> Answer:
    """Ask as somebody without a session or a key. Header names in the answer are lower case."""
    request = urllib.request.Request(url, method=method, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            return answer_of(response)
    except urllib.error.HTTPError as refusal:
        with refusal:
            return answer_of(refusal)


def answer_of(response) -> Answer:
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(response.geturl(), response.status, headers, response.read())
