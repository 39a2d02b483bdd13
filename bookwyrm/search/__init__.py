"""Find books of this site by title, author or ISBN, on SQLite and PostgreSQL alike.

    for edition, confidence in search.find("tolkien hobb", limit=10):
        ...

The index follows every change made through the models. After rows were written past them (``bulk_create``,
``update``, plain SQL), call `reindex` or run ``manage.py reindex``.
"""

from .finding import Results, find, find_isbn
from .index import reindex

__all__ = ["Results", "find", "find_isbn", "reindex"]
