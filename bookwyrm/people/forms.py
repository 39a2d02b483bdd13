"""Forms about people: join, sign in, say who you are."""

from __future__ import annotations

from django import forms
from django.conf import settings
from django.contrib.auth.forms import BaseUserCreationForm, PasswordResetForm
from django.utils.translation import gettext_lazy as _

from ..images.forms import PictureFormField
from . import first_account
from .models import User


def email_address() -> forms.EmailField:
    return forms.EmailField(
        label=_("email address"),
        required=False,
        help_text=_("For a new password when you forget yours. It is shown to nobody."),
    )


class SignUpForm(BaseUserCreationForm):
    email = email_address()

    class Meta(BaseUserCreationForm.Meta):
        model = User
        fields = ["username", "email"]

    def clean_username(self) -> str:
        username = self.cleaned_data["username"]
        # "Anna" beside "anna" would be an invitation to take one for the other.
        if User.objects.filter(username__iexact=username).exists():
            raise forms.ValidationError(_("This name is taken."), code="unique")
        return username

    def clean_email(self) -> str:
        return User.objects.normalize_email(self.cleaned_data["email"])


class FirstAccountForm(SignUpForm):
    code = forms.CharField(
        label=_("admin code"), max_length=40, help_text=_("What “./bw-dev admin_code” printed on the server.")
    )
    field_order = ["code"]

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].widget.attrs |= {"autocomplete": "one-time-code", "spellcheck": "false", "autofocus": True}
        # Django gives it to the user name, which here is not the first field.
        self.fields["username"].widget.attrs.pop("autofocus", None)

    def clean_code(self) -> str:
        if not first_account.is_valid(self.cleaned_data["code"]):
            raise forms.ValidationError(_("This code is wrong, used already, or too old."), code="invalid")
        return self.cleaned_data["code"]


class ProfileForm(forms.ModelForm):
    email = forms.EmailField(
        label=_("email address"),
        required=False,
        help_text=_("For a new password when you forget yours. It is shown to nobody."),
    )
    avatar = PictureFormField(label=_("picture"), required=False, widget=forms.FileInput)
    remove_avatar = forms.BooleanField(label=_("Remove my picture"), required=False)

    class Meta:
        model = User
        fields = ["display_name", "bio", "email", "avatar"]
        widgets = {"bio": forms.Textarea(attrs={"rows": 5})}

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance.avatar:
            del self.fields["remove_avatar"]

    def save(self, commit: bool = True) -> User:
        if self.cleaned_data.get("remove_avatar") and "avatar" not in self.changed_data:
            self.instance.avatar = ""
        return super().save(commit)


class NewPasswordForm(PasswordResetForm):
    def save(self, domain_override: str | None = None, use_https: bool = False, **kwargs) -> None:
        """Send the letter with this site's own address in the link, whatever Host header the request had."""
        scheme, _, domain = settings.SITE_URL.partition("://")
        super().save(domain_override=domain, use_https=scheme == "https", **kwargs)
