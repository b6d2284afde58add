"""Settings from the command line, the environment and the project's file, in this order."""

import difflib
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aicr_pytest.choices import ALLOWANCES
from aicr_pytest.config.options import OPTIONS, SUITE_ENV, Option
from aicr_pytest.config.parsers import GATHERERS, PARSERS, HoldsSecret
from aicr_pytest.errors import SettingsError
from aicr_pytest.requirements.catalogue import BY_ID, VERSIONS, Level

if TYPE_CHECKING:
    import pytest

from aicr_pytest.settings import Settings

_OF_THE_LAB = ("AICR_LAB_CACHE", "AICR_LAB_HOME", "AICR_LAB_NVML_STATE", "AICR_NO_INSTALL")
"""Variables that the lab and scripts know."""


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
    _refuse_misspelt(environment)
    values: dict[str, Any] = {}
    given: dict[str, str] = {}
    for option in OPTIONS:
        origin, raw = _first_given(option, command_line, environment, project)
        if origin:
            values[option.field] = _parsed(option, origin, raw)
            given[option.field] = origin
    for field in ("evidence_dir", "cncf_submission", "product"):
        if text := values.get(field):
            # At once, and relative to whoever named it: a later chdir must not move the evidence.
            base = project_dir if given[field].endswith("(ini)") else invocation_dir
            values[field] = base / os.path.expanduser(text)  # noqa: PTH111 - Path's raises
    if values.get("cncf_submission") or values.get("upstream_suite"):
        values["evidence"] = True
    if path := values.get("evidence_dir"):
        values["evidence"] = True
        if os.path.islink(path) and not os.path.exists(path):  # noqa: PTH110, PTH114 - as above
            raise SettingsError(f"{given['evidence_dir']}: {path} is a link to nothing.")
    if values.get("lab") or values.get("provision"):
        values["allow"] = frozenset(ALLOWANCES)  # these cost nothing and disturb nobody
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
        return f"{option.env} (environment)", several if option.several else raw
    if (raw := project.get(option.ini)) is not None:
        return f"{option.ini} (ini)", raw
    return "", None


def _parsed(option: Option, origin: str, raw: Any) -> Any:
    if not option.several:
        return _parsed_one(option, origin, raw)
    texts: Sequence[Any] = raw if isinstance(raw, list) else [raw]
    return GATHERERS[option.field]([_parsed_one(option, origin, text) for text in texts])


def _parsed_one(option: Option, origin: str, raw: Any) -> Any:
    if isinstance(raw, bool):
        return raw
    try:
        return PARSERS[option.field](str(raw))
    except HoldsSecret as error:
        raise SettingsError(f"{origin}: {error}.") from None
    except ValueError as error:
        reason = str(error)
        says_it = reason.startswith(repr(str(raw)))
        # Whoever writes a password into a URL shall not find it in a log.
        shown = re.sub(r"//.*@", "//…@", str(raw))
        message = reason if says_it else f"{shown!r} is not valid; {reason}."
        raise SettingsError(f"{origin}: {message}") from None


def _refuse_misspelt(environment: Mapping[str, str]) -> None:
    """Refuse a variable that is nearly one of ours: a run would go on without what it says."""
    known = {SUITE_ENV, *_OF_THE_LAB, *(option.env for option in OPTIONS)}
    for name in sorted(environment):
        if name.startswith("AICR") and name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.85)
            if near:
                raise SettingsError(
                    f"{name} (environment): is no setting.\n  Did you mean {near[0]}?"
                )


_WHICH = "both say which cluster it is"
_REHEARSE = "a lab proves nothing of a product; rehearse with `aicr-pytest submit --simulated`"
_CONTRADICTIONS = (
    ("lab", "kubeconfig", _WHICH),
    ("lab", "context", _WHICH),
    ("provision", "lab", _WHICH),
    ("provision", "kubeconfig", _WHICH),
    ("provision", "context", _WHICH),
    ("prometheus_url", "prometheus_service", "both say where Prometheus is"),
    ("cncf_submission", "lab", _REHEARSE),
)
"""Two fields of which only one can be given, and why."""


def _refuse_contradictions(values: Mapping[str, Any], given: Mapping[str, str]) -> None:
    for one, other, why in _CONTRADICTIONS:
        if values.get(one) and values.get(other):
            # The colon: the word after --aicr-kubeconfig is taken for its value, and redacted.
            message = f"{given[one]} and {given[other]}: {why}.\n  Leave one of them out."
            raise SettingsError(message)
    if values.get("provision") and values.get("keep", "never") != "never":
        raise SettingsError(
            f"{given['keep']} leaves things on a cluster that {given['provision']} deletes.\n"
            "  Leave one of them out."
        )
    if given.get("lab_name", "").startswith("--") and not values.get("lab"):
        raise SettingsError("--aicr-lab-name names a lab that is not used.\n  Add --aicr-lab.")
    if "prometheus_token_file" in values and "prometheus_url" not in values:
        raise SettingsError(
            f"{given['prometheus_token_file']} is for a URL that is not given.\n"
            "  Add --aicr-prometheus-url."
        )
    if "product" in values and "cncf_submission" not in values:
        raise SettingsError(
            f"{given['product']} is for a pull request that is not asked for.\n"
            "  Add --cncf-submission."
        )
    version = values.get("k8s_version") or VERSIONS[-1]
    declared = values.get("not_applicable", {})
    refuse_not_applicable(declared, version, given.get("not_applicable", ""))


def refuse_not_applicable(declared: Iterable[str], version: str, origin: str) -> None:
    """Refuse to take a MUST of a version's list for N/A, where that is nobody's choice.

    Raises:
        SettingsError: one of them is such a MUST.
    """
    for name in declared:
        requirement = BY_ID[name]
        if requirement.level(version) is Level.MUST and not requirement.may_be_not_applicable:
            raise SettingsError(
                f"{origin}: {name} is a MUST of {version} and cannot be N/A.\n"
                "  Of the MUSTs only cluster_autoscaling may be, where the platform has no "
                "autoscaler."
            )
