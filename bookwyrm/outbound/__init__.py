"""Fetch what a stranger's URL names, without letting the stranger reach what only this machine can reach.

    response = outbound.fetch("https://covers.example/42.jpg", accept="image/*")

One door for every request the site makes to an address it did not choose itself. See
``docs/decisions/outbound-requests.md`` for what is refused and why.
"""

from .fetching import OutboundFailed, OutboundRefused, Response, fetch

__all__ = ["OutboundFailed", "OutboundRefused", "Response", "fetch"]
