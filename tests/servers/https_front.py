"""Put a site and its bucket behind HTTPS, the way a host's proxy does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from .certificates import Certificates
from .nginx import Nginx, nginx
from .processes import free_ports
from .s3 import Bucket

SITE, MEDIA = "books.test", "media.test"

BLOCKS = """
    ssl_certificate {certificates.certificate};
    ssl_certificate_key {certificates.key};
    client_max_body_size 20m;
    server {{
        listen 127.0.0.1:{port} ssl default_server;
        server_name {media};
        location / {{
            proxy_pass {bucket.public_url}/;
        }}
    }}
    server {{
        listen 127.0.0.1:{port} ssl;
        server_name {site};
        location / {{
            proxy_pass http://127.0.0.1:{site_port};
            proxy_set_header Host $host;
            proxy_set_header X-Forwarded-Proto https;
            proxy_set_header X-Forwarded-For $remote_addr;
        }}
    }}
"""


@dataclass(frozen=True)
class HttpsFront:
    """One TLS *port* for ``books.test`` and ``media.test``; any other name, and 127.0.0.1, leads to the bucket."""

    port: int
    nginx: Nginx


@contextmanager
def https_front(certificates: Certificates, *, site_port: int, bucket: Bucket) -> Iterator[HttpsFront]:
    (port,) = free_ports(1)
    blocks = BLOCKS.format(
        certificates=certificates, port=port, site=SITE, media=MEDIA, site_port=site_port, bucket=bucket
    )
    with nginx(blocks, port=port) as server:
        yield HttpsFront(port, server)
