"""A believable library, invented from a seed: for trying the site out, for tests and for measurements.

`library` invents (pure), `covers` draws (pure), `filling` writes rows and files.
"""

from .library import DemoAuthor, DemoBook, DemoLibrary, DemoPerson, DemoReview

__all__ = ["DemoAuthor", "DemoBook", "DemoLibrary", "DemoPerson", "DemoReview"]
