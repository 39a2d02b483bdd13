"""Headless Chromium that trusts the test authority and finds books.test and media.test on this machine."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

from tests.servers import Certificates
from tests.servers.certificates import public_key_digest

LONGEST_LOAD = 30

# Lazy pictures load only once they come near the viewport, so the page is read to its end like a person would.
READ_TO_THE_END = """
const done = arguments[arguments.length - 1];
(async () => {
  for (let y = 0; y < document.body.scrollHeight; y += 400) {
    window.scrollTo(0, y);
    await new Promise(next => setTimeout(next, 30));
  }
  const settled = image => image.complete ? null : new Promise(next => {
    image.addEventListener('load', next);
    image.addEventListener('error', next);
  });
  await Promise.all([...document.images].map(settled));
  await document.fonts.ready;
  done();
})();
"""

WHAT_IS_SEEN = """
return {
  fonts: [...document.fonts].map(font => ({family: font.family.replaceAll('"', ''), status: font.status})),
  pictures: [...document.images].map(image => ({url: image.currentSrc || image.src, width: image.naturalWidth})),
  secure: window.isSecureContext,
};
"""


@dataclass
class Seen:
    """What a browser made of a page: its fonts and pictures, what it fetched, what it complained of."""

    fonts: list[dict[str, str]]
    pictures: list[dict[str, Any]]
    complaints: list[str]
    answered: dict[str, int] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    def fonts_that_are(self, status: str) -> set[str]:
        return {font["family"] for font in self.fonts if font["status"] == status}

    def complaints_about(self, subject: str) -> list[str]:
        return [complaint for complaint in self.complaints if subject.lower() in complaint.lower()]


class Browser:
    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def look_at(self, url: str) -> Seen:
        """Open *url* as if for the first time, read it to its end, and return what there was."""
        self.driver.execute_cdp_cmd("Network.clearBrowserCache", {})
        for log in ("browser", "performance"):
            self.driver.get_log(log)
        self.driver.get(url)
        self.driver.execute_async_script(READ_TO_THE_END)
        time.sleep(0.3)  # the last log entries arrive after the page's own events
        shown = self.driver.execute_script(WHAT_IS_SEEN)
        complaints = [entry["message"] for entry in self.driver.get_log("browser")]
        seen = Seen(shown["fonts"], shown["pictures"], complaints)
        self._read_network(seen)
        return seen

    def _read_network(self, seen: Seen) -> None:
        asked: dict[str, str] = {}
        for entry in self.driver.get_log("performance"):
            event = json.loads(entry["message"])["message"]
            told = event["params"]
            match event["method"]:
                case "Network.requestWillBeSent":
                    asked[told["requestId"]] = told["request"]["url"]
                case "Network.responseReceived":
                    seen.answered[told["response"]["url"]] = told["response"]["status"]
                case "Network.loadingFailed":
                    reason = told.get("blockedReason") or (told.get("corsErrorStatus") or {}).get("corsError")
                    seen.failed[asked.get(told["requestId"], "?")] = reason or told["errorText"]


@contextmanager
def open_browser(programs: tuple[str, str], certificates: Certificates, port: int) -> Iterator[Browser]:
    """Start *programs* (browser and driver), for which every ``.test`` host is this machine's *port*."""
    browser, driver_program = programs
    profile = tempfile.mkdtemp(prefix="bookwyrm-browser-")
    options = Options()
    options.binary_location = browser
    for argument in (
        "--headless=new",
        "--no-sandbox",  # it refuses to run as root otherwise
        "--disable-dev-shm-usage",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
        "--no-first-run",
        f"--user-data-dir={profile}",
        f"--host-resolver-rules=MAP *.test 127.0.0.1:{port}, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        f"--ignore-certificate-errors-spki-list={public_key_digest(certificates.certificate)}",
        "--window-size=1200,900",
        "--lang=en",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(driver_program))
    driver.set_page_load_timeout(LONGEST_LOAD)
    driver.set_script_timeout(LONGEST_LOAD)
    try:
        yield Browser(driver)
    finally:
        driver.quit()
        shutil.rmtree(profile, ignore_errors=True)
