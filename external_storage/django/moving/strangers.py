"""Ask for the files of a store as visitors will, before links point there; mend what is not served as it should be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from urllib.parse import quote

from ...errors import ObjectMissing, StorageError, StoreRefused
from ...health.asking import Answer, Ask, NoAnswer, ask
from ...objects import Headers, HoldBack, ObjectInfo
from ...sentences import joined, say
from ...stores.base import Store
from ...stores.retrying import RetryingStore
from ...transfer import Line, Rules
from ...transfer.metadata import Access, differences, look_at_metadata
from ...transfer.side_by_side import side_by_side
from .. import conf
from . import marks
from .comparing import MOST_NAMED, of_key, rules_for
from .ladder import Blocker

THREADS = 16
FIRST_BYTES = 4096
SAMPLES = 20

ASKED_AGAIN = (403, 405, 429)


@dataclass(slots=True)
class Asked:
    """How many files strangers were served as they should be, which were mended, and which are not."""

    fine: int = 0
    mended: list[str] = field(default_factory=list)
    wrong: int = 0
    named: list[str] = field(default_factory=list)

    def blockers(self) -> list[Blocker]:
        if not self.wrong:
            return []
        rest = ["…"] if self.wrong > len(self.named) else []
        what = say(
            "Files that visitors are not served as they should be ({count:,}): {named}",
            count=self.wrong,
            named=joined([*self.named, *rest], "; "),
        )
        return [Blocker("public", what, say("Ask storage_doctor what is wrong with the bucket or its domain."))]


def ask_for_all(
    alias: str,
    store: str,
    other: str,
    *,
    skip: Callable[[str], bool] = lambda key: False,
    counting: Callable[[Iterator[ObjectInfo]], Iterator[ObjectInfo]] = iter,
    ask: Ask = ask,
) -> Asked:
    """Ask for every object of *store* at its public URL, but for those that *skip* names; mend, and tell what is left.

    How a file should be served is told by its first bytes, which are read from the store *other* if that has them.
    """
    objects = (info for info in RetryingStore(conf.store_named(store)).list() if not skip(info.key))
    return _asked(alias, store, other, counting(objects), ask)


def ask_for_some(alias: str, store: str, other: str, *, ask: Ask = ask) -> Asked:
    """Do the same for the first few objects: links point there now, and a cache or a firewall may say otherwise."""
    return _asked(alias, store, other, islice(RetryingStore(conf.store_named(store)).list(), SAMPLES), ask)


def _asked(alias: str, store: str, other: str, objects: Iterator[ObjectInfo], ask: Ask) -> Asked:
    asked_for, first_bytes_in = (RetryingStore(conf.store_named(name)) for name in (store, other))
    stranger = _Stranger(asked_for, first_bytes_in, conf.store_settings(store).public_url, rules_for(alias), ask)
    asked = Asked()
    for key, trouble, mended in side_by_side(stranger.visit, objects, threads=THREADS):
        if trouble and marks.of_key(alias, key):
            trouble = stranger.visit_again(key)
        if not trouble:
            asked.fine += 1
            asked.mended += [key] * mended
        else:
            asked.wrong += 1
            asked.named += [of_key(key, trouble)] if len(asked.named) < MOST_NAMED else []
    return asked


@dataclass(frozen=True)
class _Stranger:
    store: Store
    other: Store
    public_url: str
    rules: Rules
    ask: Ask

    def visit(self, info: ObjectInfo) -> tuple[str, str, bool]:
        """Return the object's key, what is wrong with how it is served, and whether it had to be mended."""
        try:
            wanted = self._wanted(info.key)
            if isinstance(wanted, HoldBack):
                return info.key, "", False  # named by the comparison: it should not be here at all
            if not (trouble := self._trouble(info, wanted)):
                return info.key, "", False
            self._mend(info.key)
            return info.key, self._trouble(info, wanted) and trouble, True
        except ObjectMissing:
            return info.key, "", False
        except StoreRefused:
            raise
        except StorageError as error:
            return info.key, error.what, False

    def visit_again(self, key: str) -> str:
        """Return what is wrong with how a key is served now: the site may have changed it since it was listed."""
        try:
            wanted = self._wanted(key)
            return "" if isinstance(wanted, HoldBack) else self._trouble(self.store.describe(key), wanted)
        except ObjectMissing:
            return ""

    def _wanted(self, key: str) -> Headers | HoldBack:
        answer = self.rules.publish(key, _first_bytes(key, self.other, self.store))
        return answer if isinstance(answer, HoldBack) else answer.headers

    def _trouble(self, info: ObjectInfo, wanted: Headers) -> str:
        answer = self._asked(info.key)
        if isinstance(answer, NoAnswer):
            return answer.what
        if not wanted.public:
            return "" if answer.status in (401, 403, 404) else say("strangers can read it, at {url}", url=answer.url)
        if answer.status != 200:
            return say("{url} answered {status}", url=answer.url, status=answer.status)
        if answer.headers.get("content-length", str(info.size)) != str(info.size):
            return say(
                "{url} gives {given} bytes instead of {size}",
                url=answer.url,
                given=answer.headers["content-length"],
                size=info.size,
            )
        found = Headers(answer.headers.get("content-type", ""), answer.headers.get("cache-control", ""))
        return joined(differences(wanted, found, Access(None, "")), " ")

    def _asked(self, key: str) -> Answer | NoAnswer:
        """Ask once more before anything is said of a server that did not do its best, or wants no HEAD."""
        url = self.public_url + quote(key)
        answer = self.ask("HEAD", url)
        if isinstance(answer, NoAnswer) or answer.status in ASKED_AGAIN or answer.status >= 500:
            answer = self.ask("GET", url)
        return answer

    def _mend(self, key: str) -> None:
        access = Access(False, say("A stranger did not get it as it should be."))
        line = Line("=", key)
        for _ in look_at_metadata([line], self.store, self.store, self.rules, lambda _: access, mend=True, threads=1):
            pass


def _first_bytes(key: str, *stores: Store) -> bytes:
    """Return how the object begins, from the first of *stores* that has it."""
    for store in stores[:-1]:
        with suppress(ObjectMissing), store.open(key) as opened:
            return opened.read(FIRST_BYTES)
    with stores[-1].open(key) as opened:
        return opened.read(FIRST_BYTES)
