"""The records every site starts with: itself (record 1), Open Library and Inventaire."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.color import no_style
from django.db import connections, router
from django.db.models.signals import post_migrate

from .models import OWN_RECORD, Connector


def connect() -> None:
    """Have the records made at the end of ``migrate``; called once, when the site is loaded."""
    post_migrate.connect(migrated, dispatch_uid="bookwyrm.connectors")


def migrated(using: str, **_signal: Any) -> None:
    if not router.allow_migrate_model(using, Connector):
        return
    if Connector._meta.db_table not in connections[using].introspection.table_names():
        return
    own = Connector.objects.using(using).filter(pk=OWN_RECORD).first()
    if own is None:
        _make_all(using)
    elif own.connector_file == Connector.File.SELF:
        _follow_the_domain(own)


def own_values(domain: str, site_url: str) -> dict[str, str]:
    """The own record of a site, as the page describes it."""
    return {
        "identifier": domain,
        "name": domain,
        "base_url": site_url,
        "books_url": f"{site_url}/book",
        "covers_url": f"https://{domain}/images",
        "search_url": f"{site_url}/search.json?q=",
        "isbn_search_url": f"{site_url}/isbn/",
    }


OTHERS = (
    {
        "identifier": "openlibrary.org",
        "name": "Open Library",
        "connector_file": Connector.File.OPENLIBRARY,
        "base_url": "https://openlibrary.org",
        "books_url": "https://openlibrary.org",
        "covers_url": "https://covers.openlibrary.org",
        "search_url": "https://openlibrary.org/search.json?q=",
        "isbn_search_url": "https://openlibrary.org/api/books?jscmd=data&format=json&bibkeys=ISBN:",
    },
    {
        "identifier": "inventaire.io",
        "name": "Inventaire",
        "connector_file": Connector.File.INVENTAIRE,
        "base_url": "https://inventaire.io",
        "books_url": "https://inventaire.io/entity",
        "covers_url": "https://inventaire.io",
        "search_url": "https://inventaire.io/api/search?types=works&limit=10&search=",
        "isbn_search_url": "https://inventaire.io/api/entities?action=by-uris&uris=isbn:",
    },
)


def _make_all(using: str) -> None:
    """Make all three on a new site; what its owner removes later stays removed."""
    records = Connector.objects.using(using)
    records.create(
        pk=OWN_RECORD,
        connector_file=Connector.File.SELF,
        priority=1,
        **own_values(settings.DOMAIN, settings.SITE_URL),
    )
    _count_on_after_it(using)
    for values in OTHERS:
        if not records.filter(identifier=values["identifier"]).exists():
            records.create(priority=2, **values)


def _count_on_after_it(using: str) -> None:
    """PostgreSQL does not count a primary key that was given, and would hand it out again."""
    connection = connections[using]
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), [Connector]):
            cursor.execute(statement)


def _follow_the_domain(own: Connector) -> None:
    """Bring what still is as it was made up to date with ``.env``; what the owner wrote stays."""
    made_as = own_values(own.identifier, own.base_url)
    now = own_values(settings.DOMAIN, settings.SITE_URL)
    changed = [name for name in now if getattr(own, name) == made_as[name] != now[name]]
    for name in changed:
        setattr(own, name, now[name])
    if changed:
        own.save(update_fields=changed)
