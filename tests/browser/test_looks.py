"""Every page as people meet it: on a phone and on a desk, light and dark, in two languages, with a keyboard."""

from __future__ import annotations

import re
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from .chromium import Browser, open_browser
from .demo_site import LONG_NAMED, PASSWORD, READER, DemoSite, demo_site

AUDIT = Path(__file__).with_name("audit.js").read_text(encoding="utf-8")
LAYOUT_SHIFT = """
const tell = arguments[arguments.length - 1];
let shift = 0;
new PerformanceObserver(list => list.getEntries().forEach(entry => { shift += entry.value; }))
  .observe({type: 'layout-shift', buffered: true});
setTimeout(() => tell(shift), 300);
"""
PHONE, NARROW_PHONE, DESK = (390, 844), (360, 640), (1280, 900)

# Places, not addresses: `address` looks up the ids the demo library happened to give.
OPEN_TO_ALL = (
    "/",
    "/about/",
    "/login/",
    "/signup/",
    "/password-reset/",
    "/password-reset/done/",
    "/password-reset/MQ/no-such-token/",
    "/search/",
    "/search/?q=the",
    "/search/?q=no+such+book+anywhere",
    "BOOK",
    "AUTHOR",
    "PERSON",
    "PERSON/shelves/",
    "PERSON/shelf/read/",
    "LONG",
    f"/user/{LONG_NAMED}/",
    f"/user/{LONG_NAMED}/shelves/",
    f"/user/{LONG_NAMED}/shelf/{'x' * 90}/",
    f"/search/?q={'q' * 190}",
    "/no/such/page",
)
FOR_READERS = (
    "/",
    "BOOK",
    "LONG",
    "BOOK/edit/",
    "AUTHOR/edit/",
    "/book/new/",
    "/book/new/?title=Moss",
    "/preferences/",
    "/preferences/password/",
    "/preferences/exports/",
    f"/user/{READER}/",
    f"/user/{READER}/shelves/",
    f"/user/{READER}/shelf/read/",
    "/search/?q=the&outside=0",
)


class Reader:
    """A browser at the site, for one person."""

    def __init__(self, browser: Browser, site: DemoSite) -> None:
        self.driver, self.site = browser.driver, site
        # A key that sends a form returns before the next page is there.
        self.driver.implicitly_wait(10)
        self.places: dict[str, str] = {}

    def prefers(self, *, size: tuple[int, int] = DESK, scheme: str = "light", language: str = "en") -> None:
        width, height = size
        tell = self.driver.execute_cdp_cmd
        features = [
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]
        tell("Emulation.setEmulatedMedia", {"features": features})
        tell("Network.enable", {})
        tell("Network.setExtraHTTPHeaders", {"headers": {"Accept-Language": language}})
        tell(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600},
        )

    def goes_to(self, place: str) -> None:
        name, _, rest = place.partition("/")
        self.driver.get(self.site.url + (self.places[name].rstrip("/") + "/" + rest if name else place))

    def signs_in(self) -> None:
        self.goes_to("/login/")
        self.find("input[name=username]").send_keys(READER)
        self.find("input[name=password]").send_keys(PASSWORD, Keys.ENTER)
        assert self.find("#account-menu").get_attribute("popover") == "auto"

    def looks_around(self) -> None:
        """Find a book somebody reviewed, its author, and that somebody."""
        self.goes_to("/")
        self.places["BOOK"] = self._path_of(".review cite a")
        self.places["PERSON"] = self._path_of(".review .review-by > a")
        self.goes_to(f"/user/{LONG_NAMED}/")
        self.places["LONG"] = self._path_of(".review cite a")
        self.goes_to("BOOK")
        self.places["AUTHOR"] = self._path_of(".book-main .byline a")

    def _path_of(self, selector: str) -> str:
        return self.find(selector).get_attribute("pathname")

    def find(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def complaints(self) -> list[str]:
        about_the_page = self.driver.execute_async_script(AUDIT)
        logged = [entry["message"] for entry in self.driver.get_log("browser")]
        # That a page is an error page, and that plain http has no use for one header, is as it should be.
        expected = re.compile(
            re.escape(self.driver.current_url) + r" - Failed to load resource.*4(04|22)|.*Cross-Origin-Opener-Policy"
        )
        return [message for message in logged if not expected.match(message)] + about_the_page

    def presses(self, *keys: str) -> None:
        for key in keys:
            self.driver.switch_to.active_element.send_keys(key)

    @property
    def focused(self) -> WebElement:
        return self.driver.switch_to.active_element


@pytest.fixture(scope="module")
def site() -> Iterator[DemoSite]:
    with demo_site(books=30) as site:
        yield site


@pytest.fixture(scope="module")
def visitor(chromium, certificates, site: DemoSite) -> Iterator[Reader]:
    with open_browser(chromium, certificates, site.port) as browser:
        visitor = Reader(browser, site)
        visitor.prefers()
        visitor.looks_around()
        yield visitor


@pytest.fixture(scope="module")
def reader(chromium, certificates, site: DemoSite, visitor: Reader) -> Iterator[Reader]:
    with open_browser(chromium, certificates, site.port) as browser:
        reader = Reader(browser, site)
        reader.prefers()
        reader.signs_in()
        reader.places = visitor.places
        yield reader


LOOKS = [
    pytest.param(NARROW_PHONE, "light", "fr", id="narrow-phone-light-french"),
    pytest.param(PHONE, "dark", "en", id="phone-dark-english"),
    pytest.param(DESK, "light", "en", id="desk-light-english"),
    pytest.param(DESK, "dark", "fr", id="desk-dark-french"),
]


@pytest.mark.parametrize(("size", "scheme", "language"), LOOKS)
def test_no_page_gives_a_visitor_cause_to_complain(
    visitor: Reader, size: tuple[int, int], scheme: str, language: str
) -> None:
    assert _complaints_about(visitor, OPEN_TO_ALL, size, scheme, language) == {}


@pytest.mark.parametrize(("size", "scheme", "language"), LOOKS)
def test_no_page_gives_a_reader_cause_to_complain(
    reader: Reader, size: tuple[int, int], scheme: str, language: str
) -> None:
    assert _complaints_about(reader, FOR_READERS, size, scheme, language) == {}


def _complaints_about(someone: Reader, places: tuple[str, ...], size, scheme, language) -> dict[str, list[str]]:
    someone.prefers(size=size, scheme=scheme, language=language)
    found = {}
    for place in places:
        someone.goes_to(place)
        assert someone.find("html").get_attribute("lang") == language
        if complaints := someone.complaints():
            found[place] = complaints
    return found


def test_the_page_has_the_colours_the_system_prefers(visitor: Reader) -> None:
    grounds = set()
    for scheme in ("light", "dark"):
        visitor.prefers(scheme=scheme)
        visitor.goes_to("/")
        grounds.add(visitor.find("body").value_of_css_property("background-color"))
    assert grounds == {"rgba(245, 247, 246, 1)", "rgba(18, 24, 29, 1)"}


def test_paper_is_white_whatever_the_screen_is(visitor: Reader) -> None:
    visitor.prefers(scheme="dark")
    visitor.goes_to("BOOK")
    tell = visitor.driver.execute_cdp_cmd
    dark = [{"name": "prefers-color-scheme", "value": "dark"}]
    tell("Emulation.setEmulatedMedia", {"media": "print", "features": dark})
    try:
        assert visitor.find("body").value_of_css_property("background-color") == "rgba(255, 255, 255, 1)"
        assert visitor.find("h1").value_of_css_property("color") == "rgba(0, 0, 0, 1)"
        assert not visitor.find(".navigation").is_displayed()
    finally:
        tell("Emulation.setEmulatedMedia", {"media": ""})


def test_a_form_that_is_wrong_says_so_to_those_who_see_and_to_those_who_listen(reader: Reader) -> None:
    reader.prefers(size=PHONE)
    reader.goes_to("/book/new/")
    reader.find("input[name=title]").send_keys("Moss")
    reader.find("textarea[name=author_names]").send_keys("Ines Moreau")
    reader.find("input[name=isbn_13]").send_keys("12345", Keys.ENTER)

    field = reader.find("input[name=isbn_13][aria-invalid=true]")
    described_by = (field.get_attribute("aria-describedby") or "").split()
    told = " ".join(reader.find(f"#{name}").text for name in described_by)
    assert "This is no ISBN of 13 digits" in told
    assert reader.complaints() == []


def test_without_a_mouse_one_skips_to_the_content_and_reaches_search_and_menus(reader: Reader) -> None:
    reader.prefers(size=DESK)
    reader.goes_to("/")
    reader.find("body").send_keys(Keys.TAB)
    assert reader.focused.get_attribute("class") == "skip"
    assert reader.focused.rect["y"] >= 0
    reader.presses(Keys.ENTER)
    assert reader.focused.get_attribute("id") == "content"

    reader.goes_to("/")
    reached = _tab_through(reader, 12)
    assert {"masthead-q", "theme-menu", "account-menu"} <= reached

    reader.goes_to("/")
    _tab_to(reader, "account-menu").send_keys(Keys.ENTER)
    assert reader.find("#account-menu").is_displayed()
    reader.presses(Keys.TAB)
    assert reader.focused.get_attribute("pathname") == f"/user/{READER}/"
    reader.presses(Keys.ESCAPE)
    assert not reader.find("#account-menu").is_displayed()


def _tab_through(someone: Reader, times: int) -> set[str]:
    reached = set()
    someone.find("body").send_keys(Keys.TAB)
    for _ in range(times):
        reached.add(_name_of(someone.focused))
        someone.presses(Keys.TAB)
    return reached


def _tab_to(someone: Reader, name: str) -> WebElement:
    someone.find("body").send_keys(Keys.TAB)
    for _ in range(20):
        if _name_of(someone.focused) == name:
            return someone.focused
        someone.presses(Keys.TAB)
    raise AssertionError(f"the keyboard never reaches {name}")


def _name_of(element: WebElement) -> str:
    return element.get_attribute("popovertarget") or element.get_attribute("id") or ""


def test_where_the_keyboard_is_can_be_seen(visitor: Reader) -> None:
    visitor.prefers(size=DESK)
    visitor.goes_to("/")
    visitor.find("body").send_keys(Keys.TAB)
    for _ in range(10):
        focused = visitor.focused
        assert focused.value_of_css_property("outline-style") == "solid", focused.get_attribute("outerHTML")
        visitor.presses(Keys.TAB)


def test_colours_are_chosen_with_the_keyboard_and_kept_without_any_script(visitor: Reader) -> None:
    visitor.prefers(size=DESK, scheme="light")
    visitor.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        visitor.goes_to("/about/")
        _tab_to(visitor, "theme-menu").send_keys(Keys.ENTER)
        visitor.find("#theme-menu button[value=dark]").send_keys(Keys.ENTER)
        assert visitor.find("html[data-theme=dark]")
        visitor.goes_to("/about/")
        assert (
            visitor.find("html[data-theme=dark] body").value_of_css_property("background-color")
            == "rgba(18, 24, 29, 1)"
        )

        _tab_to(visitor, "theme-menu").send_keys(Keys.ENTER)
        visitor.find("#theme-menu button[value=auto]").send_keys(Keys.ENTER)
        assert visitor.find("html:not([data-theme])")
        visitor.goes_to("/about/")
        assert visitor.find("html").get_attribute("data-theme") is None
    finally:
        visitor.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_nothing_moves_when_the_covers_arrive(visitor: Reader) -> None:
    visitor.prefers(size=PHONE)
    visitor.goes_to("/")
    assert visitor.complaints() == []  # waits for every picture
    shift = visitor.driver.execute_async_script(LAYOUT_SHIFT)
    assert shift < 0.02


def test_a_rating_is_given_and_a_book_is_shelved_with_the_keyboard(reader: Reader) -> None:
    reader.prefers(size=DESK)
    reader.goes_to("BOOK")
    reader.find("button[name=shelf][value=reading]").send_keys(Keys.ENTER)
    assert reader.find(".chip[aria-pressed=true]").text == "Reading"
    assert reader.find("button[name=shelf][value='']").text == "Reading"  # pressed again, it comes off

    reader.find("input[name=rating][value='']").send_keys(Keys.ARROW_RIGHT)
    reader.driver.execute_script("document.querySelector('input[name=rating][value=\"4\"]').focus()")
    reader.presses(Keys.SPACE)
    reader.find("textarea[name=text]").send_keys("Slow, and worth it.")
    reader.find(".write-review button[type=submit]").send_keys(Keys.ENTER)
    mine = reader.driver.find_element(
        By.XPATH, f"//article[contains(., 'Slow, and worth it.') and contains(., '{READER}')]"
    )
    assert mine.find_element(By.CSS_SELECTOR, ".stars").get_attribute("aria-label") == "4 out of 5 stars"


PLANTED = {
    "picture without alt": "<img src='/static/images/logo.png' width='10' height='10'>",
    "picture did not load": "<img src='/images/covers/none.jpg' alt='' width='10' height='10'>",
    "picture without its size": "<img src='/static/images/logo.png' alt=''>",
    "field without a label": "<input name='nameless'>",
    "link or button without a name": "<a href='/'></a>",
    "leads to no element": "<p aria-describedby='nobody'></p>",
    "two elements have the id content": "<p id='content'></p>",
    "headings jump": "<h5>Deep</h5>",
    "px wider than the window": "<pre class='planted-wide'>x</pre>",
    "contrast of": "<p class='planted-pale'>Pale</p>",
    "only 10×10 px": "<button class='planted-small'>x</button>",
    "inline style or script": "<p style='margin: 0'></p>",
}
PLANT = """
document.querySelector('main').insertAdjacentHTML('beforeend', arguments[0]);
const style = (name, properties) => Object.assign(document.querySelector(name)?.style ?? {}, properties);
style('.planted-wide', {width: '3000px'});
style('.planted-pale', {color: '#bbb'});
style('.planted-small', {width: '10px', height: '10px', padding: '0', border: '0', display: 'block'});
"""


@pytest.mark.parametrize(("complaint", "fault"), PLANTED.items())
def test_the_audit_notices_what_it_is_there_for(visitor: Reader, complaint: str, fault: str) -> None:
    visitor.prefers(size=DESK)
    visitor.goes_to("/about/")
    visitor.driver.execute_script(PLANT, fault)
    assert complaint in "\n".join(visitor.complaints())


def test_an_archive_is_asked_for_watched_and_downloaded(reader: Reader, site: DemoSite, tmp_path: Path) -> None:
    """Without a script: the page looks again by itself, and the link is an answer to a button."""
    reader.prefers(size=PHONE)
    reader.driver.execute_cdp_cmd(
        "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path), "eventsEnabled": False}
    )
    reader.goes_to("/preferences/")
    reader.find("a[href='/preferences/exports/']").send_keys(Keys.ENTER)
    reader.find("form[action$='/exports/new/'] button").send_keys(Keys.ENTER)
    assert reader.find(".archive [role=status]").text.startswith("It is about to be made.")
    assert reader.complaints() == []
    site.shell("from django.core.management import call_command; call_command('background_worker', once=True)")
    reader.find(".archive form[action$='/link/'] button").send_keys(Keys.ENTER)
    assert reader.complaints() == []
    (name,) = _eventually(lambda: [each.name for each in tmp_path.glob("*.tar.gz")])
    assert re.fullmatch(rf"{READER}-\d{{4}}-\d\d-\d\d\.tar\.gz", name)
    with tarfile.open(tmp_path / name) as archive:
        assert archive.getnames()[0] == "archive.json"


def _eventually(found: Callable[[], list[str]], seconds: float = 10) -> list[str]:
    until = time.monotonic() + seconds
    while not (names := found()) and time.monotonic() < until:
        time.sleep(0.05)
    return names
