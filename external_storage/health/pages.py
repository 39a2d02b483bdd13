"""Judge what the site's own pages tell browsers: where files may come from, and not to guess their types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from ..providers.addresses import origin
from ..sentences import say
from .findings import Finding, failure, ok, warning

# Any host, or any host of a scheme: https://www.w3.org/TR/CSP3/#match-url-to-source-expression
ANYWHERE = {"*", "https:", "http:"}


@dataclass(frozen=True, slots=True)
class Files:
    """Where the site's pages are, and where their pictures and static files come from (URLs that end with a slash)."""

    site: str
    media_url: str
    static_url: str | None

    def needed(self) -> dict[str, str]:
        """Return for each directive the address that it has to let in."""
        needed = {"img-src": self.media_url}
        if self.static_url:
            needed |= dict.fromkeys(("style-src", "font-src", "script-src"), self.static_url)
        return {directive: url for directive, url in needed.items() if urlsplit(url).netloc}


def judge_policy(header: str | None, files: Files) -> Finding:
    """Judge a Content-Security-Policy.

    ==========================================  ========
    it                                          verdict
    ==========================================  ========
    is not sent                                 warning
    keeps a file's address out                  failure
    lets in any host, or a whole domain         warning
    lets uploads be run as scripts              warning
    lets in the files' hosts and nothing wider  ok
    ==========================================  ========
    """
    if not header:
        return warning(
            "site.csp",
            say("The site sends no Content-Security-Policy, so a page may load files from anywhere."),
            say(
                "Send one that names the site and the files' hosts: "
                "external_storage.django.conf.public_hosts() has them."
            ),
        )
    directives = parse_policy(header)
    for directive, url in files.needed().items():
        if not any(_lets_in(source, url, files.site) for source in _sources(directives, directive)):
            return failure(
                "site.csp",
                say(
                    "The Content-Security-Policy keeps browsers from loading {url} ({directive}).",
                    url=url,
                    directive=directive,
                ),
                say(
                    "Add {origin} to its {directive}; if the header was set by a proxy, there.",
                    origin=origin(url),
                    directive=directive,
                ),
            )
    if wide := _too_wide(directives, files):
        return warning(
            "site.csp", wide, say("Name the files' own host; what runs or styles a page, below its static path.")
        )
    return ok("site.csp", say("The Content-Security-Policy names the files' hosts and nothing wider."))


def judge_nosniff(headers: Mapping[str, str]) -> Finding:
    """Judge whether the site forbids browsers to take a file for something else than it says it is."""
    if headers.get("x-content-type-options", "").lower() == "nosniff":
        return ok("site.nosniff", say("The site forbids browsers to guess types."))
    return warning(
        "site.nosniff",
        say("The site does not forbid browsers to guess types."),
        say("Set SECURE_CONTENT_TYPE_NOSNIFF = True with Django's SecurityMiddleware."),
    )


def parse_policy(header: str) -> dict[str, list[str]]:
    """Return the sources of each directive."""
    parts = (part.split() for part in header.split(";") if part.strip())
    return {name.lower(): sources for name, *sources in parts}


def _sources(directives: Mapping[str, list[str]], name: str) -> Sequence[str]:
    return directives.get(name, directives.get("default-src", ["*"]))


def _lets_in(source: str, url: str, site: str) -> bool:
    parts, wanted = urlsplit(source if "://" in source else f"//{source}"), urlsplit(url)
    if source == "'self'":
        return origin(url) == site
    if source in ANYWHERE:
        return source in ("*", f"{wanted.scheme}:")
    if source.startswith("'") or not parts.netloc:
        return False
    if parts.scheme and parts.scheme != wanted.scheme:
        return False
    if parts.netloc.startswith("*."):
        return wanted.netloc.endswith(parts.netloc[1:])
    return parts.netloc == wanted.netloc and wanted.path.startswith(parts.path)


def _too_wide(directives: Mapping[str, list[str]], files: Files) -> str:
    for directive in ("script-src", "style-src", "font-src", "img-src"):
        for source in _sources(directives, directive):
            if source in ANYWHERE or "*." in source:
                return say(
                    "The Content-Security-Policy lets {directive} load from {source}, which is not the site's alone.",
                    directive=directive,
                    source=source,
                )
            if source in ("https://None", "http://None"):
                return say(
                    "The Content-Security-Policy names {source}: a setting was empty when it was made.", source=source
                )
    uploads = files.media_url
    if urlsplit(uploads).netloc and origin(uploads) != files.site:
        for source in _sources(directives, "script-src"):
            if _lets_in(source, uploads, files.site):
                return say(
                    "The Content-Security-Policy lets {source} run scripts, and people's uploads lie there too.",
                    source=source,
                )
    return ""
