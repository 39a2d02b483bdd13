"""Settings for the worker processes of test_operate_tasks: the site's own, with less patience."""

from bookwyrm.settings import *  # noqa: F403
from bookwyrm.settings import TASKS

TASKS["default"]["OPTIONS"] = {"RETRY_PAUSES": (0.3, 0.3, 0.3), "VISIBILITY_SECONDS": 3}
