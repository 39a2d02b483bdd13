"""What the owner sets in the admin: the site's name, its pictures, who may join."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from ..images.fields import PictureField


class SiteSettings(models.Model):
    """One row, primary key 1; read through `SiteSettings.current`."""

    class Registration(models.TextChoices):
        OPEN = "open", _("open to all")
        INVITE = "invite", _("by invitation")
        CLOSED = "closed", _("closed")

    name = models.CharField(_("name"), max_length=100, default="BookWyrm")
    tagline = models.CharField(_("tagline"), max_length=200, blank=True)
    description = models.TextField(_("about this site"), blank=True)
    registration = models.CharField(
        _("who may sign up"), max_length=10, choices=Registration.choices, default=Registration.INVITE
    )
    logo = PictureField(_("logo"), folder="logos")
    logo_width = models.PositiveIntegerField(null=True, editable=False)
    logo_height = models.PositiveIntegerField(null=True, editable=False)
    logo_widths = models.JSONField(default=list, editable=False)
    favicon = PictureField(_("favicon"), folder="logos")
    favicon_width = models.PositiveIntegerField(null=True, editable=False)
    favicon_height = models.PositiveIntegerField(null=True, editable=False)
    favicon_widths = models.JSONField(default=list, editable=False)

    class Meta:
        verbose_name = _("site settings")
        verbose_name_plural = _("site settings")

    def __str__(self) -> str:
        return self.name

    @classmethod
    def current(cls) -> SiteSettings:
        return cls.objects.get_or_create(pk=1)[0]
