"""Join, sign in, see who someone is, and say who you are."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.contrib.auth import login as start_session
from django.contrib.auth import views as auth_views
from django.contrib.auth.decorators import login_required
from django.contrib.messages.views import SuccessMessageMixin
from django.core.paginator import Paginator
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from ..images.saving import save_or_explain
from ..shelves.models import Review, Shelf
from ..site.context import current_site
from ..site.limits import forgive, limited, posted, signed_in_person
from ..site.models import SiteSettings
from . import first_account
from .forms import FirstAccountForm, NewPasswordForm, ProfileForm, SignUpForm
from .models import Invite, User

REVIEWS_PER_PAGE = 10


def limited_sign_in(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Count tries by address and by name, together for every door that *view* may be one of."""
    by_name = limited("sign in as", times=10, seconds=600, by=posted("username"))
    return limited("sign in from", times=30, seconds=600)(by_name(view))


@method_decorator(limited_sign_in, name="dispatch")
class SignIn(auth_views.LoginView):
    template_name = "people/login.html"
    redirect_authenticated_user = True

    def form_valid(self, form):
        forgive(f"sign in as:{posted('username')(self.request)}", seconds=600)
        return super().form_valid(form)

    def get_context_data(self, **kwargs):
        # Django's view has a `site` of its own, which would stand before ours.
        return super().get_context_data(**kwargs) | {"site": current_site(self.request)}


@method_decorator(limited("new password from", times=10, seconds=3600), name="dispatch")
@method_decorator(limited("new password for", times=3, seconds=3600, by=posted("email")), name="dispatch")
class NewPassword(auth_views.PasswordResetView):
    template_name = "people/password_reset.html"
    email_template_name = "people/password_reset_email.html"
    subject_template_name = "people/password_reset_subject.txt"
    form_class = NewPasswordForm
    success_url = reverse_lazy("password_reset_done")

    def form_valid(self, form):
        self.extra_email_context = {"site": current_site(self.request)}
        return super().form_valid(form)


@method_decorator(limited("change password", times=10, seconds=600, by=signed_in_person), name="dispatch")
class ChangePassword(SuccessMessageMixin, auth_views.PasswordChangeView):
    template_name = "people/password_change.html"
    success_url = reverse_lazy("edit_profile")
    success_message = gettext_lazy("Your password was changed.")


@sensitive_post_parameters("password1", "password2")
@never_cache
@limited("sign up", times=10, seconds=3600)
@require_http_methods(["GET", "HEAD", "POST"])
def signup(request: HttpRequest) -> HttpResponse:
    if request.user.is_authenticated:
        return redirect("home")
    registration = current_site(request).registration
    invite = Invite.objects.found(request.POST.get("invite") or request.GET.get("invite") or "")
    is_welcome = registration == SiteSettings.Registration.OPEN or (
        registration == SiteSettings.Registration.INVITE and invite is not None
    )
    form = SignUpForm(request.POST or None) if is_welcome else None
    if form and request.method == "POST" and form.is_valid() and (person := _join(form, invite)):
        start_session(request, person)
        messages.success(request, _("Welcome, %(name)s!") % {"name": person.shown_name})
        return redirect("home")
    context = {"form": form, "registration": registration, "invite": invite}
    return render(request, "people/signup.html", context, status=200 if is_welcome or request.method != "POST" else 403)


def _join(form: SignUpForm, invite: Invite | None) -> User | None:
    """Make the account and use up the invite, if there is one; None when someone else used it first."""
    with transaction.atomic():
        if invite is not None and not Invite.objects.use(invite.code):
            form.add_error(None, _("This invitation has just been used by someone else."))
            return None
        return form.save()


@sensitive_post_parameters("password1", "password2", "code")
@never_cache
@limited("first account", times=10, seconds=600)
@require_http_methods(["GET", "HEAD", "POST"])
def setup(request: HttpRequest) -> HttpResponse:
    if not first_account.is_needed():
        raise Http404
    form = FirstAccountForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            if first_account.use_code(form.cleaned_data["code"]):
                form.instance.is_staff = form.instance.is_superuser = True
                start_session(request, form.save())
                return redirect("home")
        form.add_error("code", _("This code is wrong, used already, or too old."))
    return render(request, "people/setup.html", {"form": form})


@require_safe
def profile(request: HttpRequest, username: str) -> HttpResponse:
    person = get_object_or_404(User, username=username, is_active=True)
    reviews = Review.objects.filter(author=person).select_related("author", "edition__work")
    context = {
        "person": person,
        "shelves": Shelf.objects.with_some_editions(person),
        "reviews": Paginator(reviews, REVIEWS_PER_PAGE).get_page(request.GET.get("page")),
        "is_self": request.user == person,
    }
    return render(request, "people/profile.html", context)


@login_required
@limited("upload", times=100, seconds=60, by=signed_in_person)
@require_http_methods(["GET", "HEAD", "POST"])
def edit_profile(request: HttpRequest) -> HttpResponse:
    # A copy of its own: a refused picture must not show up in the page's header.
    person = User.objects.get(pk=request.user.pk)
    form = ProfileForm(request.POST or None, request.FILES or None, instance=person)
    if request.method == "POST" and form.is_valid() and save_or_explain(form):
        messages.success(request, _("Your profile was saved."))
        return redirect("profile", person.username)
    return render(request, "people/edit_profile.html", {"form": form})
