"""A whole journey of an alias, from store to store and back, by the command that people type."""

from __future__ import annotations

import io
import json

import pytest
from django.core.management import call_command

from external_storage.django.moving.state import fresh_state_of

pytestmark = pytest.mark.django_db(transaction=True)


def run(*arguments: str) -> list[str]:
    out = io.StringIO()
    call_command(*arguments, stdout=out, stderr=out)
    return out.getvalue().splitlines()


@pytest.fixture
def site(site_with_bucket):
    site_with_bucket.deadline = 0.5
    site_with_bucket.configure()
    return site_with_bucket


def test_the_files_go_to_the_bucket_and_come_home(site):
    names = [site.save(f"covers/{number}.txt", f"cover {number}") for number in range(20)]
    site.put("disk", "secret.txt", "never public")
    said = json.loads(run("storage_move", "default", "bucket", "--json")[-1])
    assert (said["step"], said["active"], said["standby"], said["exit_code"]) == ("switched", "bucket", "disk", 0)
    assert set(site.held("bucket")) == set(names)
    late = site.save("covers/late.txt", "late")
    site.storage.delete(names[0])
    said = run("storage_move", "default", "disk", "--settle")
    state = fresh_state_of("default")
    assert (state.step, state.active, state.retired) == ("settled", "disk", ("bucket",))
    assert set(site.held("disk")) == {*names[1:], late, "secret.txt"}
    assert site.read(late) == "late"
    assert said[-1].endswith("The files of 'default' are in 'disk'.")
