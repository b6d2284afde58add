"""A pod has no kubeconfig: a service account's token, as kubelet renews it, and the CA."""

import ssl
import urllib.parse
from pathlib import Path

import pytest

from aicr_pytest.cluster import connection, credentials
from aicr_pytest.cluster.client import Cluster
from aicr_pytest.cluster.kinds import NODE
from aicr_pytest.errors import ApiUnreachable
from tests.unit.cluster.conftest import QUICK
from tests.unit.cluster.fake_api import FakeApi
from tests.unit.cluster.test_tls import certificate


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What kubelet mounts; there is no kubeconfig."""
    for module in (connection, credentials):
        monkeypatch.setattr(module, "SERVICE_ACCOUNT", tmp_path)
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "token").write_text("first")
    return tmp_path


def serve(account: Path) -> FakeApi:
    public, key = certificate()
    (account / "ca.crt").write_bytes(public)
    (account / "key").write_bytes(key)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(account / "ca.crt", account / "key")
    return FakeApi(tls)


def connect(fake: FakeApi, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    url = urllib.parse.urlsplit(fake.url)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", str(url.hostname))
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(url.port))
    return Cluster.connect(run_id="run-1", patience=QUICK)


def test_a_token_that_kubelet_has_renewed_is_used(
    account: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve(account) as fake:
        fake.accepts = {"Bearer first"}
        cluster = connect(fake, monkeypatch)
        assert cluster.context == "in-cluster"
        assert cluster.list(NODE) == []

        (account / "token").write_text("second")
        fake.accepts = {"Bearer second"}
        assert cluster.list(NODE) == []

    assert set(fake.authorizations) == {"Bearer first", "Bearer second"}


def test_a_server_that_the_clusters_ca_has_not_signed_is_none(
    account: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve(account) as fake:
        (account / "ca.crt").write_bytes(certificate()[0])
        with pytest.raises(ApiUnreachable, match="certificate"):
            connect(fake, monkeypatch)
    assert fake.authorizations == []
