"""The site's settings for tests: never the developer's ``.env``, shell, database or pictures."""

import os
import tempfile
from pathlib import Path

from bookwyrm.env import VARIABLES

for _name in VARIABLES:
    os.environ.pop(_name, None)

_STATE = tempfile.TemporaryDirectory(prefix="bookwyrm-tests-")  # removed when the process ends
os.environ["BOOKWYRM_ENV_FILE"] = str(Path(__file__).with_name("test.env"))
os.environ["BOOKWYRM_STATE_DIR"] = _STATE.name
os.environ["MEDIA_ROOT"] = f"{_STATE.name}/images"

from bookwyrm.settings import *  # noqa: E402, F403

# Fast and weak on purpose: tests sign people in all the time.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
TASKS = {"default": {"BACKEND": "django_tasks.backends.immediate.ImmediateBackend"}}
