"""The page to watch the storage on, in a browser: on a desk and on a phone, live with a script, and whole without."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from tests.servers import S3Server

from .chromium import Browser, open_browser
from .demo_site import PASSWORD, READER, DemoSite, demo_site

DESK, PHONE = (1280, 900), (390, 844)
PAGE = "/admin/storage/"

CARRY_OUT = """
from external_storage.django.moving import requests
from external_storage.django.moving.journey import move
(asked,) = requests.open_requests()
move(asked.alias, asked.target, asked_by=asked.asked_by)
"""
CHANGE_ONES_MIND = """
from external_storage.django.moving import requests
requests.withdraw("default")
"""
WRITTEN_DOWN = """
from django.contrib.admin.models import LogEntry
for entry in LogEntry.objects.filter(object_id="default").order_by("pk"):
    print(f"{entry.user}: {entry.change_message}")
"""
SAY_HOW_FAR = """
from external_storage.django.moving import requests
requests.ask("default", "{target}", asked_by="reader")
requests.note_progress("default", requests.Progress("copy", "{copied}", {share}))
"""


class Keeper:
    """Somebody on the staff, at the site."""

    def __init__(self, browser: Browser, site: DemoSite) -> None:
        self.driver, self.site = browser.driver, site
        self.driver.implicitly_wait(10)

    def sits_at(self, size: tuple[int, int]) -> None:
        width, height = size
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def signs_in(self) -> None:
        self.driver.get(f"{self.site.url}/admin/login/?next={PAGE}")
        self.find("input[name=username]").send_keys(READER)
        self.find("input[name=password]").send_keys(PASSWORD)
        self.find("input[type=submit]").click()
        assert self.find("#storage-watch")

    def goes_to_the_page(self) -> None:
        self.driver.get(self.site.url + PAGE)

    def presses(self, button: str, *, shown: str) -> None:
        """Press a button of the media's alias, read what it does, and confirm."""
        self.goes_to_the_page()
        self.find(f"a[href$='default/{button}/']").click()
        assert self.sees(shown)
        self.find("#confirmation").send_keys("default")
        self.find("form.storage-confirm button[type=submit]").click()

    def find(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def sees(self, text: str, *, within: float = 20) -> bool:
        """Wait until *text* is on the page; between two looks the page may exchange what it shows."""
        ignored = [StaleElementReferenceException]
        waiting = WebDriverWait(self.driver, within, poll_frequency=0.2, ignored_exceptions=ignored)
        return bool(waiting.until(lambda driver: text in self.find("main").text))

    @property
    def width_that_sticks_out(self) -> int:
        root = "document.documentElement"
        return self.driver.execute_script(f"return {root}.scrollWidth - {root}.clientWidth")

    def complaints(self) -> list[str]:
        """What the browser itself has to say, but for what plain http has no use for."""
        logged = [entry["message"] for entry in self.driver.get_log("browser")]
        return [message for message in logged if "Cross-Origin-Opener-Policy" not in message]


@pytest.fixture(scope="module")
def site(seaweedfs: S3Server) -> Iterator[DemoSite]:
    bucket = seaweedfs.make_bucket()
    variables = {
        "AWS_ACCESS_KEY_ID": seaweedfs.access_key_id,
        "AWS_SECRET_ACCESS_KEY": seaweedfs.secret_access_key,
        "AWS_STORAGE_BUCKET_NAME": bucket.name,
        "AWS_S3_REGION_NAME": seaweedfs.region,
        "AWS_S3_ENDPOINT_URL": seaweedfs.endpoint_url,
        "AWS_S3_CUSTOM_DOMAIN": bucket.public_url.removeprefix("http://"),
    }
    with demo_site(books=8, **variables) as site:
        yield site


@pytest.fixture(scope="module")
def keeper(chromium, certificates, site: DemoSite) -> Iterator[Keeper]:
    with open_browser(chromium, certificates, site.port) as browser:
        keeper = Keeper(browser, site)
        keeper.signs_in()
        yield keeper


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_it_fits_the_window_and_gives_a_browser_nothing_to_complain_of(keeper, size):
    keeper.sits_at(size)
    keeper.goes_to_the_page()
    assert keeper.sees("All files are in one store.")
    assert keeper.width_that_sticks_out == 0
    heights = [each.size["height"] for each in keeper.driver.find_elements(By.CSS_SELECTOR, "#storage-watch .button")]
    assert len(heights) > 2 and max(heights) - min(heights) <= 1
    assert keeper.complaints() == []


def test_the_checkup_runs_and_its_report_comes_by_itself(keeper):
    keeper.sits_at(DESK)
    keeper.goes_to_the_page()
    keeper.find("form[action$='look/'] button").click()
    assert keeper.sees("Last looked at")
    assert keeper.sees("static.font")
    assert keeper.sees("files, ")
    assert keeper.width_that_sticks_out == 0


def test_each_button_is_confirmed_and_its_move_followed_without_loading_the_page_again(keeper, site):
    keeper.sits_at(DESK)
    keeper.presses("mirror", shown="every change is carried to the other store")
    assert keeper.sees("Every change is carried to the other store too.")
    keeper.presses("switch", shown="copies what the other store still lacks, compares both")
    assert keeper.sees("Asked for by reader")
    keeper.driver.execute_script("window.isStillThere = true; document.activeElement.blur()")
    with ThreadPoolExecutor(1) as worker:
        moving = worker.submit(site.shell, CARRY_OUT)
        for shown in ("kept in step", "Links point at the site itself", "Links point at the new store", "It is over."):
            assert keeper.sees(shown, within=120), shown
        moving.result()
    assert keeper.driver.execute_script("return window.isStillThere") is True
    for size in (DESK, PHONE):
        keeper.sits_at(size)
        assert keeper.width_that_sticks_out == 0
    assert keeper.complaints() == []


def test_the_way_back_is_asked_for_and_the_old_store_left_behind(keeper, site):
    keeper.sits_at(DESK)
    keeper.presses("back", shown="The same journey the other way")
    assert keeper.sees("Move to disk")
    site.shell(CHANGE_ONES_MIND)
    keeper.presses("settle", shown="The old store is left behind")
    assert keeper.sees("left behind")
    assert keeper.sees("All files are in one store.")
    written = [line.partition(", epoch")[0] for line in site.shell(WRITTEN_DOWN).splitlines()]
    assert written[-4:] == [
        "reader: mirror bucket: now mirroring",
        "reader: switch bucket: now mirroring",
        "reader: back disk: now switched",
        "reader: settle : now settled",
    ]


def test_without_a_script_the_page_loads_itself_again(keeper, site):
    site.shell(SAY_HOW_FAR.format(target="disk", copied="1 of 40", share=0.025))
    keeper.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        keeper.goes_to_the_page()
        assert keeper.sees("1 of 40")
        site.shell(SAY_HOW_FAR.format(target="disk", copied="2 of 40", share=0.05))
        assert keeper.sees("2 of 40")
    finally:
        keeper.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_it_can_be_read_in_french_and_in_the_dark(keeper):
    keeper.driver.execute_cdp_cmd("Network.enable", {})
    keeper.driver.execute_cdp_cmd("Network.setExtraHTTPHeaders", {"headers": {"Accept-Language": "fr"}})
    features = [{"name": "prefers-color-scheme", "value": "dark"}]
    keeper.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    keeper.sits_at(PHONE)
    keeper.goes_to_the_page()
    assert keeper.sees("Regarder à nouveau")
    assert keeper.width_that_sticks_out == 0
