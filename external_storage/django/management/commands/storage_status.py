"""``storage_status``: which stores the site has, which of them are in use, and what each of them promises."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from ....errors import StorageError, StoreRefused
from ....stores.retrying import RetryingStore
from ... import conf
from ...console import StorageCommand

ACCESS = {
    "acl": "each object's own ACL decides who may read it",
    "policy": "the bucket's policy decides who may read",
    "console": "the service's console decides who may read",
}


class Command(StorageCommand):
    help = (
        "Show the site's storage aliases, their stores, and what each store guarantees. Asks no store but with --check."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--check", action="store_true", help="Ask each store whether it answers.")

    def run(self, **options: Any) -> int:
        answers = _answers() if options["check"] else {}
        code = StoreRefused.exit_code if any(answers.values()) else 0
        for alias in conf.configuration().aliases.values():
            if options["json"]:
                self.tell_json(_alias_as_dict(alias, answers))
            else:
                self._tell_alias(alias, answers)
        if options["json"]:
            self.tell_json({"checked": options["check"], "exit_code": code})
        return code

    def _tell_alias(self, alias: conf.Alias, answers: dict[str, str]) -> None:
        self.tell(f"{alias.name}: uses {alias.active!r}")
        for name in alias.stores:
            described = conf.store_settings(name)
            self.tell(f"  {'*' if name == alias.active else ' '} {name}: {conf.store_named(name).place}")
            self.tell(f"      read at {described.public_url}")
            self.tell(f"      {'; '.join(guarantees(described))}")
            if name in answers:
                self.tell(f"      {answers[name] or 'It answers.'}")


def guarantees(described: conf.StoreSettings) -> list[str]:
    """Return what holds for files in this store, in words."""
    if isinstance(described, conf.LocalSettings):
        return [
            "a file appears whole or not at all",
            "two writers never overwrite each other unseen",
            "it keeps no headers: the web server decides them and who may read",
        ]
    provider = described.service
    acl = "no ACL is sent; " if described.acl is None else ""
    return [
        f"{provider.name}",
        "an object appears whole or not at all",
        "the store checks a digest of each upload",
        "it keeps type and cache header",
        f"{acl}{ACCESS[provider.access]}",
    ]


def _answers() -> dict[str, str]:
    """Ask every store for the beginning of a listing; return what is wrong with each, "" if nothing is."""
    answers = {}
    for name in conf.configuration().stores:
        try:
            next(iter(RetryingStore(conf.store_named(name)).list()), None)
            answers[name] = ""
        except StorageError as problem:
            answers[name] = str(problem)
    return answers


def _alias_as_dict(alias: conf.Alias, answers: dict[str, str]) -> dict[str, Any]:
    stores = []
    for name in alias.stores:
        described = conf.store_settings(name)
        stores.append(
            {
                "name": name,
                "active": name == alias.active,
                "place": conf.store_named(name).place,
                "public_url": described.public_url,
                "guarantees": guarantees(described),
                "answers": None if name not in answers else not answers[name],
                "problem": answers.get(name) or None,
            }
        )
    return {"alias": alias.name, "active": alias.active, "stores": stores}
