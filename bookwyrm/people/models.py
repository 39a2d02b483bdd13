"""People: accounts and the invites that let them in."""

from __future__ import annotations

import re
import secrets

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..images.fields import PictureField


class User(AbstractUser):
    display_name = models.CharField(_("display name"), max_length=100, blank=True)
    bio = models.TextField(_("about you"), max_length=2000, blank=True)
    avatar = PictureField(_("avatar"), folder="avatars")
    avatar_width = models.PositiveIntegerField(null=True, editable=False)
    avatar_height = models.PositiveIntegerField(null=True, editable=False)
    avatar_widths = models.JSONField(default=list, editable=False)

    @property
    def shown_name(self) -> str:
        return self.display_name or self.username

    def get_absolute_url(self) -> str:
        return reverse("profile", args=[self.username])


def new_invite_code() -> str:
    return secrets.token_urlsafe(12)


class InviteQuerySet(models.QuerySet):
    def usable(self) -> InviteQuerySet:
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=timezone.now()), uses_left__gt=0)

    def found(self, code: str) -> Invite | None:
        """Return the usable invite with this *code*, which may be anything that a visitor wrote into an address."""
        return self.usable().filter(code=code).first() if re.fullmatch(r"[\w-]{1,32}", code, re.ASCII) else None

    def use(self, code: str) -> bool:
        """Take one use of the invite *code*; return whether there was one to take."""
        return self.usable().filter(code=code).update(uses_left=F("uses_left") - 1) == 1


class Invite(models.Model):
    """A link with which someone may sign up while the site is open by invitation only."""

    code = models.CharField(_("code"), max_length=32, unique=True, default=new_invite_code)
    created_by = models.ForeignKey(
        User, on_delete=models.CASCADE, null=True, blank=True, related_name="invites", verbose_name=_("made by")
    )
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    uses_left = models.PositiveIntegerField(_("uses left"), default=1)

    objects = InviteQuerySet.as_manager()

    class Meta:
        verbose_name = _("invite")
        verbose_name_plural = _("invites")

    def __str__(self) -> str:
        return self.code

    def get_absolute_url(self) -> str:
        return f"{reverse('signup')}?invite={self.code}"


class AdminCode(models.Model):
    """The digest of a one-time code with which the owner makes the first account; see `people.first_account`."""

    digest = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()

    class Meta:
        verbose_name = _("admin code")
        verbose_name_plural = _("admin codes")

    def __str__(self) -> str:
        return f"#{self.pk}"
