"""Work out where a bucket's objects are read by anyone, and who could listen, without asking the network."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import quote, urlsplit

from . import Provider, recognise

NO_REGION = "us-east-1"  # where Amazon puts a bucket whose maker names no region


def public_url(
    bucket: str,
    *,
    prefix: str = "",
    region: str | None = None,
    endpoint_url: str | None = None,
    custom_domain: str | None = None,
    use_https: bool = True,
    provider: Provider | None = None,
) -> str:
    """Return the URL below which the objects of *bucket* under *prefix* are read, ending in ``/``.

    | custom domain | endpoint        | result                                                                |
    | ------------- | --------------- | --------------------------------------------------------------------- |
    | given         | any             | the custom domain; a scheme or slashes around it are tolerated         |
    | none          | none (Amazon)   | the bucket's own host, or path style where dots would break TLS        |
    | none          | a known service | the service's public URL for a bucket                                 |
    | none          | any other       | path style below the endpoint                                         |

    *provider* is the service where the owner has named it; else the endpoint tells. *use_https* sets the scheme, save
    that an endpoint which itself speaks plain HTTP is never linked to with ``https``.
    """
    scheme = "https" if use_https else "http"
    if custom_domain:
        base = f"{scheme}://{bare_domain(custom_domain)}"
    elif endpoint_url is None:
        base = f"{scheme}://{_amazon_host(bucket, region or NO_REGION)}"
    else:
        base = _below_endpoint(bucket, region, endpoint_url, scheme, provider or recognise(endpoint_url))
    return f"{base}/{quote(prefix.strip('/') + '/')}" if prefix.strip("/") else f"{base}/"


def bare_domain(domain: str) -> str:
    """Return *domain* without scheme and outer slashes: ``https://media.example/x/`` is ``media.example/x``.

    A path in it is kept: a bucket without a name of its own is reached as ``store.example:9000/bucket``.
    """
    return domain.strip().partition("://")[2].strip("/") if "://" in domain else domain.strip().strip("/")


def origin(url: str) -> str:
    """Return the ``scheme://host[:port]`` of *url*, the form CORS and Content-Security-Policy speak in."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def is_in_the_clear(url: str) -> bool:
    """Return whether others could read what is sent to *url*: by plain http, and not to this machine itself."""
    parts = urlsplit(url)
    return parts.scheme == "http" and not is_this_machine(parts.hostname or "")


def is_this_machine(host: str) -> bool:
    """Return whether *host* means, wherever it is asked for, the machine that asks."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _amazon_host(bucket: str, region: str) -> str:
    domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    # Amazon's certificate covers one label before "s3", so a bucket with dots in its name has no valid host of its own:
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
    return f"s3.{region}.{domain}/{bucket}" if "." in bucket else f"{bucket}.s3.{region}.{domain}"


def _below_endpoint(bucket: str, region: str | None, endpoint_url: str, scheme: str, provider: Provider) -> str:
    endpoint = urlsplit(endpoint_url)
    if endpoint.scheme == "http":
        scheme = "http"
    template = provider.public_url
    has_own_host = template.startswith("{bucket}.")
    if template and not ("." in bucket and has_own_host) and (region or "{region}" not in template):
        return f"{scheme}://{template.format(bucket=bucket, region=region)}"
    return f"{scheme}://{endpoint.netloc}{endpoint.path.rstrip('/')}/{bucket}"
