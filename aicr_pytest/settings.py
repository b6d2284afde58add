"""One frozen object with every setting of a run; command line > environment > project > default."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aicr_pytest.errors import NotAllowed, SettingsError
from aicr_pytest.options import ALLOWANCES, OPTIONS, HoldsSecret, Option, Reference, Toleration
from aicr_pytest.requirements import BY_ID, VERSIONS, Level

if TYPE_CHECKING:
    import pytest

    from aicr_pytest.evidence.redact import Publication


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the user wants; read and validated once, before anything is asked of a cluster."""

    evidence: bool = False
    """Whether evidence is kept on disk."""
    evidence_dir: Path | None = None
    """Where evidence goes, absolute; None: ``aicr-evidence/<run id>`` of the current directory."""
    kubeconfig: str | None = None
    """File to read; None: KUBECONFIG, the default file, or the service account in a pod."""
    context: str | None = None
    """Context of the kubeconfig; None: the current one."""
    features: tuple[str, ...] = ()
    """Requirement ids that were asked for; empty: all."""
    lab: bool = False
    """Whether the run happens on the lab."""
    lab_name: str = "default"
    """Which lab."""
    keep: str = "never"
    """``never``, ``failed`` or ``always``: what stays on the cluster."""
    timeout_scale: float = 1.0
    """Factor of every deadline."""
    allocation: str = "auto"
    """``auto``, ``dra``, ``extended-resource`` or ``device-plugin``."""
    k8s_version: str | None = None
    """Minor version whose list applies, e.g. ``1.37``; None: the server's."""
    nodes: str = ""
    """Accelerator nodes to look at: ``all`` or a label selector; empty: one of each kind."""
    tolerations: tuple[Toleration, ...] = ()
    """Beside the taints of a probe pod's own node."""
    images: dict[str, str] = field(default_factory=dict)
    """Image references that replace the suite's, by the suite's name for the image."""
    registry: str | None = None
    """Mirror that all images are pulled from; None: where their names say."""
    pull_secret: str | None = None
    """``[namespace/]name`` of a Secret on the cluster; None: no pull secret."""
    allow: frozenset[str] = frozenset()
    """What may cost or disturb; keys of ``options.ALLOWANCES``."""
    strict: bool = False
    """Whether hardening checks decide verdicts."""
    not_applicable: dict[str, str] = field(default_factory=dict)
    """Requirement id → the user's reason why it is N/A."""
    solutions: dict[str, str] = field(default_factory=dict)
    """Area → name of the only solution to look at; an area that is missing tries all."""
    prometheus_url: str | None = None
    """Base URL of the Prometheus API; None: it is looked for in the cluster."""
    prometheus_token_file: str | None = None
    """File with the bearer token for ``prometheus_url``; None: no token."""
    priority_class: str | None = None
    """PriorityClass of our pods, one that never preempts; None: the run makes its own."""
    exporter: str | None = None
    """Namespace of the platform's metrics exporter; None: wherever it is."""
    prometheus_service: Reference | None = None
    """Service behind which the Prometheus API answers; None: it is looked for."""
    hpa_metric: str | None = None
    """Metric by which pods are scaled; None: one that the accelerator's profile names."""
    queue: str | None = None
    """Queue of the whole cluster for gangs; None: one of the run's own."""
    gateway: Reference | None = None
    """Gateway for the routes of the checks; None: the only one, or a new one."""
    service: Reference | None = None
    """Inference service of the user; None: the suite's sample."""
    scale_in_timeout: float = 900.0
    """Seconds within which an autoscaler removes a node that nobody uses; never scaled."""
    redact: "Publication" = "pseudonyms"
    """What evidence is published without, beside credentials."""
    redact_patterns: tuple[str, ...] = ()
    """Regular expressions; what they match is taken out of evidence and terminal."""
    origins: dict[str, str] = field(default_factory=dict)
    """Field → where its value came from, e.g. ``AICR_KEEP (environment)``; defaults are absent."""

    def needs(self, allowance: str) -> None:
        """Go on only where the user allows what costs or disturbs.

        Raises:
            NotAllowed: the user does not; the hint says how.
        """
        if allowance not in self.allow:
            raise NotAllowed(
                f"This check would {ALLOWANCES[allowance]}.",
                hint=f"Allow it with --aicr-allow {allowance}.",
            )

    def as_text(self) -> dict[str, str]:
        """What differs from the defaults, and where it came from, for run.json."""
        return {name: f"{self._shown(name)}  [{o}]" for name, o in self.origins.items()}

    def _shown(self, name: str) -> str:
        if name == "redact_patterns":
            # They say what must not be published, perhaps letter by letter.
            return f"{len(self.redact_patterns)} given"
        text = _text(getattr(self, name))
        # Evidence is published; where it lay on somebody's machine is not part of it.
        return Path(text).name if name in _PATHS else text


_PATHS = ("evidence_dir", "kubeconfig", "prometheus_token_file")


def resolve(
    *,
    command_line: Mapping[str, Any],
    environment: Mapping[str, str],
    project: Mapping[str, Any],
    invocation_dir: Path,
    project_dir: Path,
) -> Settings:
    """Settings from the three places, each a mapping by its own names; None is "not given".

    Raises:
        SettingsError: a value is not valid, or two contradict each other.
    """
    values: dict[str, Any] = {}
    given: dict[str, str] = {}
    for option in OPTIONS:
        origin, raw = _first_given(option, command_line, environment, project)
        if origin:
            values[option.field] = _parsed(option, origin, raw)
            given[option.field] = origin
    if directory := values.get("evidence_dir"):
        # At once, and relative to whoever named it: a later chdir must not move the evidence.
        base = project_dir if given["evidence_dir"].endswith("(ini)") else invocation_dir
        values["evidence_dir"] = base / os.path.expanduser(directory)  # noqa: PTH111 - Path's raises
        values["evidence"] = True
    if values.get("lab"):
        values["allow"] = frozenset(ALLOWANCES)  # the lab costs nothing and disturbs nobody
    _refuse_contradictions(values, given)
    return Settings(**values, origins=given)


def from_config(config: "pytest.Config", environment: Mapping[str, str]) -> Settings:
    """Settings of a pytest run."""
    return resolve(
        command_line=vars(config.option),
        environment=environment,
        project={option.ini: config.getini(option.ini) for option in OPTIONS},
        invocation_dir=config.invocation_params.dir,
        project_dir=config.rootpath,
    )


def _first_given(
    option: Option,
    command_line: Mapping[str, Any],
    environment: Mapping[str, str],
    project: Mapping[str, Any],
) -> tuple[str, Any]:
    if (raw := command_line.get(option.dest)) is not None:
        return option.flag, raw
    if raw := environment.get(option.env, ""):
        several = [part.strip() for part in raw.split(";") if part.strip()]
        return f"{option.env} (environment)", several if option.gather else raw
    if (raw := project.get(option.ini)) is not None:
        return f"{option.ini} (ini)", raw
    return "", None


def _parsed(option: Option, origin: str, raw: Any) -> Any:
    if not option.gather:
        return _parsed_one(option, origin, raw)
    texts: Sequence[Any] = raw if isinstance(raw, list) else [raw]
    return option.gather([_parsed_one(option, origin, text) for text in texts])


def _parsed_one(option: Option, origin: str, raw: Any) -> Any:
    if isinstance(raw, bool):
        return raw
    try:
        return option.parse(str(raw))
    except HoldsSecret as error:
        raise SettingsError(f"{origin}: {error}.") from None
    except ValueError as error:
        reason = str(error)
        says_it = reason.startswith(repr(str(raw)))
        # Whoever writes a password into a URL shall not find it in a log.
        shown = re.sub(r"//.*@", "//…@", str(raw))
        message = reason if says_it else f"{shown!r} is not valid; {reason}."
        raise SettingsError(f"{origin}: {message}") from None


def _refuse_contradictions(values: Mapping[str, Any], given: Mapping[str, str]) -> None:
    for other in ("kubeconfig", "context"):
        if values.get("lab") and other in given:
            raise SettingsError(
                f"{given['lab']} and {given[other]} contradict each other: the lab has its own "
                "kubeconfig.\n  Leave one of them out."
            )
    if given.get("lab_name", "").startswith("--") and not values.get("lab"):
        raise SettingsError("--aicr-lab-name names a lab that is not used.\n  Add --aicr-lab.")
    if "prometheus_url" in values and "prometheus_service" in values:
        raise SettingsError(
            f"{given['prometheus_url']} and {given['prometheus_service']} both say where "
            "Prometheus is.\n  Leave one of them out."
        )
    if "prometheus_token_file" in values and "prometheus_url" not in values:
        raise SettingsError(
            f"{given['prometheus_token_file']} is for a URL that is not given.\n"
            "  Add --aicr-prometheus-url."
        )
    version = values.get("k8s_version") or VERSIONS[-1]
    for name in values.get("not_applicable", {}):
        requirement = BY_ID[name]
        if requirement.level(version) is Level.MUST and not requirement.may_be_not_applicable:
            raise SettingsError(
                f"{given['not_applicable']}: {name} is a MUST of {version} and cannot be N/A.\n"
                "  Of the MUSTs only cluster_autoscaling may be, where the platform has no "
                "autoscaler."
            )


def _text(value: Any) -> str:
    if isinstance(value, Toleration):
        return ":".join(f"{key}={text}" for key, text in value.as_object().items())
    if isinstance(value, Reference):
        return str(value)
    if isinstance(value, dict):
        return ", ".join(f"{key}={text}" for key, text in value.items())
    if isinstance(value, (tuple, frozenset)):
        return ", ".join(sorted(_text(item) for item in value))
    return str(value)
