"""Who we are to the API server: what is sent with each request, and where it is had again.

Never nobody: where a kubeconfig's user names a way to authenticate, it gives credentials or an
error. Requests of anonymous users are answered, too (``/version``), and a run of one would find a
cluster in which nothing is.
"""

import base64
import datetime
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from aicr_pytest.cluster.kubeconfig import Target, choose
from aicr_pytest.cluster.plugin import PATIENCE, Awaiting, Given, Plugin
from aicr_pytest.cluster.shapes import Section, token_in
from aicr_pytest.errors import SettingsError

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where a pod finds its service account's token and the cluster's CA."""
_FILE_AGE = 60.0
"""Seconds for which a token's file is not read again; kubelet rotates long before expiry."""
_LARGEST = 1 << 16
"""Bytes that are read of a token's file; no server takes a header as long."""
_EARLY = datetime.timedelta(seconds=30)
"""How long before its expiry a token is asked for again, at most: requests take time."""


class Credentials(Protocol):
    """What says to the API server who we are; used from several threads."""

    def header(self) -> str:
        """The value of ``Authorization``; empty where none is sent. Renewed before its expiry.

        Raises:
            AccessDenied: it cannot be renewed.
        """

    def renew(self, refused: str) -> bool:
        """After a 401: whether there is another header than the one that was refused.

        Raises:
            AccessDenied: it cannot be renewed.
        """

    def certificate(self) -> tuple[str, str]:
        """Client certificate and key, PEM; both empty where there is none."""


class Written:
    """What a kubeconfig's user holds: a token, a name with a password, a client certificate.

    Tools that log in again write it there, so that it is read again where it is refused.

    Args:
        again: gives the user as the kubeconfig has it by now.
    """

    def __init__(self, user: Section, again: Callable[[], Section]) -> None:
        self._again = again
        self._lock = threading.Lock()
        self._value = _written_header(user)
        self._certificate = _written_certificate(user)
        self._renewed = "", ""

    def header(self) -> str:
        """The value of ``Authorization``; empty where there is a certificate alone."""
        return self._value

    def renew(self, refused: str) -> bool:
        """Whether the kubeconfig holds something else by now."""
        with self._lock:
            try:
                user = self._again()
                value, certificate = _written_header(user), _written_certificate(user)
            except SettingsError:
                return False  # it is being written, or is of another cluster or user by now
            if bool(value) != bool(self._value):
                return False  # another way to log in is another run's; and never nobody
            self._value = value
            if certificate != self._certificate:
                self._certificate = self._renewed = certificate
            # Another thread may have been here before: what was refused was the old one.
            return value != refused or bool(self._renewed[0])

    def certificate(self) -> tuple[str, str]:
        """The one that was read again; the kubeconfig's first one stands with the connection."""
        return self._renewed


def _written_header(user: Section) -> str:
    if token := user.text("token"):
        return f"Bearer {token_in(token, f'{user.where}.token')}"
    name, password = user.text("username"), user.text("password")
    if name or password:
        return f"Basic {base64.b64encode(f'{name}:{password}'.encode()).decode()}"
    return ""


def _written_certificate(user: Section) -> tuple[str, str]:
    """Client certificate and key, PEM; empty where there are none, or not now."""
    try:
        certificate, key = (_held(user, name) for name in ("client-certificate", "client-key"))
    except (OSError, ValueError, SettingsError):
        return "", ""  # said where the connection is made
    whole = certificate and key
    return (certificate.decode("latin-1"), key.decode("latin-1")) if whole else ("", "")


def _held(user: Section, name: str) -> bytes:
    path = user.path(name)
    return user.data(f"{name}-data") or (Path(path).read_bytes() if path else b"")


class TokenFile:
    """A token that somebody else rotates in a file."""

    def __init__(self, path: str, where: str, *, age: float = _FILE_AGE) -> None:
        self._path = path
        self._where = where
        self._age = age
        self._lock = threading.Lock()
        self._value = self._read()
        self._read_at = time.monotonic()

    def header(self) -> str:
        """The value of ``Authorization``; the file is read again once it is older."""
        with self._lock:
            if time.monotonic() - self._read_at >= self._age:
                self._again()
            return self._value

    def renew(self, refused: str) -> bool:
        """Whether the file holds another token by now."""
        with self._lock:
            self._again()
            return self._value != refused

    def certificate(self) -> tuple[str, str]:
        """None of its own."""
        return "", ""

    def _again(self) -> None:
        self._read_at = time.monotonic()
        try:
            self._value = self._read()
        except SettingsError:
            return  # caught while it is being written; the old token may be good for long

    def _read(self) -> str:
        where = f"{self._where}: {self._path}"
        try:
            with Path(self._path).open("rb") as file:
                data = file.read(_LARGEST)
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "no path"
            raise SettingsError(f"{where}: cannot be read: {why}.") from error
        return f"Bearer {token_in(data.decode('ascii', errors='replace'), where)}"


class Asked:
    """Credentials of a plugin; asked when first needed."""

    def __init__(
        self,
        plugin: Plugin,
        awaiting: Awaiting,
        *,
        clean: Callable[[str], str] = str,
        patience: float = PATIENCE,
        now: Callable[[], datetime.datetime] = lambda: datetime.datetime.now(datetime.UTC),
    ) -> None:
        self._plugin = plugin
        self._awaiting = awaiting
        self._clean = clean
        self._patience = patience
        self._now = now
        self._lock = threading.Lock()
        self._given: Given | None = None
        self._renew_at: datetime.datetime | None = None

    def header(self) -> str:
        """The value of ``Authorization``; empty where the plugin gives a certificate alone."""
        with self._lock:
            return self._header_of(self._valid())

    def renew(self, refused: str) -> bool:
        """Ask again, unless another thread has done so since."""
        with self._lock:
            given = self._given
            if given is None or self._header_of(given) == refused:
                self._ask()
            after = self._valid()
            return self._header_of(after) != refused or (
                given is not None and after.certificate != given.certificate
            )

    def certificate(self) -> tuple[str, str]:
        """What the plugin gave last."""
        with self._lock:
            given = self._valid()
            return given.certificate, given.key

    def _valid(self) -> Given:
        if self._given is None or (self._renew_at and self._now() >= self._renew_at):
            return self._ask()
        return self._given

    def _ask(self) -> Given:
        given = self._plugin.ask(self._awaiting, clean=self._clean, patience=self._patience)
        self._given, self._renew_at = given, None
        left = given.expires - self._now() if given.expires else datetime.timedelta()
        # One that has expired already says that a clock is wrong: asking before every request
        # would not help, and a 401 has it asked again.
        if given.expires and left > datetime.timedelta():
            self._renew_at = given.expires - min(_EARLY, left / 4)
        return given

    @staticmethod
    def _header_of(given: Given) -> str:
        return f"Bearer {given.token}" if given.token else ""


def credentials_of(
    target: Target, awaiting: Awaiting, *, clean: Callable[[str], str] = str
) -> Credentials:
    """The credentials of a target's user.

    Args:
        awaiting: is told where a plugin takes its time.
        clean: takes secrets out of a plugin's words.

    Raises:
        SettingsError: what the user names cannot be used.
    """
    user = target.user
    if not target.paths:
        return TokenFile(str(SERVICE_ACCOUNT / "token"), "In-cluster credentials")
    if "auth-provider" in user:
        raise SettingsError(
            f"{user.where}: auth-provider is no longer supported, by kubectl neither.\n"
            "  Let the cluster's own tool write the kubeconfig again, with a credential plugin."
        )
    token, file = user.text("token"), user.path("tokenFile")
    name, password = user.text("username"), user.text("password")
    if (token or file) and (name or password):
        raise SettingsError(f"{user.where}: has a token and a username; only one can be sent.")
    if file:  # before the token, which kubectl, too, uses only until it has read the file
        return TokenFile(file, f"{user.where}.tokenFile")
    if "exec" in user and not token:
        plugin = Plugin.read(
            user.section("exec"), target.cluster, context=target.context, try_with=target.kubectl
        )
        return Asked(plugin, awaiting, clean=clean)
    return Written(user, lambda: _user_again(target))


def _user_again(target: Target) -> Section:
    """The same user, by the kubeconfig as it is now.

    Raises:
        SettingsError: it is none any more, or leads to another server.
    """
    paths = target.paths
    file, listed = (paths[0], "") if len(paths) == 1 else (None, os.pathsep.join(paths))
    now = choose(file, target.context, {"KUBECONFIG": listed})
    if now.cluster.text("server") != target.cluster.text("server"):
        raise SettingsError(f"Context {target.context}: it leads to another server by now.")
    return now.user
