"""Run the site: the supervisor behind ``bw-dev up``, the web workers, and the background work."""
