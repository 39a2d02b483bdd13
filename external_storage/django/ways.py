"""The way of files from one place to another, and by which rules they go."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from django.core.files.storage import InvalidStorageError, storages
from django.utils.module_loading import import_string

from .. import transfer
from ..errors import SettingsError
from ..objects import Headers, Publish, PublishingRule
from ..sentences import say
from ..stores import Store
from . import conf, sending
from .locking import only_run_on
from .moving import marks
from .moving.state import fresh_state_of
from .moving.watching import sparing, watched
from .places import Place, place_called, refuse_folder_that_cannot_be_written, refuse_overlap
from .references import References, file_fields
from .staticfiles import StaticStorage


@dataclass(frozen=True)
class Way:
    """From where to where, the alias whose files go, and the rule for what may be published."""

    source: Place
    target: Place
    alias: conf.Alias | None
    rule: PublishingRule

    @property
    def target_is_in_use(self) -> bool:
        """Whether visitors already upload to the target, which may then be newer than the source."""
        return self.alias is not None and self.target.configured == self.alias.active

    def rules(
        self,
        *,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        prefix: str = "",
        on_conflict: Literal["replace", "keep"] | None = None,
    ) -> transfer.Rules:
        """Return the rules of a run: without *on_conflict*, nothing in a store in use is overwritten.

        Into a store in use goes only what a row needs, as in `sending.send`; files of an alias that no model has, such
        as static files, need no row.
        """
        by_state = "keep" if self.target_is_in_use else "replace"
        return transfer.Rules(
            publish=self.rule,
            on_difference=on_conflict or by_state,
            may_send=self._references.__contains__ if self._references is not None else None,
            include=tuple(include),
            exclude=tuple(exclude),
            prefix=prefix,
        )

    def rules_to_copy(self, *, on_conflict: Literal["replace", "keep"] | None = None, **scope: Any) -> transfer.Rules:
        """Return the same for a run that writes: what the other store has yet to get from the target is left alone."""
        rules = self.rules(on_conflict=on_conflict, **scope)
        if not self._is_watched:
            return rules
        state = fresh_state_of(self.alias.name)
        return sparing(rules, marks.keys_held_by(state, self.target.configured, also_delivered=False))

    @property
    def _is_watched(self) -> bool:
        """Whether the site may touch the target meanwhile."""
        is_known = self.alias is not None and self.target.configured is not None
        return is_known and not fresh_state_of(self.alias.name).is_alone

    @cached_property
    def _references(self) -> References | None:
        if not self.target_is_in_use or next(file_fields(self.alias.name), None) is None:
            return None
        return References(self.alias.name)

    @property
    def target_to_copy_to(self) -> Store:
        """The target's store, which minds what the site does meanwhile if the alias has other stores to keep right."""
        return watched(self.alias.name, self.target.configured) if self._is_watched else self.target.store

    def check_folders(self) -> None:
        """Raise `SettingsError` for a folder that is not there, or is empty while rows refer to files in it."""
        for place in (self.source, self.target):
            if place.is_folder and not place.settings.root.is_dir():
                raise SettingsError(
                    say("The folder {root} does not exist.", root=place.settings.root),
                    remedy=say("Check the path, and that its disk is mounted; a folder is not made for you."),
                )
        if self.alias is None or self.target_is_in_use:
            return
        if self.source.is_folder and self.source.configured in self.alias.stores:
            sending.check_folder(sending.Route(self.alias, self.source.settings, self.target.settings))

    def check_target_can_be_written(self) -> None:
        """Raise `SettingsError` for a folder that this user may not write to, or whose disk is read-only."""
        if self.target.is_folder:
            refuse_folder_that_cannot_be_written(self.target.settings.root)

    @contextmanager
    def alone(self, *, writes: bool = True) -> Iterator[None]:
        """Hold the locks of all folders concerned. Raise `LockHeld` if another run works on one of them.

        A run that *writes* to a place elsewhere keeps other runs of this machine from writing there too.
        """
        with ExitStack() as held:
            for folder in sorted({folder.resolve() for folder in self._folders() if folder.is_dir()}):
                held.enter_context(only_run_on(folder))
            if writes and (stand_in := self._stand_in_for_target()) is not None:
                held.enter_context(only_run_on(stand_in, standing_for=self.target.store.place))
            yield

    def _stand_in_for_target(self) -> Path | None:
        """Return the folder whose lock stands for a target that is none, or None where there can be no such folder.

        Without it two runs at once cost work, and lose nothing; a state folder that is full must not keep one back.
        """
        state_dir = conf.configuration().state_dir
        if state_dir is None or self.target.is_folder:
            return None
        stand_in = state_dir / "runs" / self.target.fingerprint
        with suppress(OSError):
            stand_in.mkdir(mode=0o700, parents=True, exist_ok=True)
        return stand_in if stand_in.is_dir() else None

    def _folders(self) -> Iterator[Path]:
        stores = [] if self.alias is None else [conf.store_settings(name) for name in self.alias.stores]
        for described in (self.source.settings, self.target.settings, *stores):
            if described.is_on_this_machine:
                yield described.root


def way_between(
    source: str, target: str, *, alias: str | None = None, rule: str | None = None, needs_rule: bool = True
) -> Way:
    """Return the way from *source* to *target*, as a command's arguments name them.

    The rule is that of the alias concerned, or *rule*, a dotted path. Where there is neither, `SettingsError` is raised
    if the way *needs_rule*: nothing is ever published because nobody said what may be.
    """
    start, end = place_called(source), place_called(target)
    refuse_overlap(start, end)
    concerned = conf.alias_named(alias) if alias else _alias_concerned(start, end)
    if rule is not None:
        publish = _imported(rule)
    elif concerned is not None:
        publish = rule_of(concerned)
    elif needs_rule:
        raise SettingsError(
            say("No alias is concerned, so nothing says what may become public."),
            remedy=say(
                "Name an alias whose rule holds with --alias NAME, or a rule with --rule DOTTED.PATH; "
                "external_storage.django.publishing.nothing_public stores all as private."
            ),
        )
    else:
        publish = _anything
    return Way(start, end, concerned, publish)


def rule_of(alias: conf.Alias) -> PublishingRule:
    """Return the alias's publishing rule; static files have one of their own."""
    with suppress(InvalidStorageError):
        storage = storages[alias.name]
        if isinstance(storage, StaticStorage):
            return storage.rule
    return alias.rule


def _alias_concerned(*places: Place) -> conf.Alias | None:
    """Return the one alias that the places have in common, or that one of them has while the other has none."""
    each = [owners for place in places if (owners := _aliases_of(place))]
    if not each:
        return None
    concerned = set.intersection(*each) or set.union(*each)
    if len(concerned) > 1:
        raise SettingsError(
            say("These places concern several aliases: {concerned}.", concerned=", ".join(sorted(concerned))),
            remedy=say("Name the one whose files are meant with --alias NAME."),
        )
    return conf.alias_named(concerned.pop())


def _aliases_of(place: Place) -> set[str]:
    if place.alias is not None:
        return {place.alias}
    aliases = conf.configuration().aliases.values()
    return {alias.name for alias in aliases if place.configured in alias.stores}


def _imported(path: str) -> PublishingRule:
    try:
        found = import_string(path)
    except ImportError as problem:
        raise SettingsError(
            say("The rule {path!r} cannot be imported: {problem}.", path=path, problem=problem),
            remedy=say("Expected: the dotted path of a function."),
        ) from problem
    if not callable(found):
        raise SettingsError(
            say("{path!r} is no function.", path=path), remedy=say("Expected: the dotted path of a publishing rule.")
        )
    return found


def _anything(key: str, first_bytes: bytes | None) -> Publish:
    """For a comparison in which no rule has a part."""
    return Publish(Headers("application/octet-stream"))
