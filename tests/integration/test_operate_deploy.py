"""What `deploy/` and `compose.yaml` hold is accepted by the programs that read it, and fits the site."""

from __future__ import annotations

import json
import re
import secrets
import socket
import ssl
import subprocess
import urllib.request

import pytest
import yaml

from bookwyrm import env
from tests.instance.instance import new_instance
from tests.servers import nginx
from tests.servers.absent import ServerAbsent, program_path
from tests.servers.processes import free_ports

DEPLOY = env.CHECKOUT / "deploy"
UNIT = DEPLOY / "systemd" / "bookwyrm.service"
SITE = DEPLOY / "nginx" / "bookwyrm.conf"


@pytest.fixture
def systemd_analyze() -> str:
    try:
        return program_path("systemd-analyze", added_by="apt-get install -y systemd")
    except ServerAbsent as absent:
        pytest.skip(str(absent))


def test_systemd_accepts_the_unit(systemd_analyze, tmp_path):
    # The unit names a place that exists on a server; here it is this checkout.
    unit = tmp_path / "bookwyrm.service"
    text = UNIT.read_text().replace("/srv/bookwyrm", str(env.CHECKOUT))
    unit.write_text(re.sub(r"^(User|Group)=bookwyrm$", r"\1=root", text, flags=re.MULTILINE))
    done = subprocess.run([systemd_analyze, "verify", "--man=no", str(unit)], capture_output=True, text=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_systemd_rates_the_unit_as_well_protected(systemd_analyze):
    done = subprocess.run(
        [systemd_analyze, "security", "--offline=yes", "--no-pager", str(UNIT)], capture_output=True, text=True
    )
    rated = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    assert rated, done.stdout + done.stderr
    assert float(rated[1]) < 3


def test_systemd_is_told_when_the_site_answers_reloads_and_stops():
    name = f"@bookwyrm-{secrets.token_hex(8)}"
    with new_instance() as instance, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind("\0" + name[1:])
        systemd.settimeout(60)
        instance.write_env()
        site = subprocess.Popen(
            ["./bw-dev", "up"],
            cwd=instance.root,
            env={**instance.environment(), "NOTIFY_SOCKET": name},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            assert systemd.recv(1000) == b"READY=1"
            with urllib.request.urlopen(f"{instance.url}/health", timeout=10) as answer:
                assert answer.status == 200
            record = json.loads((instance.root / ".bw" / "supervisor.json").read_text())
            assert record["pid"] == site.pid  # Type=notify takes the word of the main process alone
            instance.run("./bw-dev up -d")
            assert systemd.recv(1000).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
            assert systemd.recv(1000) == b"READY=1"
            site.terminate()
            assert systemd.recv(1000) == b"STOPPING=1"
            assert site.wait(timeout=30) == 0
        finally:
            site.kill()


def on_this_machine(certificates, *, site_port: int) -> tuple[str, int]:
    """Return the nginx site with this machine's paths and free ports, and the port on which it speaks TLS."""
    plain, tls = free_ports(2)
    text = SITE.read_text()
    for written, here in (
        ("listen 80;", f"listen 127.0.0.1:{plain};"),
        ("listen [::]:80;", ""),
        ("listen 443 ssl http2;", f"listen 127.0.0.1:{tls} ssl http2;"),
        ("listen [::]:443 ssl http2;", ""),
        ("server 127.0.0.1:1333;", f"server 127.0.0.1:{site_port};"),
        ("/etc/letsencrypt/live/books.example.org/fullchain.pem", str(certificates.certificate)),
        ("/etc/letsencrypt/live/books.example.org/privkey.pem", str(certificates.key)),
        ("/var/cache/nginx/bookwyrm", "cache"),  # below the directory nginx is started with
        ("books.example.org", "books.test"),
    ):
        assert written in text, written
        text = text.replace(written, here)
    return text, tls


def test_nginx_serves_the_site_over_tls_with_the_configuration_as_it_stands(certificates, nginx_program):
    with new_instance() as instance:
        instance.write_env()
        instance.set(DOMAIN="books.test", USE_HTTPS="true")
        instance.run("./bw-dev up -d")
        text, tls = on_this_machine(certificates, site_port=instance.port)
        with nginx(text, port=tls):
            trusted = ssl.create_default_context(cafile=str(certificates.authority))
            trusted.check_hostname = False
            opener = urllib.request.build_opener(
                urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trusted)
            )

            def get(path: str):
                request = urllib.request.Request(f"https://127.0.0.1:{tls}{path}", headers={"Host": "books.test"})
                return opener.open(request, timeout=20)

            with get("/") as page:
                assert page.status == 200
                assert page.headers["Strict-Transport-Security"]
                html = page.read().decode()
                cookies = page.headers.get_all("Set-Cookie") or []
            assert "https://books.test" in html
            assert all("Secure" in cookie for cookie in cookies)
            style = re.search(r'href="(/static/[^"]+\.css)"', html)[1]
            with get(style) as first, get(style) as second:
                assert first.read() == second.read()
                assert second.headers["X-Cache"] == "HIT"


def test_the_upload_limit_of_nginx_lets_every_picture_through_that_the_site_takes():
    from bookwyrm.images import MOST_BYTES

    for file in ("bookwyrm.conf", "compose.conf"):
        limit = re.search(r"client_max_body_size (\d+)m;", (DEPLOY / "nginx" / file).read_text())
        assert int(limit[1]) * 2**20 > MOST_BYTES


def test_nginx_lets_go_of_idle_connections_before_the_site_does():
    from bookwyrm.operate import gunicorn_settings

    theirs = int(re.search(r"keepalive_timeout (\d+)s;", SITE.read_text())[1])
    assert theirs < gunicorn_settings.keepalive


def test_the_compose_file_is_well_formed_and_refers_to_what_exists():
    compose = yaml.safe_load((env.CHECKOUT / "compose.yaml").read_text())
    services = compose["services"]
    assert {"database", "redis", "web", "worker", "nginx"} <= set(services)
    named = set(compose["volumes"])
    for name, service in services.items():
        assert "image" in service or "build" in service, name
        assert set(service.get("depends_on", {})) <= set(services)
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source in named or (env.CHECKOUT / source).exists(), volume
    settings = services["web"]["environment"]
    # The password's place is taken by any word here.
    values = {name: re.sub(r"\$\{[^}]*\}", "word", value) for name, value in settings.items() if name in env.VARIABLES}
    checked = env.Environment({"SECRET_KEY": "k" * 50, **values}, env.CHECKOUT / ".env")
    assert env.check(checked) == []


def test_the_image_is_built_from_the_locked_packages_and_copies_no_secrets():
    dockerfile = (env.CHECKOUT / "Dockerfile").read_text()
    assert "--require-hashes --requirement requirements.lock" in dockerfile
    ignored = (env.CHECKOUT / ".dockerignore").read_text().splitlines()
    assert {".env", ".bw", "images", ".git"} <= set(ignored)


def test_the_lock_files_pin_every_package_with_hashes_and_name_no_address():
    for name in ("requirements.lock", "requirements-test.lock"):
        text = (env.CHECKOUT / name).read_text()
        assert "://" not in text and "--index" not in text.replace("--no-emit-index-url", "")
        requirements = re.findall(
            r"^([a-z0-9][a-z0-9._-]*)(\S*).*\\$(\n    --hash=sha256:[0-9a-f]{64})?", text, re.MULTILINE
        )
        assert len(requirements) > 30
        for package, version, hashed in requirements:
            assert version.startswith(("==", "[")) and hashed, package


def test_both_locks_agree_on_every_package_of_the_site():
    def pins(name: str) -> set[str]:
        return set(re.findall(r"^[a-z0-9][^ \\]*==[^ \\]*", (env.CHECKOUT / name).read_text(), re.MULTILINE))

    assert pins("requirements.lock") <= pins("requirements-test.lock")
