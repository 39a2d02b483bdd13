"""The site as a WSGI application."""

import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bookwyrm.settings")

application = get_wsgi_application()

# Django would read the pages' code at a worker's first request. By then a new version may lie on the disk, and half of
# it would meet half of ours; and a version that cannot be read has to fail here, before it gets the public.
_ = get_resolver().url_patterns
