"""The page to watch the storage on, for staff with the permission: `path("admin/storage/", include(...))`."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ..errors import SettingsError, StorageError
from ..sentences import in_language
from . import conf, looking, overview
from .console import without_secrets
from .models import AliasState
from .moving.state import fresh_state_of
from .remedies import as_typed

MAY_WATCH = "external_storage.view_aliasstate"
MAY_MOVE = "external_storage.change_aliasstate"

View = Callable[..., HttpResponse]


def for_staff_with(permission: str) -> Callable[[View], View]:
    """Let only staff through who have *permission*; others are asked to sign in, or refused."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *arguments: str, **named: str) -> HttpResponse:
            if not request.user.has_perm(permission):
                raise PermissionDenied
            return view(request, *arguments, **named)

        # The admin that is in force when a request comes, which a site may have exchanged.
        @wraps(view)
        def within_the_admin(request: HttpRequest, *arguments: str, **named: str) -> HttpResponse:
            return admin.site.admin_view(guarded)(request, *arguments, **named)

        return within_the_admin

    return decorate


@never_cache
@require_GET
@for_staff_with(MAY_WATCH)
def watch(request: HttpRequest) -> HttpResponse:
    """Show where each alias stands, what is under way, and the doctor's last report."""
    shown = overview.aliases()
    context = {
        **admin.site.each_context(request),
        **overview.findings(),
        "title": _("Storage"),
        "aliases": shown,
        "is_live": overview.is_live(shown),
        "is_looking": looking.is_looking(),
        "may_move": request.user.has_perm(MAY_MOVE),
    }
    return render(request, "external_storage/watch.html", context)


@require_POST
@for_staff_with(MAY_WATCH)
def look_again(request: HttpRequest) -> HttpResponse:
    """Let the doctor look, in the background."""
    if conf.configuration().state_dir is None:
        messages.error(request, _("There is nowhere to keep the report: the setting STATE_DIR is not set."))
    elif not looking.is_looking():
        _write_down(request, "", "storage_doctor")
        looking.look_in_background()
    return redirect("external_storage:watch")


@never_cache
@require_http_methods(["GET", "POST"])
@for_staff_with(MAY_MOVE)
def act(request: HttpRequest, alias: str, action: str) -> HttpResponse:
    """Ask whether it is meant, with what it does; carry it out once the alias's name was typed."""
    offered = _offered(alias, action)
    problem = ""
    if request.method == "POST":
        target = request.POST.get("target", "")
        if request.POST.get("confirmation", "").strip() != alias:
            problem = _("Type the name of the alias to confirm.")
        elif offered.choices and target not in offered.choices:
            problem = _("Choose a store.")
        else:
            problem = _carried_out(request, alias, action, target)
            if not problem:
                return redirect("external_storage:watch")
    context = {
        **admin.site.each_context(request),
        "title": offered.label,
        "alias": alias,
        "action": offered,
        "problem": problem,
    }
    return render(request, "external_storage/act.html", context, status=422 if problem else 200)


def _offered(alias: str, action: str) -> overview.Action:
    try:
        offered = overview.actions_for(fresh_state_of(alias))
    except SettingsError as problem:
        raise Http404 from problem
    found = next((each for each in offered if each.name == action), None)
    if found is None:
        raise Http404(_("That is no step from where the alias is now."))
    return found


def _carried_out(request: HttpRequest, alias: str, action: str, target: str) -> str:
    """Take the step and write it down; return "" or why it could not be taken."""
    try:
        state = overview.carry_out(alias, action, target, asked_by=request.user.get_username())
    except StorageError as problem:
        _write_down(request, alias, f"{action} {target}: refused. {problem.what}")
        return without_secrets(as_typed(in_language(str(problem), get_language() or "en")))
    _write_down(request, alias, f"{action} {target}: now {state.step}, epoch {state.epoch}")
    messages.success(request, _("Done."))
    return ""


def _write_down(request: HttpRequest, alias: str, what: str) -> None:
    LogEntry.objects.create(
        user_id=request.user.pk,
        content_type_id=ContentType.objects.get_for_model(AliasState).pk,
        object_id=alias,
        object_repr=alias or "storage",
        action_flag=CHANGE,
        change_message=without_secrets(what),
    )
