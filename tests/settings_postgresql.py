"""The tests' settings with PostgreSQL for the database: ``TESTS_DATABASE_URL`` names the server."""

import os

import dj_database_url

from tests.settings import *  # noqa: F403

DATABASES = {"default": dj_database_url.parse(os.environ["TESTS_DATABASE_URL"])}
