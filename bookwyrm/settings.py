"""Settings of the instance; every value a person may want to change comes from ``.env`` (see ``env.py``)."""

from __future__ import annotations

import dj_database_url

from external_storage.django import store_url

from . import env
from .operate.processes import leave_no_core_dump

leave_no_core_dump()
ENVIRONMENT = env.read()
if _problems := env.check(ENVIRONMENT):
    raise env.BadEnvironment(_problems, ENVIRONMENT.source)

BASE_DIR = env.CHECKOUT
STATE_DIR = env.state_directory()
STATE_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)

# The site's own address

USE_HTTPS = ENVIRONMENT.flag("USE_HTTPS")
DOMAIN = ENVIRONMENT.text("DOMAIN")
SITE_URL = env.site_url(ENVIRONMENT)
_HOST = env.host_of(DOMAIN)
ALLOWED_HOSTS = [_HOST, f"www.{_HOST}", "localhost", "127.0.0.1", "[::1]"]
CSRF_TRUSTED_ORIGINS = [SITE_URL, SITE_URL.replace("://", "://www.", 1)]

DEBUG = ENVIRONMENT.flag("DEBUG")
SECRET_KEY = ENVIRONMENT.text("SECRET_KEY")

ROOT_URLCONF = "bookwyrm.urls"
WSGI_APPLICATION = "bookwyrm.wsgi.application"
AUTH_USER_MODEL = "bookwyrm.User"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "home"

INSTALLED_APPS = [
    "bookwyrm",
    "external_storage.django",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    # The development server must serve the collected files like the real one does, so that both show the same pages.
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_tasks",
    "django_tasks_db",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "bookwyrm.content_security.ContentSecurityPolicy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "bookwyrm" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "bookwyrm.site.context.site",
            ]
        },
    }
]

# Database

if ENVIRONMENT.text("DATABASE_URL"):
    _DATABASE = dict(dj_database_url.parse(ENVIRONMENT.text("DATABASE_URL"), conn_max_age=60, conn_health_checks=True))
else:
    _DATABASE = {"ENGINE": "django.db.backends.sqlite3", "NAME": STATE_DIR / "site.sqlite3"}

if _DATABASE["ENGINE"] == "django.db.backends.sqlite3":
    # Readers and one writer side by side (WAL); a transaction that means to write queues for the lock at its beginning
    # (IMMEDIATE) instead of failing in its middle, and waits for it up to 20 seconds.
    _DATABASE["OPTIONS"] = {"transaction_mode": "IMMEDIATE", "timeout": 20, "init_command": "PRAGMA journal_mode=WAL"}

DATABASES = {"default": _DATABASE}

# Languages

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("fr", "Français")]
LOCALE_PATHS = [BASE_DIR / "bookwyrm" / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True

# Files: where they live and under which addresses they are found

USE_S3 = ENVIRONMENT.flag("USE_S3")
MEDIA_STORE = env.media_store(ENVIRONMENT)
MEDIA_ROOT = env.media_root()
STATIC_ROOT = STATE_DIR / "static"
STATIC_ROOT.mkdir(exist_ok=True)


def _bucket(prefix: str) -> dict[str, object]:
    return {
        "KIND": "s3",
        "PROVIDER": ENVIRONMENT.text("STORAGE_PROVIDER") or None,
        "BUCKET": ENVIRONMENT.text("AWS_STORAGE_BUCKET_NAME"),
        "PREFIX": prefix,
        "REGION": ENVIRONMENT.text("AWS_S3_REGION_NAME") or None,
        "ENDPOINT_URL": ENVIRONMENT.text("AWS_S3_ENDPOINT_URL") or None,
        "CUSTOM_DOMAIN": env.bare_domain(ENVIRONMENT.text("AWS_S3_CUSTOM_DOMAIN")) or None,
        "ACCESS_KEY_ID": ENVIRONMENT.text("AWS_ACCESS_KEY_ID"),
        "SECRET_ACCESS_KEY": ENVIRONMENT.text("AWS_SECRET_ACCESS_KEY"),
        "DEFAULT_ACL": ENVIRONMENT.text("AWS_DEFAULT_ACL") or None,
        "ADDRESSING_STYLE": ENVIRONMENT.text("AWS_S3_ADDRESSING_STYLE") or None,
        "USE_HTTPS": USE_HTTPS,
        "ALLOW_HTTP": ENVIRONMENT.flag("STORAGE_ALLOW_HTTP"),
    }


_STORES = {
    "disk": {"KIND": "local", "ROOT": MEDIA_ROOT, "PUBLIC_URL": f"{SITE_URL}/images/"},
    "static-disk": {"KIND": "local", "ROOT": STATIC_ROOT, "PUBLIC_URL": "/static/"},
}
# The bucket is known before it is used: the page copies the pictures first and sets USE_S3 afterwards.
HAS_BUCKET = all(ENVIRONMENT.text(name) for name in env.BUCKET_VARIABLES)
if HAS_BUCKET:
    _STORES |= {"bucket": _bucket("images/"), "static-bucket": _bucket("static/")}
if _elsewhere := env.elsewhere(ENVIRONMENT, STATE_DIR):
    _STORES[env.ELSEWHERE] = _elsewhere

# Private files have a place of their own. Both are known, so that an archive can be removed from where it was put.
_STORES["exports-disk"] = {
    "KIND": "local",
    "ROOT": env.private_folder(ENVIRONMENT, STATE_DIR),
    "INTERNAL_URL": ENVIRONMENT.text("EXPORTS_INTERNAL_URL"),
}
EXPORTS_STORE = "exports-disk"
if ENVIRONMENT.text("EXPORTS_STORAGE_BUCKET_NAME"):
    EXPORTS_STORE = "exports-bucket"
    # Another service is known by its address alone; else it is the one that the public files are at.
    _has_own_service = bool(ENVIRONMENT.text("EXPORTS_S3_ENDPOINT_URL"))
    _STORES[EXPORTS_STORE] = {
        "KIND": "s3",
        "PROVIDER": None if _has_own_service else ENVIRONMENT.text("STORAGE_PROVIDER") or None,
        "BUCKET": ENVIRONMENT.text("EXPORTS_STORAGE_BUCKET_NAME"),
        "REGION": ENVIRONMENT.text("EXPORTS_S3_REGION_NAME") or ENVIRONMENT.text("AWS_S3_REGION_NAME") or None,
        "ENDPOINT_URL": ENVIRONMENT.text("EXPORTS_S3_ENDPOINT_URL") or ENVIRONMENT.text("AWS_S3_ENDPOINT_URL") or None,
        "ACCESS_KEY_ID": ENVIRONMENT.text("EXPORTS_ACCESS_KEY_ID"),
        "SECRET_ACCESS_KEY": ENVIRONMENT.text("EXPORTS_SECRET_ACCESS_KEY"),
        "USE_HTTPS": USE_HTTPS,
        "ALLOW_HTTP": ENVIRONMENT.flag("STORAGE_ALLOW_HTTP"),
    }
elif _described := env.private_elsewhere(ENVIRONMENT, STATE_DIR):
    EXPORTS_STORE = "exports-elsewhere"
    _STORES[EXPORTS_STORE] = _described
EXPORTS_DAYS = ENVIRONMENT.number("EXPORTS_DAYS")

_COPIES = ENVIRONMENT.number("STORAGE_CACHE_MB")
EXTERNAL_STORAGE = {
    "STORES": _STORES,
    "ALIASES": {
        "default": {
            "ACTIVE": MEDIA_STORE,
            "STORES": [name for name in (env.DISK, env.BUCKET, env.ELSEWHERE) if name in _STORES],
            "PUBLISHING_RULE": "bookwyrm.images.publishing.may_publish",
            "DERIVED_KEYS": "bookwyrm.images.thumbnails.derived_keys",
            "SERVING": ENVIRONMENT.text("STORAGE_SERVING"),
        },
        "staticfiles": {
            "ACTIVE": "static-bucket" if USE_S3 else "static-disk",
            "STORES": [name for name in ("static-disk", "static-bucket") if name in _STORES],
        },
        "exports": {"ACTIVE": EXPORTS_STORE, "PRIVATE": True},
    },
    "DEADLINE": ENVIRONMENT.number("STORAGE_DEADLINE"),
    "STATE_DIR": STATE_DIR / "transfer",
    "CACHE": {"FOLDER": STATE_DIR / "copies", "MOST_BYTES": _COPIES * 2**20} if _COPIES else None,
    "SECRET_FILES": [ENVIRONMENT.source.absolute()],
    # What the owner calls these values, so that a message names what he can change.
    "CONFIGURED_BY": {
        **env.STORAGE_VARIABLES,
        **store_url.CALLED,
        "ACCESS_KEY_ID": "AWS_ACCESS_KEY_ID",
        "SECRET_ACCESS_KEY": "AWS_SECRET_ACCESS_KEY",
        "USE_HTTPS": "USE_HTTPS",
        "ACTIVE": "USE_S3",
    },
    # Every origin this site's pages may be read at; its fonts are fetched from the bucket with one of these.
    "SITE_ORIGINS": CSRF_TRUSTED_ORIGINS,
    "COMMAND_PREFIX": "./bw-dev",
}
STORAGES = {
    "default": {"BACKEND": "external_storage.django.backends.SiteStorage", "OPTIONS": {"alias": "default"}},
    "staticfiles": {"BACKEND": "external_storage.django.backends.StaticStorage", "OPTIONS": {"alias": "staticfiles"}},
    "exports": {"BACKEND": "external_storage.django.backends.SiteStorage", "OPTIONS": {"alias": "exports"}},
}

# Where the site itself answers for its files, wherever they are; links go by where each alias stands.
MEDIA_URL = "/images/"
STATIC_URL = "/static/"

# It goes on answering when the files come from the bucket: pages opened before the move still refer to it.
WHITENOISE_STATIC_PREFIX = "/static/"
WHITENOISE_USE_FINDERS = False
WHITENOISE_AUTOREFRESH = DEBUG
WHITENOISE_IMMUTABLE_FILE_TEST = r"^.+\.[0-9a-f]{12}\.[^/]+$"

# An upload is read into memory by the picture code in any case, which has its own ceiling.
FILE_UPLOAD_MAX_MEMORY_SIZE = 12 * 2**20
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 2**20
FILE_UPLOAD_PERMISSIONS = 0o644

# Security

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = USE_HTTPS
CSRF_COOKIE_SECURE = USE_HTTPS
# Cookies ignore ports, so two sites on one machine would sign each other's people out under one name.
SESSION_COOKIE_NAME = "session" if USE_HTTPS else f"session-{ENVIRONMENT.text('PORT')}"
CSRF_COOKIE_NAME = "csrf" if USE_HTTPS else f"csrf-{ENVIRONMENT.text('PORT')}"
if USE_HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    # One day: long enough to matter, short enough that a site which gives up https comes back tomorrow.
    SECURE_HSTS_SECONDS = 86_400

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

# Mail: without a server, letters are files that only the owner of the machine can read.

if ENVIRONMENT.text("EMAIL_HOST"):
    EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    EMAIL_HOST = ENVIRONMENT.text("EMAIL_HOST")
    EMAIL_PORT = ENVIRONMENT.number("EMAIL_PORT")
    EMAIL_HOST_USER = ENVIRONMENT.text("EMAIL_HOST_USER")
    EMAIL_HOST_PASSWORD = ENVIRONMENT.text("EMAIL_HOST_PASSWORD")
    EMAIL_USE_TLS = ENVIRONMENT.flag("EMAIL_USE_TLS")
    EMAIL_TIMEOUT = 10
else:
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    EMAIL_FILE_PATH = STATE_DIR / "mail"
DEFAULT_FROM_EMAIL = SERVER_EMAIL = ENVIRONMENT.text("EMAIL_FROM") or f"books@{_HOST}"

# Background work

REDIS_URL = ENVIRONMENT.text("REDIS_URL")
TASKS = {
    "default": {
        "BACKEND": "bookwyrm.operate.celery_queue.CeleryBackend" if REDIS_URL else "django_tasks_db.DatabaseBackend"
    }
}

# What all processes count together, such as how often somebody has tried a password. A cull would forget tries, so it
# comes late.
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}
    if REDIS_URL
    else {
        "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
        "LOCATION": STATE_DIR / "cache",
        "TIMEOUT": 3600,
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}

OUTBOUND_ALLOWED_HOSTS = ENVIRONMENT.names("OUTBOUND_ALLOWED_HOSTS")

# Logs go to standard error; whoever runs the process keeps them (bw-dev: .bw/logs/).

DEFAULT_EXCEPTION_REPORTER_FILTER = "bookwyrm.operate.logs.SettingsWithoutSecrets"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"()": "bookwyrm.operate.logs.SecretFreeFormatter", "secrets": ENVIRONMENT.secrets()}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        "django.server": {"handlers": [], "propagate": True},
    },
}
