"""Static files under hashed names: made on this machine first, then sent to the store in use, the manifest last."""

from __future__ import annotations

from django.contrib.staticfiles.storage import ManifestStaticFilesStorage
from django.utils.functional import cached_property

from .. import transfer
from ..errors import StorageError
from ..objects import PublishingRule
from ..stores import LocalStore, Store
from . import conf, publishing


class StaticStorage(ManifestStaticFilesStorage):
    """Collect into ``STATIC_ROOT``, link to wherever the alias's files are read.

    The manifest is read from this machine, so a link costs nothing. It is written only after every file it names is in
    the store in use: a page never names a file that is not there.
    """

    def __init__(self, alias: str = "staticfiles", location: str | None = None) -> None:
        self.alias = alias
        self.sent: transfer.Report | None = None
        super().__init__(location=location, base_url=self._public_url())

    @cached_property
    def rule(self) -> PublishingRule:
        """What may be published: the alias's own rule where the site names one."""
        return conf.alias_named(self.alias).publishing_rule or publishing.static_files

    @property
    def is_remote(self) -> bool:
        """Whether the files are served from somewhere else than ``STATIC_ROOT``."""
        return not isinstance(conf.store_settings(conf.alias_named(self.alias).active), conf.LocalSettings)

    def stored_name(self, name: str) -> str:
        """Return the hashed name, or the plain one as long as nothing was ever collected (a fresh checkout, a test)."""
        return super().stored_name(name) if self.hashed_files else name

    def save_manifest(self) -> None:
        """Send the collected files, then write the manifest here, then there. The order is what the class promises."""
        if self.is_remote:
            self.sent = self._send(exclude=[self.manifest_name])
            if self.sent.exit_code not in (0, 4):  # 4: files held back, which is what the rule is for
                raise StaticFilesNotSent(self.sent)
        super().save_manifest()
        if self.is_remote:
            manifest = self._send(include=[self.manifest_name])
            if manifest.exit_code:
                raise StaticFilesNotSent(manifest)

    def _send(self, *, include: list[str] = (), exclude: list[str] = ()) -> transfer.Report:
        rules = transfer.Rules(publish=self.rule, on_difference="replace", include=include, exclude=exclude)
        return transfer.copy(self._collected(), conf.store_named(conf.alias_named(self.alias).active), rules)

    def _collected(self) -> Store:
        return LocalStore("collected", self.location)

    def _public_url(self) -> str:
        return conf.store_settings(conf.alias_named(self.alias).active).public_url


class StaticFilesNotSent(StorageError):
    """Some static files did not reach the store; the manifest is unchanged, so pages go on naming the old ones."""

    def __init__(self, report: transfer.Report) -> None:
        self.report = report
        self.exit_code = report.exit_code
        super().__init__(report.last_line(), remedy="The pages still use the files they used before. Run it again.")
