"""Every address of the site."""

from django.contrib import admin
from django.contrib.auth import views as auth_views
from django.urls import include, path, register_converter, reverse_lazy

from external_storage.django.views import serve

from .books import views as books
from .connectors import views as connectors
from .exports import views as exports
from .imports import views as imports
from .people import views as people
from .people.paths import Username
from .search import views as search
from .search.negotiating import or_as_json
from .shelves import views as shelves
from .site import views as site
from .site.manifest import manifest
from .themes.views import choose_theme

register_converter(Username, "username")

urlpatterns = [
    path("", site.home, name="home"),
    path("about/", site.about, name="about"),
    path("health", site.health, name="health"),
    path("manifest.webmanifest", manifest, name="manifest"),
    path("theme/", choose_theme, name="choose_theme"),
    # People
    path("setup/", people.setup, name="setup"),
    path("signup/", people.signup, name="signup"),
    path("login/", people.SignIn.as_view(), name="login"),
    path("logout/", auth_views.LogoutView.as_view(), name="logout"),
    path("password-reset/", people.NewPassword.as_view(), name="password_reset"),
    path(
        "password-reset/done/",
        auth_views.PasswordResetDoneView.as_view(template_name="people/password_reset_done.html"),
        name="password_reset_done",
    ),
    path(
        "password-reset/<uidb64>/<token>/",
        auth_views.PasswordResetConfirmView.as_view(
            template_name="people/password_reset_confirm.html", success_url=reverse_lazy("password_reset_complete")
        ),
        name="password_reset_confirm",
    ),
    path(
        "password-reset/complete/",
        auth_views.PasswordResetCompleteView.as_view(template_name="people/password_reset_complete.html"),
        name="password_reset_complete",
    ),
    path("preferences/password/", people.ChangePassword.as_view(), name="password_change"),
    path("preferences/exports/", exports.exports, name="exports"),
    path("preferences/imports/new/", imports.import_new, name="import_new"),
    path("preferences/exports/new/", exports.export_new, name="export_new"),
    path("preferences/exports/<uuid:pk>/link/", exports.export_link, name="export_link"),
    path("preferences/exports/<uuid:pk>/delete/", exports.export_delete, name="export_delete"),
    path("preferences/exports/<uuid:pk>/<str:token>", exports.export_download, name="export_download"),
    path("preferences/", people.edit_profile, name="edit_profile"),
    path("user/<username:username>/", people.profile, name="profile"),
    # Shelves
    path("shelf/new/", shelves.shelf_new, name="shelf_new"),
    path("user/<username:username>/shelves/", shelves.shelves, name="shelves"),
    path("user/<username:username>/shelf/<slug:identifier>/", shelves.shelf, name="shelf"),
    path("user/<username:username>/shelf/<slug:identifier>/rename/", shelves.shelf_edit, name="shelf_edit"),
    path("user/<username:username>/shelf/<slug:identifier>/delete/", shelves.shelf_delete, name="shelf_delete"),
    path("review/<int:pk>/delete/", shelves.review_delete, name="review_delete"),
    # Books
    path("book/new/", books.book_new, name="book_new"),
    path("book/import/", connectors.import_book, name="book_import"),
    path("book/<int:pk>/", or_as_json(books.book, search.book_json), name="book"),
    path("book/<int:pk>.json", search.book_json, name="book_json"),
    path("book/<int:pk>/edit/", books.book_edit, name="book_edit"),
    path("book/<int:pk>/cover/", books.book_cover, name="book_cover"),
    path("book/<int:pk>/shelve/", shelves.shelve, name="shelve"),
    path("book/<int:pk>/review/", shelves.review, name="review"),
    path("author/<int:pk>/", or_as_json(books.author, search.author_json), name="author"),
    path("author/<int:pk>.json", search.author_json, name="author_json"),
    path("author/<int:pk>/edit/", books.author_edit, name="author_edit"),
    # Search
    path("search/", search.search, name="search"),
    path("search.json", search.search_json, name="search_json"),
    path("isbn/<str:isbn>.json", search.isbn_json, name="isbn_json"),
    # Files, and the back of the house
    path("images/<path:key>", serve, name="picture"),
    path("admin/storage/", include("external_storage.django.urls")),
    path("admin/", admin.site.urls),
]

handler400 = "bookwyrm.site.views.bad_request"
handler403 = "bookwyrm.site.views.permission_denied"
handler404 = "bookwyrm.site.views.page_not_found"
