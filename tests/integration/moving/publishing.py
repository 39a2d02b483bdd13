"""The publishing rule of the sites that are moved here."""

from external_storage.objects import Headers, HoldBack, Publish


def may_publish(key: str, first_bytes: bytes | None) -> Publish | HoldBack:
    """Let everything become public but what is called a secret."""
    if "secret" in key:
        return HoldBack("It is a secret.")
    return Publish(Headers("text/plain", "no-cache", public=True))
