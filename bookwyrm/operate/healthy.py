"""Ask the site in this container whether it is well: ``python -m bookwyrm.operate.healthy``, exit code 0 or 1."""

from __future__ import annotations

import http.client
import os
import sys

from .. import env


def main() -> int:
    environment = env.read()
    port = int(os.environ.get("BOOKWYRM_LISTEN", ":1333").rpartition(":")[2])
    scheme = "https" if environment.flag("USE_HTTPS") else "http"
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=4)
    try:
        connection.request("GET", "/health", headers={"Host": "localhost", "X-Forwarded-Proto": scheme})
        return 0 if connection.getresponse().status == 200 else 1
    except (OSError, http.client.HTTPException) as error:
        print(f"The site does not answer on port {port}: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
