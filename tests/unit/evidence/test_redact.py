"""Nothing secret reaches the disk, and nothing else is lost."""

import json
import time
from typing import Any

import pytest

from aicr_pytest.errors import SettingsError
from aicr_pytest.evidence.redaction.redact import Redactor

JWT = "eyJhbGciOiJSUzI1NiIsImtpZCI6IngifQ.eyJpc3MiOiJrdWJlcm5ldGVzIn0.c2lnbmF0dXJlLXNpZ25hdHVyZQ"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7\nabc=\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"token is {JWT}, honest", JWT),
        ("Authorization: Bearer abcdefghijklmnop1234", "abcdefghijklmnop1234"),
        ('{"Authorization": "Basic dXNlcjpwYXNz"}', "dXNlcjpwYXNz"),
        ("curl -H 'X: bearer abcdefghijklmnop1234'", "abcdefghijklmnop1234"),
        ("key nvapi-AbCdEf0123456789_-xyz end", "nvapi-AbCdEf0123456789_-xyz"),
        ("ghp_0123456789abcdefghijABCDEFGHIJ012345", "ghp_0123456789"),
        ("id=AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE"),
        ("HF_TOKEN=hf_abcdefghijklmnopqrstuvwx", "hf_abcdefghij"),
        ("A=1\nDB_PASSWORD=correct horse\nB=2", "horse"),
        ("db_password=hunter22", "hunter22"),
        ("export api_key='abc def'", "abc def"),
        ("run with MY_SECRET=hunter22 now", "hunter22"),
        (f"before\n{PEM}\nafter", "MIIEpAIBAAKCAQEA7"),
        ("-----BEGIN CERTIFICATE-----\nMIIunterminated", "MIIunterminated"),
        ("    client-key-data: LS0tLS1CRUdJTi", "LS0tLS1CRUdJTi"),
        ('"certificate-authority-data": "LS0tLS1CRUdJTi"', "LS0tLS1CRUdJTi"),
        ("  token: abcdef.0123456789abcdef", "0123456789abcdef"),
        ("https://user:hunter22@proxy.internal:3128/", "hunter22"),
    ],
)
def test_secret_in_text_is_taken_out_and_marked(text: str, secret: str) -> None:
    redacted = Redactor().text(text)

    assert secret not in redacted
    assert "[redacted" in redacted
    assert Redactor().text(redacted) == redacted, "redacting twice changes nothing"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("arn:aws:iam::123456789012:role/x", "123456789012"),
        ("123456789012.dkr.ecr.eu-west-1.amazonaws.com/img", "123456789012"),
        ("http://abc-123.eu-west-1.elb.amazonaws.com/v1", "abc-123"),
        ("k8s-nlb-1.elb.us-east-1.amazonaws.com", "k8s-nlb-1"),
        ("myservice.westeurope.cloudapp.azure.com", "myservice"),
        ("https://0A1B2C3D4E5F.gr7.eu-west-1.eks.amazonaws.com", "0A1B2C3D4E5F"),
    ],
)
def test_owner_is_named_on_the_terminal_and_not_in_a_publication(text: str, name: str) -> None:
    redactor = Redactor()

    published = redactor.publish(text)

    assert redactor.text(text) == text
    assert name not in published
    assert redactor.publish(published) == published, "a second pass changes nothing"
    assert Redactor(level="secrets").publish(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "GPU 0: NVIDIA H100 80GB HBM3 (UUID: GPU-5c1f5d2e-3f0b-4c57-9a55-0f2d3a6b7c81)",
        "NVIDIA_VISIBLE_DEVICES=all\nPATH=/usr/bin",
        "crw-rw-rw- 1 root root 195, 0 Nov 23 20:14 /dev/nvidia0",
        "automountServiceAccountToken: false",
        "resource.kubernetes.io/delete-protection",
        "sha256:5d1f0c2ab0e94c1cbd5c4ad0c1b1d4a9b3f7c0de5d1f0c2ab0e94c1cbd5c4ad0",
        "sha256-SVqR1xP8RcC3sXkYQ0EoPVwo4F3lV0bH3uFm1o7cXGs=",
        "sha384-oqVuAfXRKap7fdgcCY5uykM6+R9GqQ8K/uxy9rx7HNQlGYl1kPzQho1wx4JwY8wC",
        'DCGM_FI_DEV_GPU_UTIL{gpu="0",UUID="GPU-5c1f5d2e"} 97',
        "https://127.0.0.1:6443/apis/resource.k8s.io/v1",
        "gpu-pod.eu-west-1.compute.internal",
        "--- PASS: TestGangScheduling (42.70s)\n    --- PASS: TestGangScheduling/All (9.10s)",
        '{"Test":"TestX","Output":"--- PASS: TestX (0.10s)\\n"}',
    ],
)
def test_ordinary_output_stays_verbatim(text: str) -> None:
    assert Redactor().text(text) == text


@pytest.mark.parametrize("text", ["PASS: hunter2-x", "--- PASS: hunter2-x", "PASS=hunter2-x"])
def test_word_of_a_passed_test_hides_no_password(text: str) -> None:
    assert "hunter2" not in Redactor().text(text)


def test_data_of_a_secret_keeps_its_names_and_loses_its_values() -> None:
    secret = {"kind": "Secret", "data": {"ca.crt": "QUJD"}, "stringData": {"user": "anna"}}

    redacted = Redactor().object(secret)

    assert redacted["data"] == {"ca.crt": "[redacted]"}
    assert redacted["stringData"] == {"user": "[redacted]"}


def test_items_of_a_secret_list_are_secrets_though_they_do_not_say_so() -> None:
    listing = {"kind": "SecretList", "items": [{"metadata": {"name": "a"}, "data": {"k": "QUJD"}}]}

    assert "QUJD" not in json.dumps(Redactor().object(listing))


@pytest.mark.parametrize(
    "obj",
    [
        {"env": [{"name": "API_TOKEN", "value": "hidden-value"}]},
        {"httpHeaders": [{"name": "Authorization", "value": "hidden-value"}]},
        {"users": [{"user": {"client-key-data": "hidden-value"}}]},
        {"status": {"token": "hidden-value"}},
        {"webhooks": [{"clientConfig": {"caBundle": "hidden-value"}}]},
        {"metadata": {"managedFields": [{"manager": "hidden-value"}]}},
        {
            "metadata": {
                "annotations": {
                    "kubectl.kubernetes.io/last-applied-configuration": json.dumps(
                        {"kind": "Secret", "data": {"a": "hidden-value"}}
                    )
                }
            }
        },
    ],
)
def test_secret_in_an_object_is_taken_out(obj: dict[str, Any]) -> None:
    assert "hidden-value" not in json.dumps(Redactor().object(obj))


def test_object_keeps_what_is_no_secret() -> None:
    claim = {
        "kind": "ResourceClaim",
        "metadata": {"name": "gpu", "uid": "1", "generation": 2},
        "spec": {"tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "value": "x"}]},
        "status": {"reserved": True, "ratio": 0.5, "none": None},
    }

    assert Redactor().object(claim) == claim


def test_object_is_not_changed_in_place() -> None:
    secret = {"kind": "Secret", "data": {"a": "QUJD"}, "metadata": {"managedFields": []}}

    Redactor().object(secret)

    assert secret == {"kind": "Secret", "data": {"a": "QUJD"}, "metadata": {"managedFields": []}}


def test_object_of_hostile_depth_is_cut() -> None:
    deep: dict[str, Any] = {}
    for _ in range(900):
        deep = {"a": deep}

    assert "left out" in json.dumps(Redactor().object(deep))


def test_patterns_of_the_user_are_taken_out_too() -> None:
    redactor = Redactor([r"tenant-\d+"])

    assert redactor.text("pod of tenant-42") == "pod of [redacted]"
    assert redactor.object({"name": "tenant-42"}) == {"name": "[redacted]"}


def test_bad_pattern_of_the_user_is_named() -> None:
    with pytest.raises(SettingsError, match=r"redaction pattern '\(': is not a regular expression"):
        Redactor(["("])


@pytest.mark.parametrize(
    "piece",
    [
        "-----BEGIN CERTIFICATE-----",
        "eyJ-token-key=",
        "eyJaaaaaaaaaa.",
        "Bearer ",
        "A_KEY",
        "a" * 50 + ".elb.",
        "a.elb.",
        "://a:b",
        "password",
        "authorization: ",
        "   token:",
        "key=",
        "key='",
        'token:\\"',
        "password: |\n",
        "A_KEY=x\n",
        "a@b.",
        "-----END X-----",
        "mysql -p ",
        "kind: Secret\ndata:\n  a: b\n",
        "a a\t",
        "aa,bb\n",
        "a|",
        "login -p ",
        "zip \\",
        "kind: Secret data",
        "echo a | ",
        "://a.b.",
    ],
)
def test_a_long_run_of_hostile_text_takes_no_longer_than_ordinary_text(piece: str) -> None:
    text = piece * (500_000 // len(piece))
    began = time.process_time()

    Redactor().text(text)

    # Measured 0.1 to 0.5 s; a quadratic pattern takes minutes.
    assert time.process_time() - began < 15
