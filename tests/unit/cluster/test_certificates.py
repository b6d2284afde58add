"""Certificates of the API server and of ours: verified or told, in no file, renewed."""

import base64
import os
import pathlib
import ssl
import subprocess
import sys
import warnings
from collections.abc import Iterator

import pytest

from aicr_lab.kubernetes.pki import Authority
from aicr_pytest.cluster.kinds import NODE
from aicr_pytest.errors import SettingsError
from tests.unit.cluster.fake_api import FakeApi
from tests.unit.cluster.kubeconfigs import (
    Kubeconfig,
    answer,
    connect,
    runs,
)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    made = Authority(tmp_path_factory.mktemp("pki"))
    made.create()
    made.issue("server", "server", hosts=["other.example"])
    made.issue("jane", "jane")
    return made


@pytest.fixture
def secure(authority: Authority, tmp_path: pathlib.Path) -> Iterator[Kubeconfig]:
    """A kubeconfig of a fake API server that speaks TLS, under another name than 127.0.0.1."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server = authority.identity("server")
    context.load_cert_chain(server.certificate, server.key)
    with FakeApi(tls=context) as fake:
        yield Kubeconfig(fake, tmp_path)


def test_unverified_server_is_asked_without_a_warning_and_known(secure: Kubeconfig) -> None:
    path = secure({"token": "t"}, **{"insecure-skip-tls-verify": True})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        cluster = connect(path)
        cluster.list(NODE)

    assert caught == []
    assert not cluster.verified


def test_verified_server_is_known_by_its_name(secure: Kubeconfig, authority: Authority) -> None:
    trusted = {"certificate-authority": str(authority.certificate)}

    cluster = connect(secure({"token": "t"}, **trusted, **{"tls-server-name": "other.example"}))

    assert cluster.verified
    assert cluster.list(NODE) == []


def test_data_and_files_of_certificates_are_the_same(
    secure: Kubeconfig, authority: Authority
) -> None:
    jane = authority.identity("jane")

    def data(path: pathlib.Path) -> str:
        return base64.b64encode(path.read_bytes()).decode()

    path = secure(
        {"client-certificate-data": data(jane.certificate), "client-key-data": data(jane.key)},
        **{
            "certificate-authority-data": data(authority.certificate),
            "tls-server-name": "other.example",
        },
    )

    assert connect(path).list(NODE) == []


@pytest.mark.parametrize(
    ("user", "cluster", "says"),
    [
        ({}, {"certificate-authority-data": "%%%"}, "certificate-authority-data: is not base64"),
        ({}, {"certificate-authority-data": "AAAA"}, "certificate-authority-data: no certificates"),
        (
            {},
            {"certificate-authority": "absent"},
            "certificate-authority: no certificates: No such",
        ),
        ({"client-certificate-data": "AAAA"}, {}, "no client-key"),
        ({"client-certificate-data": "AAAA", "client-key-data": "AAAA"}, {}, "cannot be used"),
        ({"client-certificate": "absent", "client-key": "absent"}, {}, "cannot be used: No such"),
        ({"client-certificate-data": "%", "client-key-data": "AAAA"}, {}, "is not base64"),
    ],
)
def test_certificates_that_are_none_are_bad_input(
    secure: Kubeconfig, user: dict[str, str], cluster: dict[str, str], says: str
) -> None:
    with pytest.raises(SettingsError, match=says):
        connect(secure(user, **cluster))


def test_key_with_a_password_does_not_ask_for_it(secure: Kubeconfig, authority: Authority) -> None:
    from cryptography.hazmat.primitives import serialization

    jane = authority.identity("jane")
    key = serialization.load_pem_private_key(jane.key.read_bytes(), None)
    locked = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )
    (secure.folder / "key").write_bytes(locked)

    with pytest.raises(SettingsError, match="cannot be used"):
        connect(secure({"client-certificate": str(jane.certificate), "client-key": "key"}))


@pytest.mark.parametrize(
    "python", ["", "vars(os).pop('memfd_create', None); "], ids=["of Debian", "of uv"]
)
def test_key_is_in_no_file(
    secure: Kubeconfig, authority: Authority, tmp_path: pathlib.Path, python: str
) -> None:
    jane = authority.identity("jane")
    user = {
        "client-certificate": str(jane.certificate),
        "client-key-data": base64.b64encode(jane.key.read_bytes()).decode(),
    }
    path = secure(user, **{"insecure-skip-tls-verify": True})
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    program = (
        f"import os, signal; {python}from aicr_pytest.cluster.client import Cluster\n"
        f"Cluster.connect(kubeconfig={path!r}, run_id='x'); os.kill(os.getpid(), signal.SIGKILL)"
    )

    subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, "TMPDIR": str(scratch)}, check=False
    )

    assert secure.fake.requests
    assert list(scratch.iterdir()) == []


def test_certificate_of_a_plugin_is_shown_and_renewed(
    authority: Authority, tmp_path: pathlib.Path
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server = authority.identity("server")
    context.load_cert_chain(server.certificate, server.key)
    context.load_verify_locations(authority.certificate)
    context.verify_mode = ssl.CERT_REQUIRED
    authority.issue("joe", "joe")
    for index, name in enumerate(("jane", "joe"), start=1):
        one = authority.identity(name)
        status = {
            "clientCertificateData": one.certificate.read_text(),
            "clientKeyData": one.key.read_text(),
        }
        (tmp_path / f"answer{index}").write_text(answer(**status))
    with FakeApi(tls=context) as fake:
        kubeconfig = Kubeconfig(fake, tmp_path)
        spec = kubeconfig.spec(f"cat {tmp_path}/answer$(wc -l < {tmp_path}/runs)")
        cluster = connect(kubeconfig({"exec": spec}, **{"insecure-skip-tls-verify": True}))
        first = cluster.api_client.configuration.cert_file
        fake.refuse("GET", "/nodes", 401, reason="Unauthorized")

        assert cluster.list(NODE) == []

        assert runs(tmp_path) == 2
        assert cluster.api_client.configuration.cert_file != first


def test_certificate_files_that_are_renewed_are_read_again(
    authority: Authority, secure: Kubeconfig, tmp_path: pathlib.Path
) -> None:
    authority.issue("jim", "jim")
    certificate, key = tmp_path / "jim.crt", tmp_path / "jim.key"

    def write(name: str) -> None:
        certificate.write_bytes(authority.identity(name).certificate.read_bytes())
        key.write_bytes(authority.identity(name).key.read_bytes())

    write("jane")
    files = {"client-certificate": str(certificate), "client-key": str(key)}
    cluster = connect(secure(files, **{"insecure-skip-tls-verify": True}))
    write("jim")
    secure.fake.refuse("GET", "/nodes", 401, reason="Unauthorized")

    assert cluster.list(NODE) == []
    shown = pathlib.Path(cluster.api_client.configuration.cert_file).read_bytes()
    assert shown == certificate.read_bytes()
