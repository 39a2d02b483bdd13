"""Cross-origin rules: which ones a site needs, what is wrong with a set of them, and whether they work.

Fonts and scripts of another origin are given to a page only if their host allows the page's origin. A site's pages
need GET (and HEAD), from their own origins, and no more: https://fetch.spec.whatwg.org/#http-cors-protocol
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from ..errors import SettingsError
from ..sentences import say
from .asking import Answer, NoAnswer
from .findings import Finding, failure, ok, unknown, warning

NEEDED_METHODS = ("GET", "HEAD")
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE")
FIELDS = {"AllowedOrigins", "AllowedHeaders", "AllowedMethods", "MaxAgeSeconds", "ExposeHeaders", "ID"}
LISTS = ("AllowedOrigins", "AllowedHeaders", "AllowedMethods", "ExposeHeaders")
SHAPE = 'Expected: {"CORSRules": [{"AllowedOrigins": ["https://…"], "AllowedMethods": ["GET", "HEAD"], …}]}.'

ELEMENTS = {
    "ID": "ID",
    "AllowedOrigins": "AllowedOrigin",
    "AllowedMethods": "AllowedMethod",
    "AllowedHeaders": "AllowedHeader",
    "ExposeHeaders": "ExposeHeader",
    "MaxAgeSeconds": "MaxAgeSeconds",
}
"""What each field is called in XML: https://docs.aws.amazon.com/AmazonS3/latest/API/API_CORSRule.html"""
XML_SHAPE = "Expected: <CORSConfiguration><CORSRule><AllowedOrigin>https://…</AllowedOrigin>…</CORSRule>…"
MEND = say("Run storage_cors apply, or set the rule in the provider's console.")

Rule = Mapping[str, Any]


def right_rules(origins: Sequence[str]) -> list[Rule]:
    """Return the rules that let pages of exactly *origins* use fonts, styles and scripts of a bucket."""
    return [{"AllowedOrigins": list(origins), "AllowedMethods": list(NEEDED_METHODS), "MaxAgeSeconds": 3000}]


def merged(ours: Sequence[Rule], found: Sequence[Rule], site_origins: Sequence[str]) -> list[Rule]:
    """Return *ours* and, after them, what others put there: every rule for an origin that is not the site's.

    Of several rules that fit a request S3 takes the first, so ours stand first.
    """
    return [*ours, *rules_of_others(found, site_origins)]


def rules_of_others(found: Sequence[Rule], site_origins: Sequence[str]) -> list[Rule]:
    """Return the rules that are not for the site's own origins alone."""
    own = {origin.lower() for origin in site_origins}
    return [rule for rule in found if not {origin.lower() for origin in rule["AllowedOrigins"]} <= own]


def parse(text: str, *, called: str) -> list[Rule]:
    """Return the rules of a JSON document, or of the XML that some services want, as they stand in it.

    Raise `SettingsError` for anything that S3 would not understand. *called* is how the owner knows the document.
    """
    if text.lstrip().startswith("<"):
        rules = _rules_in_xml(text, called)
        for number, rule in enumerate(rules, 1):
            _check_rule(rule, f"Rule {number} of {called}")
        return rules
    try:
        document = json.loads(text)
    except json.JSONDecodeError as problem:
        raise SettingsError(
            say(
                "{called} is not JSON: {msg} in line {lineno}, column {colno}.",
                called=called,
                msg=problem.msg,
                lineno=problem.lineno,
                colno=problem.colno,
            ),
            remedy=SHAPE,
        ) from problem
    rules = document.get("CORSRules") if isinstance(document, dict) else None
    if not isinstance(rules, list) or not rules:
        raise SettingsError(say('{called} has no list "CORSRules", or an empty one.', called=called), remedy=SHAPE)
    for number, rule in enumerate(rules, 1):
        _check_rule(rule, f"Rule {number} of {called}")
    return rules


def as_xml(rules: Sequence[Rule]) -> str:
    """Return the rules in the form that S3 itself speaks, and some consoles want."""
    lines = ["<CORSConfiguration>"]
    for rule in rules:
        lines.append("  <CORSRule>")
        for field, element in ELEMENTS.items():
            values = rule.get(field, ())
            several = values if isinstance(values, list | tuple) else (values,)
            lines += [f"    <{element}>{escape(str(value))}</{element}>" for value in several]
        lines.append("  </CORSRule>")
    return "\n".join([*lines, "</CORSConfiguration>"])


def _rules_in_xml(text: str, called: str) -> list[Rule]:
    if "<!" in text.replace("<!--", ""):  # a DTD, which could make a small text a large one
        raise SettingsError(say("{called} declares more than S3's own elements.", called=called), remedy=XML_SHAPE)
    try:
        root = ElementTree.fromstring(text.strip())  # noqa: S314 - the owner's own file, and without a DTD
    except ElementTree.ParseError as problem:
        raise SettingsError(
            say("{called} is not XML: {problem}.", called=called, problem=problem), remedy=XML_SHAPE
        ) from problem
    rules = [_rule_in_xml(element, called) for element in root if _plain_tag(element) == "CORSRule"]
    if _plain_tag(root) != "CORSConfiguration" or not rules:
        raise SettingsError(
            say("{called} has no <CORSRule> in a <CORSConfiguration>.", called=called), remedy=XML_SHAPE
        )
    return rules


def _rule_in_xml(element: ElementTree.Element, called: str) -> Rule:
    fields = {each: field for field, each in ELEMENTS.items()}
    rule: dict[str, Any] = {}
    for child in element:
        field, text = fields.get(_plain_tag(child)), (child.text or "").strip()
        if field is None:
            raise SettingsError(
                say("{called} has <{plain_tag}>, which S3 does not know.", called=called, plain_tag=_plain_tag(child)),
                remedy=XML_SHAPE,
            )
        if field in LISTS:
            rule.setdefault(field, []).append(text)
        else:
            rule[field] = int(text) if field == "MaxAgeSeconds" and text.isdigit() else text
    return rule


def _plain_tag(element: ElementTree.Element) -> str:
    """Return the element's name without its namespace, which some services write and others do not."""
    return element.tag.rpartition("}")[2]


def _check_rule(rule: Any, where: str) -> None:
    if not isinstance(rule, dict):
        raise SettingsError(say("{where} is not an object.", where=where), remedy=SHAPE)
    if strange := sorted(set(rule) - FIELDS):
        raise SettingsError(
            say("{where} has {strange!r}, which S3 does not know.", where=where, strange=strange[0]), remedy=SHAPE
        )
    for field in LISTS:
        if field in rule and not (isinstance(rule[field], list) and all(isinstance(item, str) for item in rule[field])):
            raise SettingsError(
                say("{where}: {field} is not a list of strings.", where=where, field=field), remedy=SHAPE
            )
    for field in ("AllowedOrigins", "AllowedMethods"):
        if not rule.get(field):
            raise SettingsError(say("{where} has no {field}.", where=where, field=field), remedy=SHAPE)
    if strange := sorted(set(rule["AllowedMethods"]) - set(METHODS)):
        raise SettingsError(
            say("{where} allows {strange!r}.", where=where, strange=strange[0]),
            remedy=say("S3 knows {METHODS}.", METHODS=", ".join(METHODS)),
        )
    if any("MY_DOMAIN_NAME" in origin for origin in rule["AllowedOrigins"]):
        raise SettingsError(
            say("{where} still says MY_DOMAIN_NAME.", where=where), remedy=say("Put your site's domain name there.")
        )
    if isinstance(rule.get("MaxAgeSeconds", 0), bool) or not isinstance(rule.get("MaxAgeSeconds", 0), int):
        raise SettingsError(say("{where}: MaxAgeSeconds is not a whole number.", where=where), remedy=SHAPE)


def remarks(rules: Iterable[Rule], site_origins: Sequence[str]) -> list[str]:
    """Say what in *rules* nobody needs, and which of the site's own origins they leave out."""
    said: list[str] = []
    allowed: list[str] = []
    for rule in rules:
        allowed += rule["AllowedOrigins"]
        if extra := [method for method in rule["AllowedMethods"] if method not in NEEDED_METHODS]:
            said.append(f"Nobody needs {', '.join(extra)}: the site's pages only read from the bucket.")
        if headers := rule.get("AllowedHeaders"):
            said.append(
                f"Nobody needs AllowedHeaders {', '.join(headers)}: browsers ask for fonts without extra headers."
            )
        if "*" in rule["AllowedOrigins"]:
            said.append("The origin * lets the pages of every site use these files.")
    # Only the first is certainly the site's main address; "www." may well not exist.
    for origin in site_origins[:1]:
        if not any(matches(pattern, origin) for pattern in allowed):
            said.append(f"No rule allows {origin}, which is this site's address.")
    return said


def matches(pattern: str, origin: str) -> bool:
    """Return whether an AllowedOrigins entry (with at most one ``*``) stands for *origin*."""
    before, star, after = pattern.partition("*")
    if not star:
        return pattern == origin
    return len(origin) >= len(before) + len(after) and origin.startswith(before) and origin.endswith(after)


def differences(wanted: Sequence[Rule], found: Sequence[Rule]) -> list[str]:
    """Say in which points the rules read back are not those that were set. Order and letter case play no part."""
    if len(wanted) != len(found):
        return [f"The bucket holds {len(found)} rules instead of {len(wanted)}."]
    said = []
    for number, (one, other) in enumerate(zip(wanted, found, strict=True), 1):
        for field in LISTS:
            here, there = _plain(one.get(field)), _plain(other.get(field))
            if here != there:
                said.append(f"Rule {number}: {field} is {sorted(there)} instead of {sorted(here)}.")
        if one.get("MaxAgeSeconds", 0) != other.get("MaxAgeSeconds", 0):
            age, instead = other.get("MaxAgeSeconds", 0), one.get("MaxAgeSeconds", 0)
            said.append(f"Rule {number}: MaxAgeSeconds is {age} instead of {instead}.")
    return said


def _plain(values: Sequence[str] | None) -> set[str]:
    return {value.lower() for value in values or ()}


def preflight_headers(origin: str, method: str = "GET") -> dict[str, str]:
    """Return the headers with which a browser asks whether a page of *origin* may send a *method* request."""
    return {"Origin": origin, "Access-Control-Request-Method": method}


def why_refused(rules: Sequence[Rule] | None, origin: str) -> str:
    """Say in a sentence what it is about the bucket's *rules* that keeps pages of *origin* out; None is "not seen"."""
    if rules is None:
        return say("CORS lets no page of {origin} in; which rules the bucket has could not be seen.", origin=origin)
    if not rules:
        return say("CORS is missing: the bucket has no rules at all.")
    fitting = [rule for rule in rules if any(matches(pattern, origin) for pattern in rule["AllowedOrigins"])]
    if not fitting:
        named = ", ".join(sorted({pattern for rule in rules for pattern in rule["AllowedOrigins"]}))
        return say("CORS has rules, and none for {origin}: they are for {named} only.", origin=origin, named=named)
    if not any("GET" in rule["AllowedMethods"] for rule in fitting):
        return say("CORS has a rule for {origin}, but it does not allow GET.", origin=origin)
    return say(
        "CORS has a rule for {origin}, and yet it is not let in: what answers may not have heard of it yet.",
        origin=origin,
    )


def judge_preflight(
    identifier: str, answer: Answer | NoAnswer, origin: str, rules: Sequence[Rule] | None = None
) -> Finding:
    """Judge the answer to an OPTIONS request with the right origin (what the guide checks by hand)."""
    if isinstance(answer, NoAnswer):
        return unknown(identifier, answer.what)
    if _allows(answer, origin) and answer.status < 300:
        return ok(identifier, say("A page of {origin} may ask for {url}.", origin=origin, url=answer.url))
    if answer.status >= 500:
        return unknown(identifier, say("The store answered {status}.", status=answer.status), say("Ask again later."))
    return failure(
        identifier,
        say(
            "{why_refused} A page of {origin} was answered {status}.",
            why_refused=why_refused(rules, origin),
            origin=origin,
            status=answer.status,
        ),
        MEND,
    )


def judge_shared(
    identifier: str, answer: Answer | NoAnswer, origin: str, rules: Sequence[Rule] | None = None
) -> Finding:
    """Judge the answer to a GET with the right origin: would a browser hand these bytes to the page?"""
    if isinstance(answer, NoAnswer):
        return unknown(identifier, answer.what)
    if answer.status != 200:
        return unknown(
            identifier,
            say("{url} answered {status}, which says nothing of CORS.", url=answer.url, status=answer.status),
        )
    if not _allows(answer, origin):
        return failure(
            identifier,
            say(
                "{why_refused} {url} is there, but a browser would not give it to the page.",
                why_refused=why_refused(rules, origin),
                url=answer.url,
            ),
            MEND,
        )
    if answer.headers.get("access-control-allow-credentials", "").lower() == "true":
        return warning(
            identifier,
            say("The store also allows requests with credentials, which no page of this site sends."),
            say("Something in front of the store adds Access-Control-Allow-Credentials; remove it there."),
        )
    return ok(identifier, say("A browser gives {url} to a page of {origin}.", url=answer.url, origin=origin))


def judge_stranger(identifier: str, answer: Answer | NoAnswer, stranger: str) -> Finding:
    """Judge the answer to an OPTIONS request with an origin that is not the site's."""
    if isinstance(answer, NoAnswer):
        return unknown(identifier, answer.what)
    if answer.status >= 500:
        return unknown(identifier, say("The store answered {status}.", status=answer.status), say("Ask again later."))
    if _allows(answer, stranger):
        return warning(
            identifier,
            say("The store also lets pages of {stranger} use its files.", stranger=stranger),
            say("No harm to the files, which are public; run storage_cors apply to allow this site alone."),
        )
    return ok(identifier, say("Pages of other sites are not allowed."))


def judge_methods(identifier: str, answer: Answer | NoAnswer, origin: str) -> Finding:
    """Judge the answer to an OPTIONS request that asks to DELETE, with the right origin."""
    if isinstance(answer, NoAnswer):
        return unknown(identifier, answer.what)
    if answer.status >= 500:
        return unknown(identifier, say("The store answered {status}.", status=answer.status), say("Ask again later."))
    methods = answer.headers.get("access-control-allow-methods", "").upper()
    if _allows(answer, origin) and answer.status < 300 and "DELETE" in methods:
        return warning(
            identifier,
            say("The CORS rules let a page of {origin} ask to delete; no page of the site does.", origin=origin),
            say("It takes more than that to delete anything, but nobody needs it: run storage_cors apply."),
        )
    return ok(identifier, say("Pages may read the files and no more."))


def _allows(answer: Answer, origin: str) -> bool:
    return answer.headers.get("access-control-allow-origin") in (origin, "*")
