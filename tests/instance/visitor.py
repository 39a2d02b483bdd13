"""Somebody at the site: follows links, fills in forms, keeps cookies."""

from __future__ import annotations

import http.cookiejar
import mimetypes
import re
import urllib.error
import urllib.parse
import urllib.request
import uuid
from dataclasses import dataclass, field
from html.parser import HTMLParser

from .web import Answer, answer_of


@dataclass
class Form:
    """A form of a page, with the values it came with."""

    action: str
    method: str
    values: dict[str, str] = field(default_factory=dict)
    buttons: dict[str, str] = field(default_factory=dict)
    file_fields: list[str] = field(default_factory=list)


class Page(HTMLParser):
    """What a page asks the browser to load, and the forms it offers."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer
        self.pictures: list[str] = []
        self.stylesheets: list[str] = []
        self.scripts: list[str] = []
        self.icons: list[str] = []
        self.metadata: dict[str, str] = {}
        self.links: list[str] = []
        self.forms: list[Form] = []
        self._choice: str | None = None
        self._text: str | None = None
        self.feed(answer.text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        if tag in ("img", "source"):
            self.pictures += [self._whole(given["src"])] if given.get("src") else []
            self.pictures += [
                self._whole(part.split()[0]) for part in given.get("srcset", "").split(",") if part.strip()
            ]
        elif tag == "link":
            if given.get("rel") == "stylesheet":
                self.stylesheets.append(self._whole(given["href"]))
            elif "icon" in given.get("rel", ""):
                self.icons.append(self._whole(given["href"]))
        elif tag == "script" and given.get("src"):
            self.scripts.append(self._whole(given["src"]))
        elif tag == "meta" and (name := given.get("property") or given.get("name")):
            self.metadata[name] = given.get("content", "")
        elif tag == "a" and given.get("href"):
            self.links.append(self._whole(given["href"]))
        else:
            self._in_form(tag, given)

    def _in_form(self, tag: str, given: dict[str, str]) -> None:
        if tag == "form":
            self.forms.append(Form(self._whole(given.get("action", "")), given.get("method", "get").lower()))
        elif not self.forms:
            return
        name, form = given.get("name", ""), self.forms[-1]
        if tag == "input" and name:
            kind = given.get("type", "text")
            if kind == "file":
                form.file_fields.append(name)
            elif kind == "submit":
                form.buttons[name] = given.get("value", "")
            elif kind not in ("checkbox", "radio") or "checked" in given:
                form.values[name] = given.get("value", "on" if kind in ("checkbox", "radio") else "")
        elif tag == "button" and name:
            form.buttons[name] = given.get("value", "")
        elif tag == "select":
            self._choice = name
        elif tag == "option" and self._choice and ("selected" in given or self._choice not in form.values):
            form.values[self._choice] = given.get("value", "")
        elif tag == "textarea":
            self._text, form.values[name] = name, ""

    def handle_data(self, data: str) -> None:
        if self._text:
            self.forms[-1].values[self._text] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self._choice = None
        elif tag == "textarea":
            self._text = None

    def _whole(self, address: str) -> str:
        return urllib.parse.urljoin(self.answer.url, address)

    def link_to(self, path: str) -> str:
        """Return the first link whose path matches the pattern *path* as a whole."""
        for link in self.links:
            if re.fullmatch(path, urllib.parse.urlsplit(link).path):
                return link
        raise AssertionError(f"No link on {self.answer.url} leads to {path}; there are {self.links}.")

    def form_with(self, *names: str) -> Form:
        """Return the first form that has all these fields."""
        for form in self.forms:
            if set(names) <= {*form.values, *form.file_fields}:
                return form
        offered = [[*form.values, *form.file_fields] for form in self.forms]
        raise AssertionError(f"No form on {self.answer.url} has {names}; there are {offered}.")

    def form_with_button(self, name: str) -> Form:
        """Return the first form that has a button of this name."""
        for form in self.forms:
            if name in form.buttons:
                return form
        raise AssertionError(f"No form on {self.answer.url} has a button {name!r}.")


class Visitor:
    """A browser's cookies and manners, without its eyes."""

    def __init__(self, site: str) -> None:
        self.site = site
        cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self._opener = urllib.request.build_opener(cookies)

    def get(self, path: str) -> Page:
        answer = self._send(urllib.request.Request(urllib.parse.urljoin(self.site, path)))
        assert answer.status == 200, f"{path} answered {answer.status}: {answer.text[:500]}"
        return Page(answer)

    def submit(self, form: Form, *, files: dict[str, tuple[str, bytes]] | None = None, **values: str) -> Page:
        """Send the form with *values* changed and *files* (file name and bytes) chosen, and return the next page."""
        body, content_type = _multipart({**form.values, **values}, files or {})
        headers = {"Content-Type": content_type, "Referer": form.action}
        answer = self._send(urllib.request.Request(form.action, data=body, headers=headers))
        assert answer.status == 200, f"{form.action} answered {answer.status}: {answer.text[:500]}"
        complaints = re.findall(r'class="errorlist[^>]*>(.*?)</ul>', answer.text, flags=re.DOTALL)
        assert complaints == [], f"{form.action} did not take the form."
        return Page(answer)

    def _send(self, request: urllib.request.Request) -> Answer:
        try:
            with self._opener.open(request, timeout=30) as response:
                return answer_of(response)
        except urllib.error.HTTPError as refusal:
            with refusal:
                return answer_of(refusal)


def _multipart(values: dict[str, str], files: dict[str, tuple[str, bytes]]) -> tuple[bytes, str]:
    boundary = uuid.uuid4().hex
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in values.items()
    ]
    for name, (file_name, data) in files.items():
        kind = mimetypes.guess_type(file_name)[0] or "application/octet-stream"
        opening = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{file_name}"\r\n'
        parts.append(f"{opening}Content-Type: {kind}\r\n\r\n".encode() + data + b"\r\n")
    return b"".join(parts) + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"
