"""Taking secrets out of what came from a cluster, before anything of it touches the disk.

What is taken out leaves a mark that says what it was; redacting twice changes nothing. All patterns
are linear in the text, because the text is somebody else's and may be long and hostile.
"""

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from aicr_pytest.errors import SettingsError
from aicr_pytest.evidence.printable import printable
from aicr_pytest.evidence.pseudonyms import Pseudonyms

Level = Literal["secrets", "pseudonyms", "identities"]
"""What a publication goes without: credentials alone; names of this platform's own as well; every
address, host, account and person as well."""


class Rule:
    """One kind of secret in text.

    Args:
        hints: lower-case pieces, one of which is in every text that the pattern matches. Looking
            for them first is a hundred times as fast, and most texts hold none.
        pattern: regular expression, linear in the text.
        replacement: what stands there instead.
    """

    def __init__(self, *, hints: tuple[str, ...], pattern: str, replacement: str) -> None:
        self._hints = hints
        self._pattern = re.compile(pattern)
        self._replacement = replacement

    def apply(self, text: str, lowered: str) -> str:
        """The text without this kind of secret."""
        if not any(hint in lowered for hint in self._hints):
            return text
        return self._pattern.sub(self._replacement, text)


_DEEPEST = 100
"""Levels of an object that are kept; real ones have below 50, and the YAML writer recurses."""
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

_TOKENS = "|".join(
    (
        r"nvapi-[A-Za-z0-9_-]{16,}+",  # NVIDIA NGC
        r"gh[pousr]_[A-Za-z0-9]{20,}+",  # GitHub
        r"github_pat_[A-Za-z0-9_]{20,}+",
        r"glpat-[A-Za-z0-9_-]{16,}+",  # GitLab
        r"(?:AKIA|ASIA)[A-Z0-9]{16}",  # AWS access key id
        r"AIza[A-Za-z0-9_-]{35}",  # Google
        r"hf_[A-Za-z0-9]{20,}+",  # Hugging Face
        r"sk-[A-Za-z0-9_-]{20,}+",  # OpenAI and its like
        r"xox[abeoprs]-[A-Za-z0-9-]{10,}+",  # Slack
        r"sha256~[A-Za-z0-9_-]{20,}+",  # OpenShift
    )
)
_BALANCERS = "|".join(
    (
        r"elb\.amazonaws\.com(?:\.cn)?",
        r"elb\.[a-z0-9-]{1,32}\.amazonaws\.com(?:\.cn)?",
        r"eks\.amazonaws\.com(?:\.cn)?",
        r"cloudapp\.azure\.com",
        r"azmk8s\.io",
        r"appdomain\.cloud",
        r"lb\.civo\.com",
        r"lb\.[a-z0-9-]{1,32}\.scw\.cloud",
    )
)
_RULES: tuple[Rule, ...] = (
    # Segments start where no token character stands before, so that each run is scanned once.
    Rule(
        hints=("eyj",),
        pattern=r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]{8,}+(?:\.[A-Za-z0-9_-]*+)?",
        replacement="[redacted: token]",
    ),
    Rule(
        hints=("authorization",),
        pattern=(
            r"(?i)(\bauthorization\b[\"']?[ \t]{0,8}[:=][ \t]{0,8}[\"']?"
            r"(?:basic|bearer|token|digest)[ \t]{1,8})[^\s\"',\[]++"
        ),
        replacement=r"\1[redacted: token]",
    ),
    Rule(
        hints=("bearer",),
        pattern=r"(?i)(\bbearer[ \t]{1,8})[A-Za-z0-9._~+/=-]{16,}+",
        replacement=r"\1[redacted: token]",
    ),
    Rule(
        hints=("nvapi-", "gh", "glpat-", "akia", "asia", "aiza", "hf_", "sk-", "xox", "sha256~"),
        pattern=rf"(?<![A-Za-z0-9_])(?:{_TOKENS})",
        replacement="[redacted: token]",
    ),
    Rule(
        hints=("://",),
        pattern=r"(?<=://)[^\s/@:\[\]\"']{1,256}:[^\s/@\[\]\"']{1,256}@",
        replacement="[redacted: credentials]@",
    ),
    Rule(
        hints=("arn:aws",),
        pattern=r"(\barn:aws[a-z-]{0,16}:[a-z0-9-]{0,32}:[a-z0-9-]{0,32}:)\d{12}\b",
        replacement=r"\1[redacted: account]",
    ),
    Rule(
        hints=(".dkr.ecr.",),
        pattern=r"\b\d{12}(?=\.dkr\.ecr\.)",
        replacement="[redacted: account]",
    ),
    Rule(
        hints=(".elb.", ".eks.", "azure.com", "azmk8s.io", "appdomain.cloud", ".lb."),
        pattern=rf"(?i)(?<![A-Za-z0-9.-])[A-Za-z0-9-][A-Za-z0-9.-]{{0,250}}\.({_BALANCERS})\b",
        replacement=r"[redacted: host].\1",
    ),
    # Credentials as kubeconfigs, headers and configuration files write them, in YAML, JSON or ini.
    Rule(
        hints=("-data", "passw", "token", "key", "secret"),
        pattern=(
            r"(?i)((?:client-key-data|client-certificate-data|certificate-authority-data"
            r"|passw(?:or)?d|(?:id|access|refresh|auth|bearer)[_-]?token"
            r"|(?:secret|private|api|access)[_-]?(?:access[_-]?)?key|client[_-]?secret)"
            r"[\"']?[ \t]{0,8}[:=][ \t]{0,8}[\"']?)[^\s\"',}{\[\]]{6,}+"
        ),
        replacement=r"\1[redacted]",
    ),
    Rule(
        hints=("token",),
        pattern=(
            r"(?im)^([ \t]{0,64}(?:-[ \t]{1,8})?[\"']?token[\"']?:[ \t]{1,8}[\"']?)"
            r"[^\s\"'\[]{8,}+"
        ),
        replacement=r"\1[redacted: token]",
    ),
)
_ENVIRONMENT_HINTS = ("token", "secret", "passw", "key")
# As `env` prints it, to the end of the line; and anywhere, up to the next space.
_ENVIRONMENT = re.compile(
    r"(?m)(^(?:export[ \t]|declare[ \t]-x[ \t])?[A-Z_][A-Z0-9_]{0,127})=(.++)"
    r"|((?:^(?:export[ \t])?|(?<![A-Za-z0-9_])(?=[A-Z_]))[A-Za-z_][A-Za-z0-9_]{0,127})"
    r"=(\"[^\"\n]*+\"|'[^'\n]*+'|\S++)"
)
_SENSITIVE_NAME = re.compile(r"(?i)token|secret|passw|key|authorization")
_SENSITIVE_FIELDS = {
    "accesskey",
    "accesstoken",
    "apikey",
    "authorization",
    "authtoken",
    "cabundle",
    "certificateauthoritydata",
    "clientcertificatedata",
    "clientkeydata",
    "clientsecret",
    "idtoken",
    "password",
    "privatekey",
    "refreshtoken",
    "secretaccesskey",
    "secretkey",
    "token",
}
"""Names of fields, in lower case without dashes and underscores, whose text is always taken out."""

_PEM_BEGIN = "-----BEGIN "
_PEM_END = "-----END "


class Redactor:
    """Takes secrets out of text and of Kubernetes objects.

    Args:
        extra: regular expressions of the user; what they match is taken out as well.
        level: what is taken out for publication; credentials are at every level.
        key: of the run's pseudonyms, the same in all its processes; empty: a random one.
        learned: kinds and names that have pseudonyms already.

    Raises:
        SettingsError: one of them is not a regular expression.
    """

    def __init__(
        self,
        extra: Sequence[str] = (),
        *,
        level: Level = "pseudonyms",
        key: str = "",
        learned: Iterable[tuple[str, str]] = (),
    ) -> None:
        self._extra = [_compile(pattern) for pattern in extra]
        self._level = level
        self._pseudonyms = Pseudonyms(key, learned)

    @property
    def learned(self) -> tuple[tuple[str, str], ...]:
        """Kinds and names that have pseudonyms, for another process of the run."""
        return self._pseudonyms.learned

    def learn(self, kind: str, name: str) -> None:
        """Call a name of this platform by its pseudonym in whatever is published from now on."""
        self._pseudonyms.learn(kind, name)

    def publish(self, text: str) -> str:
        """The text without secrets and, as the level wants it, without names of the platform."""
        text = self.text(text)
        return text if self._level == "secrets" else self._pseudonyms.apply(text)

    def publishable(self, text: str) -> str:
        """A whole file of somebody else's making, as ``publish`` gives it."""
        return self.publish(text)

    def text(self, text: str) -> str:
        """The text without secrets."""
        text = _without_pem_blocks(text)
        lowered = text.lower()
        # First: a rule for passwords would take only the first word of the value.
        if "=" in lowered and any(hint in lowered for hint in _ENVIRONMENT_HINTS):
            text = _ENVIRONMENT.sub(_without_value, text)
        for rule in _RULES:
            text = rule.apply(text, lowered)
        for own in self._extra:
            text = own.sub("[redacted]", text)
        return text

    def object(self, obj: Any) -> Any:
        """A copy of a Kubernetes object without secrets and without ``managedFields``.

        Its strings are printable afterwards, so that JSON and YAML of it are.
        """
        return self._value(obj, _DEEPEST)

    def _value(self, value: Any, levels: int) -> Any:
        if isinstance(value, str):
            return printable(self.publish(value))
        if isinstance(value, bytes):
            return f"[{len(value)} bytes]"
        if value is None or isinstance(value, (bool, int, float)):
            return value
        if levels <= 0:
            return f"[deeper than {_DEEPEST} levels, left out]"
        if isinstance(value, dict):
            return self._mapping(value, levels - 1)
        if isinstance(value, (list, tuple)):
            return [self._value(item, levels - 1) for item in value]
        return printable(self.publish(str(value)))

    def _mapping(self, mapping: dict[Any, Any], levels: int) -> dict[str, Any]:
        if mapping.get("kind") == "Secret":
            mapping = _without_secret_data(mapping)
        elif mapping.get("kind") == "SecretList":
            mapping = {**mapping, "items": _secrets(mapping.get("items"))}
        name = mapping.get("name")
        # An environment variable of a container, or a header of its probe.
        named_secret = isinstance(name, str) and _SENSITIVE_NAME.search(name)
        kept = {}
        for name, value in mapping.items():
            if name == "managedFields":
                continue
            if isinstance(value, str) and value and not value.startswith("[redacted"):
                if _is_sensitive_field(str(name)) or (named_secret and name == "value"):
                    value = "[redacted]"
                elif name == _LAST_APPLIED:
                    value = self._embedded(value, levels)
            kept[printable(self.publish(str(name)))] = self._value(value, levels)
        return kept

    def _embedded(self, text: str, levels: int) -> str:
        """The annotation that holds a whole object once more, its secrets included."""
        try:
            return json.dumps(self._value(json.loads(text), levels))
        except (ValueError, RecursionError):
            return "[redacted: not readable]"


def _compile(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise SettingsError(
            f"redaction pattern {pattern!r}: is not a regular expression: {error}."
        ) from error


def _is_sensitive_field(name: str) -> bool:
    return name.lower().replace("-", "").replace("_", "") in _SENSITIVE_FIELDS


def _without_value(match: re.Match[str]) -> str:
    name, value = (match[1], match[2]) if match[1] else (match[3], match[4])
    if not _SENSITIVE_NAME.search(name) or value.lstrip("\"'").startswith("[redacted"):
        return match[0]
    return f"{name}=[redacted]"


def _without_secret_data(secret: dict[Any, Any]) -> dict[Any, Any]:
    def hidden(data: Any) -> Any:
        return dict.fromkeys(data, "[redacted]") if isinstance(data, dict) else "[redacted]"

    return {
        name: hidden(value) if name in ("data", "stringData") and value else value
        for name, value in secret.items()
    }


def _secrets(items: Any) -> Any:
    if not isinstance(items, list):
        return items
    # The API server leaves kind out of the items of a list.
    return [{**item, "kind": "Secret"} if isinstance(item, dict) else item for item in items]


def _without_pem_blocks(text: str) -> str:
    """Certificates and keys; an unterminated block is taken out up to the end of the text.

    By hand, because a non-greedy expression is quadratic in a text of many beginnings.
    """
    kept: list[str] = []
    position = 0
    while (begin := text.find(_PEM_BEGIN, position)) >= 0:
        kept.append(text[position:begin])
        label = text[begin + len(_PEM_BEGIN) : begin + len(_PEM_BEGIN) + 40].split("-----")[0]
        kind = "key" if "KEY" in label else "certificate" if "CERT" in label else "PEM block"
        kept.append(f"[redacted: {kind}]")
        end = text.find(_PEM_END, begin)
        if end < 0:
            return "".join(kept)
        closing = text.find("-----", end + len(_PEM_END))
        position = len(text) if closing < 0 else closing + len("-----")
    kept.append(text[position:])
    return "".join(kept)
