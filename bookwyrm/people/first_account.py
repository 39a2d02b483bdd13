"""Let the owner of the machine, and nobody else, make the first account.

`make_code` is called on the machine itself; whoever holds the code may use it once, within a day, at ``/setup/``.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from django.utils import timezone

from .models import AdminCode, User

LIFETIME = timedelta(hours=24)
# Without the letters and digits that are taken for one another (0 and O, 1, I and L).
ALPHABET = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
LENGTH = 16


def make_code() -> str:
    """Return a new code in groups of four. Codes made before are void; only a digest of this one is kept."""
    letters = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    AdminCode.objects.all().delete()
    AdminCode.objects.create(digest=_digest(letters), expires_at=timezone.now() + LIFETIME)
    return "-".join(letters[start : start + 4] for start in range(0, LENGTH, 4))


def use_code(code: str) -> bool:
    """Use up *code*; return whether it was a valid one. Of two people at once, one gets True."""
    deleted, _ = AdminCode.objects.filter(digest=_digest(code), expires_at__gt=timezone.now()).delete()
    return deleted == 1


def is_valid(code: str) -> bool:
    return AdminCode.objects.filter(digest=_digest(code), expires_at__gt=timezone.now()).exists()


def is_needed() -> bool:
    """Return whether the site still lacks an account that may do everything."""
    return not User.objects.filter(is_superuser=True, is_active=True).exists()


def _digest(code: str) -> str:
    # Eighty random bits need no slow hash: nobody can try them all.
    return hashlib.sha256("".join(code.upper().replace("-", "").split()).encode()).hexdigest()
