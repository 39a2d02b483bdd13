"""How people are named in addresses."""

from __future__ import annotations


class Username:
    """What may be a username, and nothing that a database would refuse to be asked for."""

    regex = r"[\w.@+-]{1,150}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value
