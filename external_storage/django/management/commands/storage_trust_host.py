"""``storage_trust_host``: show by which key the server of an SFTP store is to be known, and know it by that."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from ....errors import SettingsError
from ... import trusting
from ...console import StorageCommand
from ...trusting import Introduction


class Command(StorageCommand):
    help = (
        "Show the fingerprint of the key that HOST, the server of an SFTP store of the settings, shows now; once that "
        "is confirmed, trust the host with this key and with no other."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("host", metavar="HOST[:PORT]", help="The host as the settings name it.")
        parser.add_argument(
            "--fingerprint", metavar="SHA256:…", help="Trust it without asking if it has this fingerprint."
        )
        parser.add_argument("--replace", action="store_true", help="The host is known by another key, which is over.")
        parser.add_argument("--yes", action="store_true", help="Do not ask; trust whatever it shows.")

    def run(self, **options: Any) -> int:
        introduction = trusting.introduction_of(options["host"])
        if not options["json"]:
            self._show(introduction)
        introduction.check(expected=options["fingerprint"], replace=options["replace"])
        wanted = introduction.is_known or self._is_wanted(introduction, options)
        if wanted and not introduction.is_known:
            introduction.accept()
        if options["json"]:
            self.tell_json(introduction.as_dict() | {"trusted": wanted, "exit_code": 0})
        elif introduction.is_known:
            self.tell("It is known by this key already; nothing was changed.")
        else:
            self.tell(f"Trusted from now on, in {introduction.file}." if wanted else "Nothing was changed.")
        return 0

    def _show(self, introduction: Introduction) -> None:
        self.tell(f"{introduction.address} shows")
        for key in introduction.shown:
            self.tell(f"    {key.fingerprint} ({key.kind})")
        self.tell("On the host itself, `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` must print the same.")

    def _is_wanted(self, introduction: Introduction, options: dict[str, Any]) -> bool:
        if options["yes"] or options["fingerprint"]:
            return True
        if options["json"] or not sys.stdin.isatty():
            raise SettingsError(
                "Nobody can be asked here.",
                remedy=f"Compare the fingerprint, then add --fingerprint {introduction.shown[0].fingerprint}",
            )
        return input("Is that so? [y/N] ").strip().lower() in ("y", "yes")
