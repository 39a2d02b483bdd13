"""Keep a site's files in any store, and move them between stores while the site runs."""

__version__ = "0.1.0"
