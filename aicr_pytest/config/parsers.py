"""What is valid as the value of an option: text in, value out; ValueError says what is valid."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aicr_pytest.choices import (
    ALLOCATION,
    ALLOWANCES,
    EFFECTS,
    IMAGE_NAMES,
    KEEP,
    PROVISION,
    REDACTION,
)
from aicr_pytest.errors import SettingsError
from aicr_pytest.settings import Reference, Toleration


def one_of(*valid: str) -> Callable[[str], str]:
    """One of a few words."""

    def parse(text: str) -> str:
        if text not in valid:
            raise ValueError(f"valid: {', '.join(valid)}")
        return text

    return parse


def filled(what: str) -> Callable[[str], str]:
    """A text that is not blank; what it has to be."""

    def parse(text: str) -> str:
        if not text.strip():
            raise ValueError(f"it has to be {what}")
        return text

    return parse


def command_line(text: str) -> str:
    """A program and its arguments, as a shell would take them apart."""
    import shlex  # where the option is given, and not in every pytest of the machine

    try:
        words = shlex.split(text)
    except ValueError:
        words = []
    if not words or not words[0]:
        raise ValueError("it has to be a program, with its flags behind it, quotes closed")
    return text


def switch(text: str) -> bool:
    """On or off, in the words that ini files know."""
    answers = {"1": True, "true": True, "yes": True, "on": True}
    answers |= {"0": False, "false": False, "no": False, "off": False}
    if text.strip().lower() not in answers:
        raise ValueError("valid: true, false")
    return answers[text.strip().lower()]


def positive(what: str) -> Callable[[str], float]:
    """A finite number above 0; what it is, with an example."""

    def parse(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = 0.0
        if not 0 < number < float("inf"):
            raise ValueError(f"it has to be {what}")
        return number

    return parse


scale = positive("a number above 0, e.g. 2 on a slow cluster")
seconds = positive("a number of seconds above 0, e.g. 900")


def reference(*, port: bool) -> Callable[[str], Reference]:
    """An object on the cluster, as NAMESPACE/NAME, with or without a port."""
    form = "NAMESPACE/NAME" + ("[:PORT]" if port else "")

    def parse(text: str) -> Reference:
        found = re.fullmatch(r"([a-z0-9-]+)/([a-z0-9.-]+)(?::([a-z0-9-]+))?", text)
        if found is None or (found[3] and not port):
            raise ValueError(f"it has to be {form}")
        return Reference(namespace=found[1], name=found[2], port=found[3] or "")

    return parse


def name(what: str) -> Callable[[str], str]:
    """The name of an object on the cluster; what the object is."""

    def parse(text: str) -> str:
        if not re.fullmatch(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", text):
            raise ValueError(f"it has to be the name of {what}")
        return text

    return parse


def secret(text: str) -> str:
    """A Secret, as [NAMESPACE/]NAME."""
    if not re.fullmatch(r"([a-z0-9-]+/)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?", text):
        raise ValueError("it has to be [NAMESPACE/]NAME of a Secret")
    return text


def metric(text: str) -> str:
    """The name of a metric, or NAME=TARGET."""
    if not re.fullmatch(r"[A-Za-z_:][\w:.-]*(=[0-9]+(\.[0-9]+)?)?", text):
        raise ValueError(
            "it has to be the name of a metric, e.g. DCGM_FI_DEV_GPU_UTIL, or NAME=TARGET"
        )
    return text


class HoldsSecret(ValueError):
    """A value that is not valid and must not be quoted."""


def url(text: str) -> str:
    """An http or https URL without a query; no slash at its end."""
    if re.match(r"[^/?#]*//[^/?#]*@", text):
        raise HoldsSecret(
            "a URL with credentials in it; it is kept in the evidence. A bearer token goes into "
            "the file of --aicr-prometheus-token-file"
        )
    if not re.fullmatch(r"https?://[^\s/?#]+[^\s?#]*", text):
        raise ValueError("it has to be http://… or https://…, without a query")
    if "@" in text:  # in the path too: a password may hold a slash
        raise ValueError(
            "it may hold no user name and no password, which would be seen wherever it is shown; "
            "name a file with a bearer token by --aicr-prometheus-token-file"
        )
    return text.rstrip("/")


def solution(text: str) -> tuple[str, str]:
    """The area and the name of a solution."""
    from aicr_pytest.requirements.registry import AREAS, solution_names

    area, _, name = text.partition("=")
    if area not in AREAS:
        raise ValueError(f"it has to be AREA=NAME, AREA one of {', '.join(AREAS)}")
    if name not in (names := solution_names(area)):
        raise ValueError(f"solutions of {area} are: {', '.join(names) or 'none yet'}")
    return area, name


def version(text: str) -> str:
    """A Kubernetes version whose list is known, as its minor version."""
    from aicr_pytest.requirements.catalogue import VERSIONS, minor_version

    try:
        minor = minor_version(text)
    except ValueError:
        minor = ""
    if minor not in VERSIONS:
        raise ValueError(f"lists are known for {', '.join(VERSIONS)}")
    return minor


def lab_name(text: str) -> str:
    """The name of a lab."""
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,14}[a-z0-9])?", text):
        raise ValueError("at most 16 lower-case letters, digits and inner dashes")
    return text


def feature(text: str) -> str:
    """The id of a requirement, by its id or by a feature's name."""
    from aicr_pytest.requirements.catalogue import find_requirement

    try:
        return find_requirement(text).id
    except SettingsError as error:
        raise ValueError(str(error)) from None


def toleration(text: str) -> Toleration:
    """A taint that is tolerated, as KEY[=VALUE][:EFFECT]."""
    found = re.fullmatch(r"([\w./-]+)(?:=([\w.-]*))?(?::(\w+))?", text)
    if found is None or (found[3] and found[3] not in EFFECTS):
        raise ValueError(f"it has to be KEY[=VALUE][:EFFECT], EFFECT one of {', '.join(EFFECTS)}")
    return Toleration(key=found[1], value=found[2], effect=found[3])


_LABEL_NAME = r"[A-Za-z0-9](?:[\w.-]{0,61}[A-Za-z0-9])?"
_LABEL = re.compile(rf"(?:(?P<domain>[a-z0-9.-]{{1,253}})/)?{_LABEL_NAME}=(?:{_LABEL_NAME})?")
_NOT_OF_USERS = ("kubernetes.io", "k8s.io", "aicr-pytest")
"""Domains of labels by which Kubernetes and we decide, e.g. on Pod Security; with theirs below."""


def label(text: str) -> tuple[str, str]:
    """Key and value of a label."""
    found = _LABEL.fullmatch(text)
    if found is None:
        raise ValueError("it has to be KEY=VALUE, as Kubernetes has labels, e.g. team=ml")
    domain = found["domain"] or ""
    if any(f".{domain}".endswith(f".{own}") for own in _NOT_OF_USERS):
        raise ValueError(f"labels of {domain} are Kubernetes' own, or ours")
    key, _, value = text.partition("=")
    return key, value


_IMAGE = re.compile(
    r"([\w.-]+(:\d+)?/)?"  # a host, where there is one
    r"[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*"
    r"(:\w[\w.-]{0,127})?(@[a-z0-9+._-]+:[0-9a-fA-F]{32,})?"
)


def image(text: str) -> tuple[str, str]:
    """The suite's name of an image, and the reference that replaces it."""
    name, equals, reference = text.partition("=")
    if not (name and equals and reference) or any(c.isspace() for c in text):
        raise ValueError("it has to be NAME=REF, e.g. probe=registry.example/cuda:12.8.1")
    if name not in IMAGE_NAMES:
        raise ValueError(f"the suite's images are: {', '.join(IMAGE_NAMES)}")
    if not _IMAGE.fullmatch(reference):
        raise ValueError("REF has to be [HOST[:PORT]/]PATH[:TAG][@DIGEST], PATH in lower case")
    return name, reference


def registry(text: str) -> str:
    """A mirror, as HOST[:PORT][/PATH]."""
    if not re.fullmatch(r"[\w.-]+(:\d+)?(/[\w./-]+)?", text):
        raise ValueError("it has to be HOST[:PORT][/PATH], without a scheme")
    return text.rstrip("/")


def pattern(text: str) -> str:
    """A regular expression that does not match the empty text."""
    try:
        matches_nothing = re.compile(text).search("") is not None
    except re.error as error:
        raise ValueError(f"it has to be a regular expression: {error}") from None
    if matches_nothing:
        raise ValueError("it has to be a regular expression that does not match the empty text")
    return text


def nodes(text: str) -> str:
    """Which nodes are looked at: all, a label selector, or empty for one of each pool."""
    wrong = "valid: pools (one node of each kind), all, or a label selector such as zone=a"
    if text in ("pools", "all"):
        return "" if text == "pools" else text
    if not re.fullmatch(r"!?\w[\w./!=(), -]*", text) or not re.search(r"[=/.]| in ", text):
        raise ValueError(wrong)
    return text


def allowances(text: str) -> tuple[str, ...]:
    """What is allowed, separated by commas."""
    words = tuple(word.strip() for word in text.split(",") if word.strip())
    unknown = [word for word in words if word not in ALLOWANCES]
    if unknown or not words:
        raise ValueError(f"valid, separated by commas: {', '.join(ALLOWANCES)}")
    return words


def not_applicable(text: str) -> tuple[str, str]:
    """The id of a requirement, and the reason why it is N/A."""
    from aicr_pytest.requirements.catalogue import BY_ID

    name, _, reason = text.partition("=")
    if name.strip() not in BY_ID:
        raise ValueError(f"it has to be ID=REASON, ID one of {', '.join(BY_ID)}")
    if not reason.strip():
        raise ValueError("it needs a reason after the equals sign; the reason is published")
    return name.strip(), reason.strip()


PARSERS: Mapping[str, Callable[[str], Any]] = {
    "evidence": switch,
    "evidence_dir": filled("a directory"),
    "cncf_submission": filled("a checkout of cncf/k8s-ai-conformance"),
    "product": filled("a file"),
    "upstream_suite": command_line,
    "kubeconfig": filled("a file"),
    "context": filled("the name of a context"),
    "features": feature,
    "lab": switch,
    "lab_name": lab_name,
    "provision": one_of(*PROVISION),
    "keep": one_of(*KEEP),
    "timeout_scale": scale,
    "allocation": one_of(*ALLOCATION),
    "k8s_version": version,
    "nodes": nodes,
    "tolerations": toleration,
    "labels": label,
    "images": image,
    "registry": registry,
    "pull_secret": secret,
    "allow": allowances,
    "strict": switch,
    "not_applicable": not_applicable,
    "solutions": solution,
    "prometheus_url": url,
    "prometheus_token_file": filled("a file"),
    "prometheus_service": reference(port=True),
    "hpa_metric": metric,
    "queue": name("a queue of the whole cluster, e.g. a ClusterQueue of Kueue"),
    "gateway": reference(port=False),
    "service": reference(port=True),
    "scale_in_timeout": seconds,
    "exporter": name("a namespace"),
    "priority_class": name("a PriorityClass"),
    "redact": one_of(*REDACTION),
    "redact_patterns": pattern,
}
"""Field of ``Settings`` → one value from its text; ValueError says what is valid, read on from "is
not valid"."""

GATHERERS: Mapping[str, Callable[[Sequence[Any]], Any]] = {
    "features": lambda ids: tuple(dict.fromkeys(ids)),
    "tolerations": tuple,
    "labels": dict,
    "images": dict,
    "allow": lambda given: frozenset(word for words in given for word in words),
    "not_applicable": dict,
    "solutions": dict,
    "redact_patterns": tuple,
}
"""Field → one value of all that were given, for options that may be given more than once."""
