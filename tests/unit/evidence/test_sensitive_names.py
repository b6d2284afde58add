"""One function says of every name whether its value is a credential."""

import pytest

from aicr_pytest.evidence.redaction.redact import Redactor
from aicr_pytest.evidence.redaction.sensitive_names import is_credential

VALUE = "q7Rt2xLm9Zk4"


@pytest.mark.parametrize(
    "name",
    [
        "password", "dbPassword", "DB_PASS", "MYSQL_PWD", "pgpassword", "apiKey", "x-api-key",
        "Ocp-Apim-Subscription-Key", "sessionToken", "AccountKey", "tls.key", ".dockerconfigjson",
        "kubeconfig", "connectionString", "client-key-data", "private_key_id", "API_KEY_PROD",
        "TOKEN_GITHUB", "WEBHOOK_URL", "SENTRY_DSN", "example.com/api-token", "secret_id", "auth",
    ],
)  # fmt: skip
def test_credential_is_known_by_its_name(name: str) -> None:
    assert is_credential(name, VALUE)


@pytest.mark.parametrize(
    "name",
    [
        "secretName", "tokenExpirationSeconds", "topologyKey", "tolerationKey", "KEYBOARD", "key",
        "MONKEY", "MAX_TOKENS", "max_tokens", "tokens_per_second", "TOKENIZERS_PARALLELISM", "PWD",
        "serviceAccountTokenPath", "secretKeyRef", "passwordFile", "author", "eos_token", "node",
    ],
)  # fmt: skip
def test_innocent_name_says_nothing_of_its_value(name: str) -> None:
    assert not is_credential(name, VALUE)


@pytest.mark.parametrize("value", ["", "true", "none", "<none>", "$(TOKEN)", "${X}", "[redacted]"])
def test_what_stands_for_a_credential_is_none(value: str) -> None:
    assert not is_credential("password", value)


@pytest.mark.parametrize(
    "text",
    [
        "Name one with --aicr-kubeconfig FILE, or use the lab",
        "pytest --aicr --aicr-kubeconfig ~/.kube/config",
        "--kubeconfig=./prod.yaml",
        "KUBECONFIG=/home/me/.kube/config",
    ],
)
def test_path_of_a_kubeconfig_is_none(text: str) -> None:
    assert Redactor().text(text) == text
