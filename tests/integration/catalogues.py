"""What the public catalogues answer, written after their documentation, and served on loopback by the tests."""

from __future__ import annotations

from typing import Any

from bookwyrm.connectors.models import Connector
from tests.servers.web import Web

QUESTION = "fantastic mr fox"
ISBN = "9780140328721"

OPENLIBRARY: dict[str, Any] = {
    "/search.json?q=fantastic%20mr%20fox&fields=key,title,author_name,first_publish_year,cover_i&limit=10": {
        "numFound": 3,
        "start": 0,
        "numFoundExact": True,
        "num_found": 3,
        "q": "fantastic mr fox",
        "offset": None,
        "docs": [
            {
                "author_name": ["Roald Dahl"],
                "cover_i": 6498519,
                "first_publish_year": 1970,
                "key": "/works/OL45804W",
                "title": "Fantastic Mr Fox",
            },
            {"author_name": ["Roald Dahl", "Sally Reid"], "key": "/works/OL45805W", "title": "Fantastic Mr Fox: Plays"},
            {"key": "/works/OL45806W", "title": "Nobody’s fox", "cover_i": -1, "first_publish_year": None},
        ],
    },
    "/api/books?jscmd=data&format=json&bibkeys=ISBN:9780140328721": {
        "ISBN:9780140328721": {
            "url": "https://openlibrary.org/books/OL7353617M/Fantastic_Mr._Fox",
            "key": "/books/OL7353617M",
            "title": "Fantastic Mr. Fox",
            "authors": [{"url": "https://openlibrary.org/authors/OL34184A/Roald_Dahl", "name": "Roald Dahl"}],
            "number_of_pages": 96,
            "identifiers": {"isbn_10": ["0140328726"], "isbn_13": ["9780140328721"]},
            "publishers": [{"name": "Puffin"}],
            "publish_date": "October 1, 1988",
            "cover": {
                "small": "https://covers.openlibrary.org/b/id/15152634-S.jpg",
                "medium": "https://covers.openlibrary.org/b/id/15152634-M.jpg",
                "large": "https://covers.openlibrary.org/b/id/15152634-L.jpg",
            },
        }
    },
    "/works/OL45804W.json": {
        "key": "/works/OL45804W",
        "title": "Fantastic Mr Fox",
        "description": {"type": "/type/text", "value": "Three farmers try to get the better of a fox."},
        "authors": [{"author": {"key": "/authors/OL34184A"}, "type": {"key": "/type/author_role"}}],
        "covers": [6498519, 8904777],
        "first_publish_date": "1970",
        "type": {"key": "/type/work"},
        "latest_revision": 52,
    },
    "/works/OL45804W/editions.json?limit=50": {
        "links": {"self": "/works/OL45804W/editions.json?limit=50", "work": "/works/OL45804W"},
        "size": 3,
        "entries": [
            {"key": "/books/OL1M", "title": "Fantastic Mr Fox", "covers": [-1], "publish_date": "1974"},
            {
                "key": "/books/OL7353617M",
                "title": "Fantastic Mr. Fox",
                "subtitle": "A story",
                "isbn_10": ["0140328726"],
                "isbn_13": ["9780140328721"],
                "covers": [15152634],
                "publishers": ["Puffin"],
                "publish_date": "October 1, 1988",
                "number_of_pages": 96,
                "languages": [{"key": "/languages/eng"}],
                "works": [{"key": "/works/OL45804W"}],
                "series": ["Puffin Story Books"],
            },
            {"key": "/books/OL2M", "title": "Fantastic Mr Fox", "isbn_13": ["9780142410349"]},
        ],
    },
    "/books/OL7353617M.json": {
        "key": "/books/OL7353617M",
        "title": "Fantastic Mr. Fox",
        "isbn_13": ["9780140328721"],
        "publish_date": "October 1, 1988",
        "covers": [15152634],
        "works": [{"key": "/works/OL45804W"}],
        "authors": [{"key": "/authors/OL34184A"}],
    },
    "/authors/OL34184A.json": {
        "key": "/authors/OL34184A",
        "name": "Roald Dahl",
        "birth_date": "13 September 1916",
        "death_date": "23 November 1990",
        "bio": {"type": "/type/text", "value": "British novelist."},
        "type": {"key": "/type/author"},
    },
}

_WORK = {
    "uri": "wd:Q50948",
    "type": "work",
    "labels": {"en": "Fantastic Mr Fox", "fr": "Fantastique Maître Renard"},
    "descriptions": {"en": "1970 children’s novel by Roald Dahl"},
    "claims": {"wdt:P31": ["wd:Q47461344"], "wdt:P50": ["wd:Q25161"], "wdt:P577": ["1970"]},
    "image": {"url": "/img/entities/aaaabbbbccccddddeeeeffff0000111122223333"},
}
_AUTHOR = {
    "uri": "wd:Q25161",
    "type": "human",
    "labels": {"en": "Roald Dahl", "fr": "Roald Dahl"},
    "descriptions": {"en": "British novelist"},
    "claims": {"wdt:P569": ["1916-09-13"], "wdt:P570": ["1990-11-23"]},
}
_EDITION = {
    "_id": "4f2d1b7c9f00aa00bb00cc00dd00ee00",
    "uri": "isbn:9782070513253",
    "type": "edition",
    "labels": {"fromclaims": "Fantastique Maître Renard"},
    "originalLang": "fr",
    "claims": {
        "wdt:P31": ["wd:Q3331189"],
        "wdt:P212": ["978-2-07-051325-3"],
        "wdt:P957": ["2-07-051325-4"],
        "wdt:P407": ["wd:Q150"],
        "wdt:P1476": ["Fantastique Maître Renard"],
        "wdt:P629": ["wd:Q50948"],
        "wdt:P123": ["wd:Q273570"],
        "wdt:P577": ["2003"],
        "wdt:P1104": [108],
        "invp:P2": ["0123456789abcdef0123456789abcdef01234567"],
    },
    "image": {"url": "/img/entities/0123456789abcdef0123456789abcdef01234567"},
}
_PUBLISHER = {"uri": "wd:Q273570", "type": "publisher", "labels": {"fr": "Gallimard"}}

INVENTAIRE: dict[str, Any] = {
    "/api/search?types=works&limit=10&search=fantastic%20mr%20fox": {
        "results": [
            {
                "id": "Q50948",
                "type": "works",
                "uri": "wd:Q50948",
                "label": "Fantastic Mr Fox",
                "description": "1970 children’s novel by Roald Dahl",
                "image": "/img/entities/aaaabbbbccccddddeeeeffff0000111122223333",
                "_score": 412.5,
                "_popularity": 31,
            },
            {"id": "x", "type": "works", "uri": "inv:" + "b" * 32, "label": "Another fox", "image": None, "_score": 3},
            {"id": "y", "type": "works", "label": "Without a URI"},
        ],
        "total": 3,
        "continue": 10,
    },
    f"/api/entities?action=by-uris&uris=wd:Q50948%7Cinv:{'b' * 32}&relatives=wdt:P50": {
        "entities": {"wd:Q50948": _WORK, "wd:Q25161": _AUTHOR},
        "redirects": {},
    },
    "/api/entities?action=by-uris&uris=isbn:9782070513253": {"entities": {"isbn:9782070513253": _EDITION}},
    "/api/entities?action=by-uris&uris=wd:Q50948&relatives=wdt:P50": {
        "entities": {"wd:Q50948": _WORK, "wd:Q25161": _AUTHOR}
    },
    "/api/entities?action=by-uris&uris=wd:Q50948": {"entities": {"wd:Q50948": _WORK}, "redirects": {}},
    "/api/entities?action=reverse-claims&property=wdt:P629&value=wd:Q50948": {
        "uris": ["inv:" + "c" * 32, "isbn:9782070513253"]
    },
    f"/api/entities?action=by-uris&uris=inv:{'c' * 32}%7Cisbn:9782070513253": {
        "entities": {
            "inv:" + "c" * 32: {"type": "edition", "claims": {"wdt:P1476": ["Fantastic Mr Fox"]}},
            "isbn:9782070513253": _EDITION,
        }
    },
    "/api/entities?action=by-uris&uris=wd:Q25161%7Cwd:Q273570": {
        "entities": {"wd:Q25161": _AUTHOR, "wd:Q273570": _PUBLISHER}
    },
}


def bookwyrm_pages(site: str) -> dict[str, Any]:
    """What another BookWyrm site at the address *site* answers."""
    found = {
        "title": "Fantastic Mr Fox",
        "key": f"{site}/book/42",
        "view_link": f"{site}/book/42",
        "author": "Roald Dahl",
        "year": 1988,
        "cover": f"{site}/images/covers/fox.jpg",
        "confidence": 0.87,
    }
    return {
        "/search.json?q=fantastic%20mr%20fox": [found],
        "/isbn/9780140328721.json": [found],
        "/book/42.json": {
            "@context": "https://www.w3.org/ns/activitystreams",
            "id": f"{site}/book/42",
            "type": "Edition",
            "title": "Fantastic Mr Fox",
            "subtitle": "",
            "description": "<p>Three farmers &amp; a <b>fox</b>.</p>",
            "languages": ["English"],
            "series": "",
            "authors": [f"{site}/author/7"],
            "work": f"{site}/book/41",
            "isbn10": "0140328726",
            "isbn13": "9780140328721",
            "pages": 96,
            "publishers": ["Puffin"],
            "publishedDate": "1988-10-01T00:00:00+00:00",
            "cover": {"type": "Document", "url": f"{site}/images/covers/fox.jpg", "name": "Fantastic Mr Fox"},
        },
        "/author/7.json": {
            "@context": "https://www.w3.org/ns/activitystreams",
            "id": f"{site}/author/7",
            "type": "Author",
            "name": "Roald Dahl",
            "bio": "<p>British novelist.</p>",
            "born": "1916-09-13T00:00:00Z",
            "died": "1990-11-23T00:00:00Z",
        },
    }


def connector_for(web: Web, file: str, **fields: Any) -> Connector:
    """An unsaved connector whose catalogue is *web*."""
    values = {"identifier": f"{file}-{web.port}", "name": file, "connector_file": file, "base_url": web.url("")}
    return Connector(**{**values, **fields})
