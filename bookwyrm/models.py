"""Gather every model of the instance where Django looks for them: one app, label ``bookwyrm``."""

from .books.models import Author, CoverRequest, Edition, Work
from .connectors.models import Connector
from .exports.models import Export
from .imports.models import Import
from .people.models import AdminCode, Invite, User
from .shelves.models import Review, Shelf, ShelvedBook
from .site.models import SiteSettings

__all__ = [
    "AdminCode",
    "Author",
    "Connector",
    "CoverRequest",
    "Edition",
    "Export",
    "Import",
    "Invite",
    "Review",
    "Shelf",
    "ShelvedBook",
    "SiteSettings",
    "User",
    "Work",
]
