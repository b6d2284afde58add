import base64
import ipaddress
import json
import ssl
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from aicr_lab.kubernetes.kubeconfig import write_kubeconfig
from aicr_lab.kubernetes.pki import Authority


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    made = Authority(tmp_path / "pki")
    made.create()
    return made


def _usages(certificate: x509.Certificate) -> list[x509.ObjectIdentifier]:
    return list(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)


def test_client_certificates_carry_user_and_group_and_serve_nobody(authority: Authority) -> None:
    issued = authority.issue("n", "system:node:node-0", organization="system:nodes")
    certificate = x509.load_pem_x509_certificate(issued.certificate.read_bytes())
    subject = certificate.subject
    assert subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "system:node:node-0"
    assert subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value == "system:nodes"
    assert _usages(certificate) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    ca = x509.load_pem_x509_certificate(authority.certificate.read_bytes())
    certificate.verify_directly_issued_by(ca)


def test_server_certificates_name_hosts_and_addresses(authority: Authority) -> None:
    issued = authority.issue("s", "api", hosts=("localhost", "10.96.0.1"))
    certificate = x509.load_pem_x509_certificate(issued.certificate.read_bytes())
    assert ExtendedKeyUsageOID.SERVER_AUTH in _usages(certificate)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert names.get_values_for_type(x509.IPAddress) == [ipaddress.ip_address("10.96.0.1")]


def test_keys_are_their_owners_alone(authority: Authority) -> None:
    issued = authority.issue("n", "someone")
    accounts = authority.create_signing_key("accounts")
    for key in (authority.key, issued.key, accounts.key):
        assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_signing_keys_come_with_the_bare_public_key(authority: Authority) -> None:
    accounts = authority.create_signing_key("accounts")
    assert accounts.certificate.read_bytes().startswith(b"-----BEGIN PUBLIC KEY-----")
    assert accounts.key.read_bytes().startswith(b"-----BEGIN EC PRIVATE KEY-----")


def test_a_kubeconfig_is_private_and_holds_a_pair_that_fits(
    authority: Authority, tmp_path: Path
) -> None:
    identity = authority.issue("admin", "admin", organization="system:masters")
    path = write_kubeconfig(
        tmp_path / "k",
        context="aicr-lab-x",
        server="https://127.0.0.1:1",
        authority=authority,
        identity=identity,
    )
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    content = json.loads(path.read_text())
    assert content["current-context"] == content["contexts"][0]["name"] == "aicr-lab-x"
    assert content["clusters"][0]["cluster"]["server"] == "https://127.0.0.1:1"
    user = content["users"][0]["user"]
    for name in ("certificate", "key"):
        data = base64.b64decode(user[f"client-{name}-data"])
        (tmp_path / name).write_bytes(data)
    ssl.create_default_context().load_cert_chain(tmp_path / "certificate", tmp_path / "key")


def test_certificates_name_the_keys_as_newer_pythons_want(authority: Authority) -> None:
    issued = authority.issue("s", "api", hosts=("localhost",))
    ca = x509.load_pem_x509_certificate(authority.certificate.read_bytes())
    certificate = x509.load_pem_x509_certificate(issued.certificate.read_bytes())
    own = ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    for one in (ca, certificate):
        told = one.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
        assert told.key_identifier == own.digest
