"""Shelves people keep books on, and what they think of the books."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Count, F, Window
from django.db.models.functions import RowNumber
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..books.models import Edition


class ShelfQuerySet(models.QuerySet):
    def with_some_editions(self, owner, most: int = 6) -> list[Shelf]:
        """Return the owner's shelves, each with ``count`` and ``some_editions``, the latest *most* on it."""
        shelves = list(self.filter(owner=owner).annotate(count=Count("shelved")))
        latest = Window(RowNumber(), partition_by="shelf", order_by=[F("shelved_at").desc(), F("pk").desc()])
        shown = ShelvedBook.objects.for_cards().filter(shelf__in=shelves).alias(place=latest).filter(place__lte=most)
        by_shelf: dict[int, list[Edition]] = {shelf.pk: [] for shelf in shelves}
        for shelved in shown:
            by_shelf[shelved.shelf_id].append(shelved.edition)
        for shelf in shelves:
            shelf.owner = owner
            shelf.some_editions = by_shelf[shelf.pk]
        return shelves


class Shelf(models.Model):
    TO_READ, READING, READ, STOPPED = "to-read", "reading", "read", "stopped-reading"
    DEFAULTS = ((TO_READ, _("To read")), (READING, _("Reading")), (READ, _("Read")), (STOPPED, _("Stopped reading")))

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="shelves", verbose_name=_("owner")
    )
    identifier = models.SlugField(_("identifier"), max_length=100)
    name = models.CharField(_("name"), max_length=100, blank=True)
    created_at = models.DateTimeField(_("made on"), auto_now_add=True)
    editions = models.ManyToManyField(Edition, through="ShelvedBook", related_name="shelves")

    objects = ShelfQuerySet.as_manager()

    class Meta:
        verbose_name = _("shelf")
        verbose_name_plural = _("shelves")
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["owner", "identifier"], name="one_shelf_per_identifier")]

    def __str__(self) -> str:
        return str(self.shown_name)

    @property
    def is_default(self) -> bool:
        return self.identifier in dict(self.DEFAULTS)

    @property
    def shown_name(self) -> str:
        """A default shelf's name in the reader's language, or what the owner of another one wrote."""
        return dict(self.DEFAULTS).get(self.identifier, self.name)

    def get_absolute_url(self) -> str:
        return reverse("shelf", args=[self.owner.username, self.identifier])


class ShelvedBookQuerySet(models.QuerySet):
    def for_cards(self) -> ShelvedBookQuerySet:
        return self.select_related("edition__work").prefetch_related("edition__work__authors")


class ShelvedBook(models.Model):
    shelf = models.ForeignKey(Shelf, on_delete=models.CASCADE, related_name="shelved")
    edition = models.ForeignKey(Edition, on_delete=models.CASCADE, related_name="shelved")
    shelved_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = ShelvedBookQuerySet.as_manager()

    class Meta:
        ordering = ["-shelved_at", "-pk"]
        constraints = [models.UniqueConstraint(fields=["shelf", "edition"], name="a_book_once_per_shelf")]

    def __str__(self) -> str:
        return f"{self.edition_id} on {self.shelf_id}"


class Review(models.Model):
    """A rating, a text, or both, by one person on one edition."""

    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="reviews", verbose_name=_("written by")
    )
    edition = models.ForeignKey(Edition, on_delete=models.CASCADE, related_name="reviews", verbose_name=_("edition"))
    rating = models.PositiveSmallIntegerField(
        _("rating"), null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(5)]
    )
    title = models.CharField(_("title"), max_length=200, blank=True)
    text = models.TextField(_("review"), blank=True, max_length=20000)
    created_at = models.DateTimeField(_("written on"), default=timezone.now, editable=False, db_index=True)
    edited_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = _("review")
        verbose_name_plural = _("reviews")
        ordering = ["-created_at", "-pk"]
        constraints = [models.UniqueConstraint(fields=["author", "edition"], name="one_review_per_person_and_book")]

    def __str__(self) -> str:
        return self.title or f"{self.edition_id}: {self.rating}"
