"""Keys of a kubeconfig lie in files no longer than it takes to read them."""

import base64
import datetime
import ipaddress
import json
import pathlib
import ssl
import tempfile
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from aicr_pytest.cluster.client import Cluster
from aicr_pytest.cluster.kinds import NODE
from aicr_pytest.cluster.tls import make_context
from aicr_pytest.errors import ApiError, ApiUnreachable, SettingsError
from tests.unit.cluster.conftest import RUN
from tests.unit.cluster.faulty_api import DONE, PATIENCE, FaultyApi, websocket

EXEC = "/api/v1/namespaces/ns/pods/gpu/exec"


def certificate() -> tuple[bytes, bytes]:
    """A certificate that has signed itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "me")])
    now = datetime.datetime.now(datetime.UTC)
    localhost = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([localhost]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = serialization.NoEncryption()
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    return made.public_bytes(pem), secret


def kubeconfig(directory: pathlib.Path, server: str, cert: bytes, key: bytes) -> str:
    encoded = {
        "client-certificate-data": base64.b64encode(cert).decode(),
        "client-key-data": base64.b64encode(key).decode(),
    }
    authority = {"certificate-authority-data": encoded["client-certificate-data"]}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "tls",
        "clusters": [{"name": "tls", "cluster": {"server": server, **authority}}],
        "users": [{"name": "me", "user": encoded}],
        "contexts": [{"name": "tls", "context": {"cluster": "tls", "user": "me"}}],
    }
    path = directory / "kubeconfig"
    path.write_text(json.dumps(content))
    return str(path)


@pytest.fixture
def temporary(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """Where temporary files go."""
    directory = tmp_path / "temporary"
    directory.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(directory))
    return directory


@pytest.fixture
def api(tmp_path: pathlib.Path) -> Iterator[FaultyApi]:
    """A server with TLS that wants to see the certificate of whoever asks."""
    cert, key = certificate()
    (tmp_path / "cert").write_bytes(cert)
    (tmp_path / "key").write_bytes(key)
    with FaultyApi() as api:
        api.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        api.context.load_cert_chain(tmp_path / "cert", tmp_path / "key")
        api.context.load_verify_locations(tmp_path / "cert")
        api.context.verify_mode = ssl.CERT_REQUIRED
        yield api


@pytest.fixture
def file(api: FaultyApi, tmp_path: pathlib.Path) -> str:
    """A kubeconfig for it, certificate and key inside."""
    cert, key = (tmp_path / "cert").read_bytes(), (tmp_path / "key").read_bytes()
    return kubeconfig(tmp_path, api.url, cert, key)


def test_key_is_used_and_none_of_its_files_is_left(
    api: FaultyApi, file: str, temporary: pathlib.Path
) -> None:
    api.faults[EXEC] = websocket(DONE)

    cluster = Cluster.connect(kubeconfig=file, run_id=RUN, patience=PATIENCE)

    assert list(temporary.iterdir()) == []
    assert cluster.exec("gpu", "ns", ["true"]).exit_code == 0
    with pytest.raises(ApiError, match="404"):  # over a connection of its own: exec's was closed
        cluster.get(NODE, "n")
    again = Cluster.connect(kubeconfig=file, run_id=RUN, patience=PATIENCE)
    assert again.version() == "v1.37.2"


def test_nothing_of_the_key_is_left_where_the_server_is_another_one(
    api: FaultyApi, tmp_path: pathlib.Path, temporary: pathlib.Path
) -> None:
    file = kubeconfig(tmp_path, api.url, *certificate())

    with pytest.raises(ApiUnreachable, match="no TLS connection"):
        Cluster.connect(kubeconfig=file, run_id=RUN, patience=PATIENCE)

    assert list(temporary.iterdir()) == []
    assert api.asked == []


def test_files_of_others_in_this_process_stay(file: str, temporary: pathlib.Path) -> None:
    from kubernetes import config

    load: Any = config.load_kube_config
    load(config_file=file)
    before = sorted(temporary.iterdir())
    Cluster.connect(kubeconfig=file, run_id=RUN, patience=PATIENCE)

    assert len(before) == 2  # the certificate is its own authority
    assert sorted(temporary.iterdir()) == before


def test_key_that_is_none_is_an_error_of_ours(
    api: FaultyApi, tmp_path: pathlib.Path, temporary: pathlib.Path
) -> None:
    file = kubeconfig(tmp_path, api.url, certificate()[0], b"no key of mine")

    with pytest.raises(SettingsError, match="client certificate and key cannot be used") as caught:
        Cluster.connect(kubeconfig=file, run_id=RUN, patience=PATIENCE)

    assert "no key of mine" not in str(caught.value)
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        (lambda url: url.replace("127.0.0.1", "localhost"), "tls-server-name"),
        (lambda url: url, "certificate-authority must be"),
    ],
)
def test_failed_handshake_says_the_way_out_that_fits(
    api: FaultyApi, tmp_path: pathlib.Path, change: Callable[[str], str], hint: str
) -> None:
    own = ((tmp_path / "cert").read_bytes(), (tmp_path / "key").read_bytes())
    theirs = own if "localhost" in change(api.url) else certificate()
    file = kubeconfig(tmp_path, change(api.url), *theirs)

    with pytest.raises(ApiUnreachable, match=hint):
        Cluster.connect(kubeconfig=file, run_id=RUN, patience=PATIENCE)


def test_server_without_tls_is_told_apart_from_a_wrong_authority(tmp_path: pathlib.Path) -> None:
    with FaultyApi() as plain:
        url = plain.url.replace("http://", "https://")
        file = kubeconfig(tmp_path, url, *certificate())

        with pytest.raises(ApiUnreachable, match="speaks no TLS"):
            Cluster.connect(kubeconfig=file, run_id=RUN, patience=PATIENCE)


def test_a_certificate_that_kubectl_takes_is_taken_by_every_python(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    strict = ssl.create_default_context()
    strict.verify_flags |= ssl.VERIFY_X509_STRICT  # the default from Python 3.13 on
    monkeypatch.setattr(ssl, "create_default_context", lambda **_: strict)
    configuration: Any = SimpleNamespace(
        ssl_ca_cert=None, assert_hostname=None, verify_ssl=True, cert_file=None
    )

    context = make_context(configuration)

    assert not context.verify_flags & ssl.VERIFY_X509_STRICT
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
