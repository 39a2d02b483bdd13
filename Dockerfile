# The site's image: the same code and the same pinned packages as without containers.
FROM python:3.12-slim-bookworm

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1
# The client that files reach a server over SFTP with; see docs/decisions/sftp-client.md.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends openssh-client \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --system --uid 10001 --create-home --home-dir /srv/bookwyrm bookwyrm
WORKDIR /srv/bookwyrm

# First the packages, which change seldom, then the code.
COPY requirements.lock ./
RUN pip install --require-hashes --requirement requirements.lock
COPY --chown=bookwyrm:bookwyrm . .
RUN install -d -m 0700 -o bookwyrm -g bookwyrm .bw && install -d -m 0755 -o bookwyrm -g bookwyrm images

USER bookwyrm
EXPOSE 1333
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["python", "-m", "bookwyrm.operate.healthy"]
CMD ["gunicorn", "--config", "python:bookwyrm.operate.gunicorn_settings", "bookwyrm.wsgi:application"]
