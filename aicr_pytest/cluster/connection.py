"""How to reach the API server: the kubernetes client's configuration, made of a kubeconfig.

Not by the client's own loader, which joins paths by colons, leaves keys in files under ``/tmp``
that a killed process never removes, and reports a wrong shape with whatever error comes first.
"""

import atexit
import ctypes
import os
import shutil
import ssl
import tempfile
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aicr_pytest.cluster import proxies
from aicr_pytest.cluster.credentials import SERVICE_ACCOUNT, Credentials
from aicr_pytest.cluster.kubeconfig import Target
from aicr_pytest.cluster.shapes import Section
from aicr_pytest.errors import AccessDenied, SettingsError
from aicr_pytest.urls import in_url

_CLOSE_ON_EXEC = 1
"""MFD_CLOEXEC of linux/memfd.h."""


def configure(
    target: Target, credentials: Credentials, environ: Mapping[str, str] = os.environ
) -> Any:
    """The kubernetes client's ``Configuration`` for a target.

    Raises:
        SettingsError: the kubeconfig lacks what the chosen context needs.
        AccessDenied: the credential plugin gives none.
    """
    import kubernetes

    cluster = target.cluster
    # Typed in some versions, and differently: what counts is what it does. Not Configuration(): a
    # process-wide default that somebody has set would shine through.
    chosen: Any = type.__call__(kubernetes.client.Configuration)
    chosen.host = _in_cluster(environ) if not target.paths else _server(cluster)
    chosen.verify_ssl = not cluster.flag("insecure-skip-tls-verify")
    chosen.tls_server_name = cluster.text("tls-server-name") or None
    chosen.ssl_ca_cert = _authority(target) or None
    chosen.proxy, chosen.proxy_headers = _proxy(cluster, chosen.host)
    chosen.no_proxy = None  # it has been decided above
    header = credentials.header()  # before anything else is asked: a failing plugin ends it here
    if header:
        # "authorization" is what all supported versions of the client know.
        chosen.api_key["authorization"] = header

        def renew(configuration: Any) -> None:
            configuration.api_key["authorization"] = credentials.header()

        chosen.refresh_api_key_hook = renew
    identify(chosen, target.user, credentials.certificate())
    return chosen


def _in_cluster(environ: Mapping[str, str]) -> str:
    host = environ["KUBERNETES_SERVICE_HOST"]
    port = environ.get("KUBERNETES_SERVICE_PORT") or "443"
    return f"https://{in_url(host)}:{port}"


def _server(cluster: Section) -> str:
    where, address = f"{cluster.where}.server", cluster.text("server").strip()
    if not address:
        raise SettingsError(f"{where}: is missing.")
    if "://" not in address:
        # So client-go completes it.
        secure = any(
            name in cluster
            for name in (
                "certificate-authority",
                "certificate-authority-data",
                "insecure-skip-tls-verify",
            )
        )
        address = f"{'https' if secure else 'http'}://{address}"
    try:
        url = urllib.parse.urlsplit(address)
        _ = url.port
    except ValueError as error:
        raise SettingsError(f"{where}: not a server's address: {error}") from error
    if url.scheme not in ("http", "https") or not url.hostname:
        raise SettingsError(f"{where}: not a server's address: it must be https://HOST[:PORT].")
    if url.username or url.password:
        raise SettingsError(f"{where}: credentials do not belong in it, but under users.")
    if url.query or url.fragment or not address.isprintable() or " " in address:
        raise SettingsError(f"{where}: not a server's address: it holds more than a path.")
    return address.rstrip("/")


def _authority(target: Target) -> str:
    cluster = target.cluster
    if not target.paths:
        return str(SERVICE_ACCOUNT / "ca.crt")
    if cluster.text("certificate-authority-data"):
        path = keep_private(cluster.data("certificate-authority-data"))
    elif not (path := cluster.path("certificate-authority")):
        return ""
    try:
        ssl.create_default_context(cafile=path)
    except (OSError, ValueError) as error:  # ssl.SSLError is one
        key = "certificate-authority" + ("-data" if "certificate-authority-data" in cluster else "")
        raise SettingsError(f"{cluster.where}.{key}: no certificates: {_why(error)}.") from error
    return path


def _proxy(cluster: Section, server: str) -> tuple[str | None, dict[str, str] | None]:
    """URL of the proxy without credentials, and the headers that carry those."""
    where, named = f"{cluster.where}.proxy-url", cluster.text("proxy-url")
    url = urllib.parse.urlsplit(server)
    if not named:
        environment = proxies.environment()
        theirs = environment.get(url.scheme) or environment.get("all")
        if not (named := proxies.proxy_for(server, theirs, environment) or ""):
            return None, None
        where = "The proxy of the environment"
        named = named if "://" in named else f"http://{named}"
    try:
        proxy = urllib.parse.urlsplit(named)
        _ = proxy.port
    except ValueError as error:
        raise SettingsError(f"{where}: not an address.") from error
    if not named.isprintable() or " " in named:
        raise SettingsError(f"{where}: not an address: it holds blanks, or what is no text.")
    if proxy.scheme not in ("http", "https") or not proxy.hostname:
        raise SettingsError(
            f"{where}: only http:// and https:// proxies are supported, not {proxy.scheme!r}.\n"
            "  For a SOCKS proxy, run one beside it that speaks HTTP, or a tunnel to the server."
        )
    headers = None
    if proxy.username or proxy.password:
        import urllib3

        pair = ":".join(
            urllib.parse.unquote(part or "") for part in (proxy.username, proxy.password)
        )
        headers = dict(urllib3.util.make_headers(proxy_basic_auth=pair))
    bare = proxy.netloc.rpartition("@")[2]
    return f"{proxy.scheme}://{bare}", headers


def identify(chosen: Any, user: Section, given: tuple[str, str]) -> None:
    """Set the client certificate: the plugin's, else the kubeconfig's.

    Args:
        given: certificate and key of a plugin, PEM; empty where it gives none.

    Raises:
        SettingsError, AccessDenied: they cannot be used.
    """
    certificate, key = given
    if certificate:
        chosen.cert_file = keep_private(certificate.encode())
        chosen.key_file = keep_private(key.encode())
    else:
        chosen.cert_file = _file_of(user, "client-certificate") or None
        chosen.key_file = _file_of(user, "client-key") or None
    if not chosen.cert_file:
        return
    if not chosen.key_file:
        raise SettingsError(f"{user.where}: has a client certificate and no client-key.")
    try:
        # With a password that is wrong: else OpenSSL would ask at the terminal for it.
        ssl.create_default_context().load_cert_chain(
            chosen.cert_file, chosen.key_file, password=lambda: "\0"
        )
    except (OSError, ValueError) as error:
        message = f"client certificate and key cannot be used: {_why(error)}."
        if certificate:
            raise AccessDenied(f"{user.where}: the credential plugin's {message}") from error
        raise SettingsError(f"{user.where}: its {message}") from error


def _file_of(user: Section, name: str) -> str:
    if user.text(f"{name}-data"):
        return keep_private(user.data(f"{name}-data"))
    return user.path(name)


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return " ".join((error.reason or str(error)).replace("_", " ").lower().split())
    return (error.strerror if isinstance(error, OSError) else "") or str(error)


def keep_private(data: bytes) -> str:
    """A path under which this process, and no other user, reads the data; gone with the process.

    A file in memory where the system has them: it is gone however the process ends.
    """
    if (number := _memory_file()) is not None:
        os.write(number, data)
        return f"/proc/self/fd/{number}"
    folder = Path(tempfile.mkdtemp(prefix="aicr-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = folder / "pem"
    path.touch(mode=0o600)
    path.write_bytes(data)
    return str(path)


def _memory_file() -> int | None:
    """A descriptor of a new file in memory; None where the system has no such files."""
    name = "aicr-pytest"
    if hasattr(os, "memfd_create"):
        return os.memfd_create(name)
    # Some Pythons, those of uv among them, are built for older Linuxes than the one they run on:
    # they lack the call where the system has it.
    try:
        make = ctypes.CDLL(None).memfd_create
    except (AttributeError, OSError, TypeError):
        return None
    number: int = make(name.encode(), _CLOSE_ON_EXEC)
    return number if number >= 0 else None
