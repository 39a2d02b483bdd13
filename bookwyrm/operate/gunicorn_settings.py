"""gunicorn's settings; `bookwyrm.operate.web` names the sockets in the environment, a container names an address."""

import os
from pathlib import Path

from bookwyrm.operate.processes import end_with_parent

if _sockets := os.environ.get("BOOKWYRM_LISTEN_FDS"):
    bind = [f"fd://{descriptor}" for descriptor in _sockets.split(",")]
    end_with_parent()
else:
    bind = [os.environ.get("BOOKWYRM_LISTEN", "127.0.0.1:1333")]

workers = int(os.environ.get("WEB_WORKERS") or 2)
threads = 8
worker_class = "bookwyrm.operate.web_worker.DrainingWorker"

# One import of the site for all workers of a generation: quicker to start, and a generation never mixes two versions.
preload_app = True

# Longer than the keep-alive time of the proxy in deploy/nginx, so that the proxy is who lets go of idle connections.
keepalive = 20
# A stopping worker waits for the requests it has begun, and for idle connections as long as they were promised.
graceful_timeout = 60
timeout = 60

worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - a heartbeat, never on a slow disk
control_socket_disable = True

# Requests are logged by the proxy. Their addresses hold invitations and password resets, so the site does not.
accesslog = None
errorlog = "-"
loglevel = "info"
