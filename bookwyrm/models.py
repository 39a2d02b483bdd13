"""Gather every model of the instance where Django looks for them: one app, label ``bookwyrm``."""

from .books.models import Author, Edition, Work
from .connectors.models import Connector
from .people.models import Invite, User
from .shelves.models import Review, Shelf, ShelvedBook
from .site.models import SiteSettings

__all__ = [
    "Author",
    "Connector",
    "Edition",
    "Invite",
    "Review",
    "Shelf",
    "ShelvedBook",
    "SiteSettings",
    "User",
    "Work",
]
