"""Compare the services in Markdown, in English and French, for pages that must not say other things than the files do.

``python -m external_storage.providers.comparison PAGE …`` writes the tables anew between a page's markers; the page's
language is the name of its folder.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from . import GENERIC, Provider, providers
from .prices import Prices

MARKED = re.compile(r"(?P<begin><!-- providers: (?P<part>[a-z]+) -->\n).*?(?P<end><!-- /providers -->)", re.DOTALL)
DOUBT = " (?)"

FRENCH = {
    "`STORAGE_PROVIDER`": "`STORAGE_PROVIDER`",
    "service": "service",
    "endpoint": "point de terminaison",
    "public address": "adresse publique",
    "regions": "régions",
    "the bucket's name is in": "le nom du compartiment est dans",
    "the host or the path": "l'hôte ou le chemin",
    "the host": "l'hôte",
    "the path": "le chemin",
    "who may read": "qui peut lire",
    "CORS": "CORS",
    "CORS:": "CORS :",
    "newer SDKs' checksums": "sommes de contrôle des SDK récents",
    "a digest that does not fit": "empreinte qui ne correspond pas",
    "signed links": "liens signés",
    "a month, at least": "par mois, au moins",
    "GB kept for a month": "Go stocké un mois",
    "GB out": "Go sortant",
    "1,000 writes": "1 000 écritures",
    "1,000 listings": "1 000 listes",
    "1,000 reads": "1 000 lectures",
    "as of": "date",
    "yours": "le vôtre",
    "your domain": "votre domaine",
    "below the endpoint": "sous le point de terminaison",
    "any": "toutes",
    "each file's ACL": "l'ACL de chaque fichier",
    "the bucket's policy": "la politique du compartiment",
    "a setting of the bucket": "un réglage du compartiment",
    "by the site's command": "par la commande du site",
    "by hand": "à la main",
    "open to all": "ouvert à tous",
    "taken": "acceptées",
    "partly": "en partie",
    "refused": "refusées",
    "is refused": "refusée",
    "is ignored": "ignorée",
    "unknown": "inconnu",
    "{days} days": "{days} jours",
}
ACCESS = {"acl": "each file's ACL", "policy": "the bucket's policy", "console": "a setting of the bucket"}
CORS = {"api": "by the site's command", "console": "by hand", "always": "open to all"}
PLACE = {"auto": "the host or the path", "virtual": "the host", "path": "the path"}
DIGEST = {"checked": "is refused", "ignored": "is ignored", "unknown": "unknown"}

Column = tuple[str, tuple[str, ...], Callable[[Provider, "Language"], str]]
"""A column's heading, the values it tells of (for their doubts), and how it says them."""


class Language:
    """The words of one language, English or French."""

    def __init__(self, code: str) -> None:
        self.code = code

    def __call__(self, english: str) -> str:
        return FRENCH[english] if self.code == "fr" else english

    def number(self, value: float) -> str:
        """Return an amount of money as short as it is exact: 5, 0.0146, 0,0146."""
        text = f"{value:.6f}".rstrip("0").rstrip(".")
        return text.replace(".", ",") if self.code == "fr" else text

    def definition(self, name: str, sentences: Iterable[str]) -> str:
        return f"- **{name}{' :' if self.code == 'fr' else ':'}** {' '.join(sentences)}"


def features(language: Language) -> str:
    """Return the table of what the services are like."""
    return _table(_known(), FEATURES, language)


def prices(language: Language) -> str:
    """Return the table of what they ask for."""
    return _table([each for each in _known() if each.prices], PRICES, language)


def remarks(language: Language) -> str:
    """Return what is worth knowing of each, in sentences."""
    said = {each.name: list(_sentences(each, language)) for each in _known()}
    return "\n".join(language.definition(name, sentences) for name, sentences in said.items() if sentences)


def included(language: Language) -> str:
    """Return what the list prices leave out."""
    priced = {each.name: (each, each.prices) for each in _known() if each.prices}
    return "\n".join(
        language.definition(name, [_price_remark(provider, asked, language), f"[{_site(asked)}]({asked.source})"])
        for name, (provider, asked) in priced.items()
    )


PARTS = {"features": features, "prices": prices, "remarks": remarks, "included": included}


def written(page: str, code: str) -> str:
    """Return *page* with each marked part as the files have it now."""
    language = Language(code)
    return MARKED.sub(lambda found: f"{found['begin']}\n{PARTS[found['part']](language)}\n\n{found['end']}", page)


def main(pages: Sequence[str]) -> None:
    for path in map(Path, pages):
        path.write_text(written(path.read_text("utf-8"), path.parent.name), "utf-8")


# The columns


def _endpoint(provider: Provider, language: Language) -> str:
    return f"`{_readable(provider.endpoint)}`" if provider.endpoint else language("yours")


def _public_url(provider: Provider, language: Language) -> str:
    if provider.needs_domain:
        return language("your domain")
    return f"`{_readable(provider.public_url)}`" if provider.public_url else language("below the endpoint")


def _readable(template: str) -> str:
    return template.replace("{", "").replace("}", "")


def _regions(provider: Provider, language: Language) -> str:
    if provider.needs_region:
        return ", ".join(f"`{region}`" for region in provider.regions[:4]) + (", …" if provider.regions[4:] else "")
    return f"`{provider.default_region}`"


def _signed_urls(provider: Provider, language: Language) -> str:
    return language("{days} days").format(days=provider.signed_url_days)


def _amount(name: str) -> Callable[[Provider, Language], str]:
    def cell(provider: Provider, language: Language) -> str:
        asked = provider.prices
        return f"{language.number(getattr(asked, name))} {asked.currency}" if asked else ""

    return cell


FEATURES: tuple[Column, ...] = (
    ("`STORAGE_PROVIDER`", (), lambda provider, language: f"`{provider.id}`"),
    ("service", (), lambda provider, language: provider.name),
    ("endpoint", ("endpoint",), _endpoint),
    ("public address", ("public_url", "needs_domain"), _public_url),
    ("regions", ("regions", "default_region"), _regions),
    ("the bucket's name is in", ("addressing",), lambda provider, language: language(PLACE[provider.addressing])),
    ("who may read", ("access",), lambda provider, language: language(ACCESS[provider.access])),
    ("CORS", ("cors",), lambda provider, language: language(CORS[provider.cors])),
    ("newer SDKs' checksums", ("checksums",), lambda provider, language: language(provider.checksums)),
    ("a digest that does not fit", ("content_md5",), lambda provider, language: language(DIGEST[provider.content_md5])),
    ("signed links", ("signed_url_days",), _signed_urls),
)
PRICES: tuple[Column, ...] = (
    ("service", (), lambda provider, language: provider.name),
    ("a month, at least", ("prices.base",), _amount("base")),
    ("GB kept for a month", ("prices.month",), _amount("month")),
    ("GB out", ("prices.out",), _amount("out")),
    ("1,000 writes", ("prices.put",), _amount("put")),
    ("1,000 listings", ("prices.listing",), _amount("listing")),
    ("1,000 reads", ("prices.get",), _amount("get")),
    ("as of", ("prices.date",), lambda provider, language: provider.prices.date if provider.prices else ""),
)


def _table(rows: Iterable[Provider], columns: Sequence[Column], language: Language) -> str:
    head = [language(heading) for heading, _, _ in columns]
    body = [[say(provider, language) + _doubt(provider, *values) for _, values, say in columns] for provider in rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(columns), *body))


def _doubt(provider: Provider, *values: str) -> str:
    return DOUBT if set(values) & set(provider.unconfirmed) else ""


def _known() -> list[Provider]:
    """Return the services in the order of the page: those that others run first, each group by name."""
    known = (each for each in providers().values() if each.id != GENERIC)
    return sorted(known, key=lambda each: (each.software, each.name.lower()))


def _sentences(provider: Provider, language: Language) -> Iterator[str]:
    for name in ("access_hint", "endpoint_hint", "domain_hint", "cors_hint", "remark"):
        if sentence := provider.in_words(name, language.code):
            yield (f"{language('CORS:')} {sentence}" if name == "cors_hint" else sentence) + _doubt(provider, name)


def _price_remark(provider: Provider, asked: Prices, language: Language) -> str:
    return provider.french["prices"] if language.code == "fr" else asked.listed_remark


def _site(asked: Prices) -> str:
    return asked.source.removeprefix("https://").removeprefix("www.").partition("/")[0]


if __name__ == "__main__":
    main(sys.argv[1:])
