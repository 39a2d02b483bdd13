"""A certificate authority for one test run, and a certificate from it."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from .absent import program_path


@dataclass(frozen=True)
class Certificates:
    """Files in PEM form: what a client must trust, and what a server shows."""

    authority: Path
    certificate: Path
    key: Path


def issue_certificates(directory: Path, *names: str) -> Certificates:
    """Make an authority and one certificate for *names* (host names and 127.0.0.1), valid for two days."""
    openssl = program_path("openssl", added_by="apt-get install -y openssl")
    made = Certificates(directory / "authority.pem", directory / "server.pem", directory / "server.key")
    authority_key = directory / "authority.key"
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    _run(
        [
            *(openssl, "req", "-x509", *new_key, "-subj", "/CN=Test authority"),
            *("-keyout", str(authority_key), "-out", str(made.authority)),
            *("-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign"),
        ]
    )
    alternatives = ",".join([*(f"DNS:{name}" for name in names), "IP:127.0.0.1"])
    _run(
        [
            *(openssl, "req", "-x509", *new_key, "-subj", f"/CN={names[0] if names else '127.0.0.1'}"),
            *("-CA", str(made.authority), "-CAkey", str(authority_key)),
            *("-keyout", str(made.key), "-out", str(made.certificate)),
            *("-addext", f"subjectAltName={alternatives}", "-addext", "basicConstraints=critical,CA:FALSE"),
            *("-addext", "extendedKeyUsage=serverAuth"),
        ]
    )
    return made


def public_key_digest(certificate: Path) -> str:
    """Return the base64 SHA-256 of the certificate's public key, the form browsers pin keys in."""
    import base64
    import hashlib

    openssl = program_path("openssl", added_by="apt-get install -y openssl")
    pem = _run([openssl, "x509", "-in", str(certificate), "-pubkey", "-noout"])
    der = base64.b64decode("".join(pem.decode().splitlines()[1:-1]))
    return base64.b64encode(hashlib.sha256(der).digest()).decode()


def _run(command: list[str]) -> bytes:
    return subprocess.run(command, check=True, capture_output=True).stdout
