"""A site in the middle of a move gets a new release."""

from __future__ import annotations

from external_storage.django.moving import database, state


def test_a_file_of_marks_that_an_earlier_release_made_is_gone_on_with(site):
    site.climb("begin_mirroring", target="other")
    with database.transaction():
        database.run("ALTER TABLE external_storage_aliasstate DROP COLUMN linked")
    database.close()
    state.forget()
    assert state.fresh_state_of("default").standby == "other"
    assert site.climb("begin_handover").linked == "disk"
