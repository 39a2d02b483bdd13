"""What every client is to give each object, so that they do the same work."""

from external_storage.objects import IMMUTABLE

PREFIX = "images/"
ACL = "public-read"
CACHE_CONTROL = IMMUTABLE
