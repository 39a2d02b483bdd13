"""A site of its own: a copy of the tree, driven by nothing but `./bw-dev`, its `.env` and its pages."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import cache_from_source
from pathlib import Path

from tests.servers import Bucket, S3Server
from tests.servers.processes import free_ports, new_directory, running

PROJECT = Path(__file__).parents[2]

# What a shell of the operator's would have; everything else could change what the commands do.
KEPT_FROM_THE_ENVIRONMENT = ("PATH", "HOME", "LANG", "TMPDIR")

LONGEST_COMMAND = 180


@dataclass(frozen=True)
class Outcome:
    """What a command left behind: its exit code and everything it printed."""

    command: str
    exit_code: int
    printed: str

    @property
    def lines(self) -> list[str]:
        return self.printed.strip().splitlines()

    def __str__(self) -> str:
        return f"$ {self.command}\n{self.printed}[exit code {self.exit_code}]"


class CommandFailed(AssertionError):
    """A command of the page ended with another exit code than the page promises."""


@dataclass
class Instance:
    """A copy of the project at *root*, with a virtual environment that is already there."""

    root: Path
    port: int
    extra_environment: dict[str, str] = field(default_factory=dict)
    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def env_file(self) -> Path:
        return self.root / ".env"

    @property
    def images(self) -> Path:
        return self.root / "images"

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def run(self, command: str, *, expect: int | None = 0, patience: float = LONGEST_COMMAND) -> Outcome:
        """Run a line of the page in a shell, as its reader would; *expect* None takes any exit code."""
        finished = subprocess.run(
            ["bash", "-c", command],
            cwd=self.root,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=patience,
        )
        outcome = Outcome(command, finished.returncode, finished.stdout.decode(errors="replace"))
        self.outcomes.append(outcome)
        if expect is not None and outcome.exit_code != expect:
            raise CommandFailed(f"{outcome}\n{self.logs()}")
        return outcome

    def write_env(self) -> None:
        """Let the first command write `.env`, for somebody who fills it in before the first start."""
        self.run("./bw-dev check_settings")
        self.set(PORT=str(self.port))

    def start(self) -> Outcome:
        """Start the site for the first time; from then on `.env` holds the free port it listens on."""
        outcome = self.run(f"PORT={self.port} ./bw-dev up -d")
        self.set(PORT=str(self.port))
        return outcome

    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in KEPT_FROM_THE_ENVIRONMENT if name in os.environ}
        return {**kept, "BOOKWYRM_VENV": sys.prefix, **self.extra_environment}

    def logs(self) -> str:
        files = sorted((self.root / ".bw").rglob("*.log"))
        return "\n".join(f"--- {file.name}\n{file.read_text(errors='replace')[-4000:]}" for file in files)

    def set(self, **values: str | None) -> None:
        """Edit `.env` as a person does: uncomment or change a line; None comments it out."""
        text = self.env_file.read_text()
        for name, value in values.items():
            line = f"# {name}=" if value is None else f"{name}={value}"
            text, found = re.subn(rf"^#? *{name}=.*$", line.replace("\\", r"\\"), text, count=1, flags=re.MULTILINE)
            if not found and value is not None:
                text = text.rstrip("\n") + f"\n{line}\n"
        self.env_file.write_text(text)

    def setting(self, name: str) -> str | None:
        found = re.search(rf"^{name}=(.*)$", self.env_file.read_text(), flags=re.MULTILINE)
        return found[1].strip().strip("\"'") if found else None

    def use_bucket(self, server: S3Server, bucket: Bucket) -> None:
        """Fill in the settings the page asks for (not `USE_S3` yet)."""
        self.set(
            AWS_ACCESS_KEY_ID=server.access_key_id,
            AWS_SECRET_ACCESS_KEY=server.secret_access_key,
            AWS_STORAGE_BUCKET_NAME=bucket.name,
            AWS_S3_REGION_NAME=f'"{server.region}"',
            AWS_S3_CUSTOM_DOMAIN=bucket.public_url.removeprefix("http://"),
            AWS_S3_ENDPOINT_URL=f'"{server.endpoint_url}"',
            AWS_DEFAULT_ACL="public-read" if server.access_model == "acl" else "none",
        )

    def secrets(self) -> list[str]:
        """Everything in `.env` that no output, log or page may ever contain."""
        names = ("AWS_SECRET_ACCESS_KEY", "SECRET_KEY", "EMAIL_HOST_PASSWORD")
        return [value for name in names if (value := self.setting(name))]

    def media_files(self) -> dict[str, bytes]:
        """Every file below `images/`, by its key."""
        files = (path for path in self.images.rglob("*") if path.is_file())
        return {path.relative_to(self.images).as_posix(): path.read_bytes() for path in files}


@contextmanager
def new_instance(**extra_environment: str) -> Iterator[Instance]:
    """Yield a fresh copy of the tree that nothing has been run in; take the site down when the block ends.

    The site goes down, and the copy goes away, even when this process is killed.
    """
    directory = new_directory("instance")
    root = directory / "site"
    root.mkdir()
    copy_of_the_tree(root)
    (port,) = free_ports(1)
    instance = Instance(root, port, extra_environment)
    ready = directory / "ready"
    take_down = f"cd {root} && [ -d .bw ] && ./bw-dev down"
    keep = f"trap {shlex.quote(take_down)} TERM; touch {ready}; sleep infinity & wait $!"
    with running(
        ["bash", "-c", keep], directory=directory, answers=ready.exists, environment=instance.environment(), patience=10
    ):
        yield instance


def copy_of_the_tree(root: Path) -> None:
    """Copy what a clone would hold if the working tree were committed as it stands, and what is compiled of it."""
    list_files = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(list_files, cwd=PROJECT, check=True, capture_output=True).stdout.decode().split("\0")
    compiled = [cache_from_source(name) for name in listed if name.endswith(".py")]
    there = [name for name in (*listed, *compiled) if name and (PROJECT / name).exists()]
    # The times of change come along: by them Python knows what is compiled from the file as it stands.
    subprocess.run(["cp", "--archive", "--parents", "--", *there, str(root)], cwd=PROJECT, check=True)
