"""Keep private files apart from the public ones, by what the settings say of their stores."""

from __future__ import annotations

from collections.abc import Iterator

from ..sentences import say
from . import conf, places


def not_apart(alias: conf.Alias, configuration: conf.Configuration) -> tuple[str, str] | None:
    """Return what makes the files of a private alias too easy to find, and what to do; None if nothing does.

    ============================================  ==========================================================
    a store of the alias                          why not
    ============================================  ==========================================================
    has a custom domain, or a public URL that     such a link is not signed, and whoever has it has the file
    somebody wrote down
    is a store of a public alias                  what is opened for the one is opened for the other
    is in the bucket of one, whatever the prefix  a bucket's policy, listing and key are for all of it
    lies in its folder, or around it              the web server that serves the one serves the other
    ============================================  ==========================================================
    """
    for store in (configuration.stores[name] for name in alias.stores):
        if found := _told_to_strangers(alias, store, configuration) or _beside_public_files(
            alias, store, configuration
        ):
            return found
    return None


def _told_to_strangers(
    alias: conf.Alias, store: conf.StoreSettings, configuration: conf.Configuration
) -> tuple[str, str] | None:
    if isinstance(store, conf.BucketSettings):
        if not store.custom_domain:
            return None
        return (
            say(
                "The private files of {alias!r} have the custom domain {domain}: links to it are not signed.",
                alias=alias.name,
                domain=store.custom_domain,
            ),
            say(
                "Take {setting} from the store {store!r}.",
                setting=configuration.known_as("CUSTOM_DOMAIN"),
                store=store.name,
            ),
        )
    if not store.public_url:
        return None
    return (
        say("The private files of {alias!r} have the public URL {url}.", alias=alias.name, url=store.public_url),
        say("Take {setting} from the store {store!r}.", setting="PUBLIC_URL", store=store.name),
    )


def _beside_public_files(
    alias: conf.Alias, store: conf.StoreSettings, configuration: conf.Configuration
) -> tuple[str, str] | None:
    for other, public in _public_stores(configuration):
        if _share_a_bucket(store, public):
            return (
                say(
                    "The private files of {alias!r} share the bucket {bucket!r} with the public ones of {other!r}.",
                    alias=alias.name,
                    bucket=store.bucket,
                    other=other,
                ),
                say("Give them a bucket of their own, closed to the public, and a key of its own."),
            )
        if places.overlap(store, public):
            return (
                say(
                    "The private files of {alias!r} in {place} lie beside, in or around the public ones of {other!r} "
                    "in {public}.",
                    alias=alias.name,
                    place=store.place,
                    other=other,
                    public=public.place,
                ),
                say("Give them a folder of their own, outside of that one."),
            )
    return None


def _public_stores(configuration: conf.Configuration) -> Iterator[tuple[str, conf.StoreSettings]]:
    for alias in configuration.aliases.values():
        if not alias.private:
            yield from ((alias.name, configuration.stores[name]) for name in alias.stores)


def _share_a_bucket(one: conf.StoreSettings, other: conf.StoreSettings) -> bool:
    are_buckets = isinstance(one, conf.BucketSettings) and isinstance(other, conf.BucketSettings)
    return are_buckets and places.are_at_one_service(one, other)
