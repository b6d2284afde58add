"""Plants credentials, identities and innocent texts, and counts what the redactor makes of them.

``python -m benchmarks.redaction`` prints the figures; tests/unit/evidence/test_redaction_figures.py
holds them. The forms stand in redaction.yaml; values are random, from a seed.
"""

import argparse
import dataclasses
import html
import json
import random
import re
import string
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

from aicr_pytest.evidence.redaction.redact import Redactor

FORMS = Path(__file__).with_suffix(".yaml")

_ALPHABETS = {
    "b62": string.ascii_letters + string.digits,
    "b64": string.ascii_letters + string.digits + "+/",
    "url64": string.ascii_letters + string.digits + "_-",
    "hex": string.digits + "abcdef",
    "digit": string.digits,
    "low36": string.ascii_lowercase + string.digits,
    "up36": string.ascii_uppercase + string.digits,
    "up16": string.digits + "ABCDEF",
}
_HOLE = re.compile(r"\{(=?)([a-z0-9_]+)(?::([^{}]+))?\}|\{\{|\}\}")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Planted:
    """One text with what has to be gone from it."""

    name: str
    """Of the form."""
    text: str
    """As it stands in a log."""
    needles: tuple[str, ...]
    """What must not be found afterwards."""


def plant(name: str, form: str, rng: random.Random) -> Planted:
    """A text of a form, with random values."""
    needles: list[str] = []

    def fill(hole: re.Match[str]) -> str:
        if hole[0] in ("{{", "}}"):
            return hole[0][0]
        made, wanted = _made(hole[2], hole[3] or "", rng)
        if not hole[1]:
            needles.extend(wanted)
        return made

    return Planted(name=name, text=_HOLE.sub(fill, form), needles=tuple(needles))


def _made(kind: str, argument: str, rng: random.Random) -> tuple[str, list[str]]:
    if kind in _ALPHABETS:
        value = "".join(rng.choices(_ALPHABETS[kind], k=int(argument)))
        # An alphabet's rare sign at the edge would be taken for punctuation by anybody.
        value = value if value[-1].isalnum() and value[0].isalnum() else f"a{value[1:-1]}Z"
        return value, [value]
    if kind == "octet":
        return str(rng.randint(20, 250)), []
    if kind == "pick":
        return rng.choice(argument.split()), []
    if kind == "uuid":
        value = "-".join("".join(rng.choices(_ALPHABETS["hex"], k=n)) for n in (8, 4, 4, 4, 12))
        return value, [value]
    return _block(kind, argument, rng)


def _block(kind: str, label: str, rng: random.Random) -> tuple[str, list[str]]:
    lines = ["".join(rng.choices(_ALPHABETS["b64"], k=64)) for _ in range(12)]
    lines.append("".join(rng.choices(_ALPHABETS["b62"], k=18)) + "==")
    whole = [f"-----BEGIN {label}-----", *lines, f"-----END {label}-----"]
    logged = [f"2026-11-28T19:55:0{i % 10}.123Z stdout F {line}" for i, line in enumerate(whole)]
    shapes: dict[str, tuple[str, list[str]]] = {
        "pem": ("\n".join(whole), lines),
        "pem_indented": ("\n".join(f"    {line}" for line in whole), lines),
        "pem_escaped": ("\\\\n".join(whole), lines),
        "pem_tail": ("\n".join(whole[5:]), lines[4:]),
        "pem_middle": ("\n".join(lines[3:9]), lines[3:9]),
        "pem_head": ("\n".join(whole[:8]), lines[:7]),
        "pem_logged": ("\n".join(logged), lines),
        "pem_logged_tail": ("\n".join(logged[5:]), lines[4:]),
    }
    return shapes[kind]


# -- channels ----------------------------------------------------------------------------------


def _in_log(text: str) -> str:
    return f"2026-11-28 19:55:00 INFO starting\n{text}\n2026-11-28 19:55:01 INFO ready\n"


def _prometheus(text: str) -> str:
    inner = json.dumps({"scrapePools": ["a"], "lastError": text})
    return json.dumps({"status": "success", "data": {"yaml": inner}})


CHANNELS: dict[str, Callable[[Redactor, str], str]] = {
    "text": lambda redactor, text: redactor.publish(text),
    "log": lambda redactor, text: redactor.publish(_in_log(text)),
    "JSON": lambda redactor, text: redactor.publish(json.dumps({"log": text, "stream": "stdout"})),
    "JSON in JSON": lambda redactor, text: redactor.publish(_prometheus(text)),
    "YAML": lambda redactor, text: redactor.publish(
        yaml.safe_dump({"data": {"app.conf": text}}, width=2**20)
    ),
    "YAML block": lambda redactor, text: redactor.publish(
        "data:\n  app.conf: |\n" + "".join(f"    {line}\n" for line in text.split("\n"))
    ),
    "event": lambda redactor, text: _shown(
        redactor.object({"kind": "Event", "message": f"Error: {text}", "count": 3})
    ),
    "ConfigMap": lambda redactor, text: _shown(redactor.object({"data": {"app.conf": text}})),
    "annotation": lambda redactor, text: _shown(
        redactor.object({"metadata": {"annotations": {"example.com/config": text}}})
    ),
    "argument": lambda redactor, text: _shown(
        redactor.object({"containers": [{"args": ["-c", text, "--port=80"]}]})
    ),
    "variable": lambda redactor, text: _shown(
        redactor.object({"env": [{"name": "CONFIG", "value": text}]})
    ),
    "HTML": lambda redactor, text: redactor.publishable(f"<pre>{_escaped(text)}</pre>"),
}
"""How a text gets into evidence, and what is then written."""


def _shown(obj: Any) -> str:
    return json.dumps(obj, ensure_ascii=False)


def _escaped(text: str) -> str:
    return html.escape(text)


_FIELDS = [
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "clientSecret",
    "client_secret",
    "token",
    "accessToken",
    "idToken",
    "sessionToken",
    "bearerToken",
    "refreshToken",
    "apiKey",
    "api_key",
    "secretKey",
    "privateKey",
    "accountKey",
    "signingKey",
    "encryptionKey",
    "credentials",
    "connectionString",
    "auth",
    "authorization",
    "tls.key",
    ".dockerconfigjson",
    "kubeconfig",
    "cookie",
    "webhookUrl",
    "sharedAccessKey",
    "masterKey",
    "hmacSecret",
    "id_rsa",
    "ssh-privatekey",
    "dsn",
    "saslPassword",
    "jwt",
    "keytab",
]
_VARIABLES = [
    "DB_PASS",
    "DB_PASSWORD",
    "MYSQL_PWD",
    "REDIS_AUTH",
    "PASSPHRASE",
    "GOOGLE_CREDENTIALS",
    "SESSION_SECRET",
    "JWT",
    "AUTH",
    "BASIC_AUTH",
    "SENTRY_DSN",
    "HF_TOKEN",
    "NGC_API_KEY",
    "AWS_SECRET_ACCESS_KEY",
    "PIN",
    "COOKIE_SECRET",
    "LICENSE_KEY",
    "SSH_PRIVATE_KEY",
    "ENCRYPTION_KEY",
    "API_KEY_PROD",
    "TOKEN_GITHUB",
    "WANDB_API_KEY",
    "SLACK_WEBHOOK_URL",
    "PGPASSWORD",
]
_FLAGS = [
    "--password",
    "--token",
    "--api-key",
    "--secret",
    "--hf-token",
    "--auth-token",
    "--access-key",
    "-storepass",
]


def objects(rng: random.Random) -> Iterator[tuple[str, Any, str]]:
    """Name, object and needle of credentials that only their place in an object gives away."""
    for field in _FIELDS:
        value = _made("b62", "18", rng)[0]
        yield f"field {field}", {"spec": {field: value}}, value
    for variable in _VARIABLES:
        value = _made("b62", "18", rng)[0]
        yield f"variable {variable}", {"env": [{"name": variable, "value": value}]}, value
        value = _made("b62", "18", rng)[0]
        yield f"argument {variable}=", {"args": [f"{variable}={value}"]}, value
    for flag in _FLAGS:
        value = _made("b62", "18", rng)[0]
        yield f"arguments {flag}", {"args": ["serve", flag, value, "--x"]}, value
        yield f"argument {flag}=", {"args": [f"{flag}={value}"]}, value


# -- figures -----------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, kw_only=True)
class Figures:
    """What came of it; shares are between 0 and 1."""

    tried: int
    """Planted texts and objects."""
    lost: tuple[str, ...]
    """Class and channel of what was found afterwards, or did not survive."""

    @property
    def share(self) -> float:
        """Of what went well."""
        return 1 - len(self.lost) / self.tried


def forms(file: Path = FORMS) -> dict[str, Any]:
    """The forms of redaction.yaml, or of another file."""
    loaded: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return loaded


def recall(planted: dict[str, str], redactor: Redactor, seed: int) -> Figures:
    """How many texts lose all that was planted in them, over all channels."""
    rng = random.Random(seed)
    lost = []
    for name, form in planted.items():
        one = plant(name, form, rng)
        for channel, written in CHANNELS.items():
            out = written(redactor, one.text)
            if any(_stands(needle, out) for needle in one.needles) or _digits_stand(one, out):
                lost.append(f"{name} / {channel}")
    return Figures(tried=len(planted) * len(CHANNELS), lost=tuple(lost))


def recall_in_objects(redactor: Redactor, seed: int) -> Figures:
    """How many objects lose the credential that their names give away."""
    cases = list(objects(random.Random(seed)))
    lost = [name for name, obj, needle in cases if needle in _shown(redactor.object(obj))]
    return Figures(tried=len(cases), lost=tuple(lost))


def survival(innocent: list[str], redactor: Redactor) -> Figures:
    """How many innocent texts stay as they are, over all channels."""
    verbatim = Redactor(level="secrets")
    verbatim.text = lambda text: text  # type: ignore[method-assign]  # the same channels, untouched
    lost = [
        f"{text!r} / {channel}: {written(redactor, text)!r}"
        for text in innocent
        for channel, written in CHANNELS.items()
        if written(redactor, text) != written(verbatim, text)
    ]
    return Figures(tried=len(innocent) * len(CHANNELS), lost=tuple(lost))


def unstable(planted: dict[str, str], redactor: Redactor, seed: int) -> list[str]:
    """Classes whose text is changed by redacting it once more."""
    rng = random.Random(seed)
    found = []
    for name, form in planted.items():
        once = redactor.publish(_in_log(plant(name, form, rng).text))
        if redactor.publish(once) != once:
            found.append(name)
    return found


def _stands(needle: str, out: str) -> bool:
    return needle in out


def _digits_stand(one: Planted, out: str) -> bool:
    """Whether an address, which is made of several holes, stands."""
    return not one.needles and one.text.split()[-1].split("//")[-1].split(".eu-")[0] in out


def _cpu(redactor: Redactor, text: str) -> float:
    began = time.process_time()
    redactor.publish(text)
    return (time.process_time() - began) / (len(text) / 1e6)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--classes", type=Path, default=FORMS, help="another file of forms")
    given = parser.parse_args()
    held = forms(given.classes)
    publishing, identities = Redactor(key="1" * 32), Redactor(level="identities", key="1" * 32)
    for title, figures in (
        ("credentials", recall(held["credentials"], publishing, given.seed)),
        ("credentials in objects", recall_in_objects(publishing, given.seed)),
        ("identities", recall(held.get("identities", {}) or {"-": "-"}, identities, given.seed)),
        ("innocent texts that survive", survival(held["innocent"], publishing)),
    ):
        classes = len({one.partition(" / ")[0] for one in figures.lost})
        print(f"{title}: {figures.share:.1%} of {figures.tried}; lost in {classes} classes")
        for one in figures.lost:
            print(f"    {one[:300]}")
    print("changed by a second pass:", unstable(held["credentials"], identities, given.seed))
    print("CPU seconds per MB:")
    rng = random.Random(given.seed)
    planted = "\n".join(plant(n, f, rng).text for n, f in held["credentials"].items())
    for title, piece in {
        "innocent texts": "\n".join(held["innocent"]) + "\n",
        "planted texts": planted + "\n",
        "keywords": "password token secret key=1 auth: x ",
        "pairs": "token=abcdefgh1 ",
        "one letter": "a",
    }.items():
        print(f"    {title}: {_cpu(publishing, piece * (2_000_000 // len(piece))):.3f}")


if __name__ == "__main__":
    main()
