"""The signature is the one Amazon's documentation works out by hand."""

from __future__ import annotations

from external_storage.stores.s3.signing import EMPTY_PAYLOAD, Credentials, Signer, encode, encode_query

# https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
EXAMPLE = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
MIDNIGHT = 1369353600.0  # 20130524T000000Z


def signature_of(method: str, path: str, query: str, headers: dict[str, str], payload: str) -> str:
    Signer(EXAMPLE, "us-east-1").sign(method, path, query, headers, payload, now=MIDNIGHT)
    return headers["authorization"].rpartition("Signature=")[2]


def test_getting_a_part_of_an_object():
    headers = {"host": "examplebucket.s3.amazonaws.com", "range": "bytes=0-9"}
    signature = signature_of("GET", "/test.txt", "", headers, EMPTY_PAYLOAD)
    assert signature == "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"


def test_putting_an_object_with_an_encoded_name():
    headers = {
        "host": "examplebucket.s3.amazonaws.com",
        "date": "Fri, 24 May 2013 00:00:00 GMT",
        "x-amz-storage-class": "REDUCED_REDUNDANCY",
    }
    payload = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"
    signature = signature_of("PUT", "/" + encode("test$file.text"), "", headers, payload)
    assert signature == "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"


def test_listing_with_a_query():
    headers = {"host": "examplebucket.s3.amazonaws.com"}
    query = encode_query({"prefix": "J", "max-keys": "2"})
    signature = signature_of("GET", "/", query, headers, EMPTY_PAYLOAD)
    assert signature == "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"


def test_the_key_of_the_day_changes_with_the_day():
    signer = Signer(EXAMPLE, "us-east-1")
    authorizations = []
    for now in (MIDNIGHT, MIDNIGHT + 86_400, MIDNIGHT):
        headers = {"host": "h"}
        signer.sign("GET", "/", "", headers, EMPTY_PAYLOAD, now=now)
        authorizations.append(headers["authorization"])
    assert authorizations[0] == authorizations[2] != authorizations[1]
    assert "/20130525/us-east-1/s3/aws4_request" in authorizations[1]


def test_a_session_token_is_signed():
    headers = {"host": "h"}
    Signer(Credentials("id", "secret", "token"), "eu").sign("GET", "/", "", headers, EMPTY_PAYLOAD)
    assert headers["x-amz-security-token"] == "token"
    assert "x-amz-security-token" in headers["authorization"]


def test_credentials_do_not_show_their_secrets():
    shown = repr(Credentials("id", "hidden-secret", "hidden-token"))
    assert "hidden" not in shown
