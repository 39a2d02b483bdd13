"""Settings of the instance; every value a person may want to change comes from ``.env``."""

from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY = "replaced by the settings reader"  # noqa: S105
DEBUG = True
DOMAIN = "localhost"
SITE_URL = "http://localhost:1333"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "bookwyrm.urls"
AUTH_USER_MODEL = "bookwyrm.User"
INSTALLED_APPS = [
    "bookwyrm",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_tasks",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / ".bw" / "site.sqlite3"}}
LANGUAGES = [("en", "English"), ("fr", "Français")]
USE_TZ = True
MEDIA_ROOT = BASE_DIR / "images"
MEDIA_URL = "/images/"
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / ".bw" / "static"
TASKS = {"default": {"BACKEND": "django_tasks.backends.immediate.ImmediateBackend"}}
