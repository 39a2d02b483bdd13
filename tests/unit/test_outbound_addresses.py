"""Which addresses belong to the open Internet (ATTACKS A14)."""

from __future__ import annotations

import pytest

from bookwyrm.outbound.addresses import is_disguised_number, may_connect


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.1",
        "192.168.1.1",
        "198.18.0.1",
        "203.0.113.7",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:7f00:1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a00:1",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "3fff::1",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "not an address",
        "",
    ],
)
def test_an_address_that_is_not_of_the_open_internet_may_not_be_connected_to(address):
    assert not may_connect(address)


@pytest.mark.parametrize(
    "address",
    [
        *("1.1.1.1", "93.184.216.34", "100.63.255.255", "172.32.0.1", "192.169.0.1"),
        *("2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"),
    ],
)
def test_an_address_of_the_open_internet_may_be_connected_to(address):
    assert may_connect(address)


@pytest.mark.parametrize(
    "host", ["2130706433", "0x7f000001", "0x7f.1", "0X7F.0.0.1", "017700000001", "0177.0.0.1", "127.1", "127.0.1", "1."]
)
def test_an_odd_spelling_of_a_number_is_recognised(host):
    assert is_disguised_number(host)


@pytest.mark.parametrize("host", ["127.0.0.1", "93.184.216.34", "books.example", "1.example", "0x.example", "::1"])
def test_a_plain_host_is_not_taken_for_a_disguised_number(host):
    assert not is_disguised_number(host)
