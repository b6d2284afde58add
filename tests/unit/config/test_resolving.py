"""Settings: command line over environment over project file over default."""

from pathlib import Path
from typing import Any

import pytest

from aicr_pytest.config.options import OPTIONS
from aicr_pytest.config.resolving import resolve
from aicr_pytest.errors import SettingsError
from aicr_pytest.settings import Reference, Settings, Toleration

HERE = Path("/somewhere")
PROJECT = Path("/project")


def settings(
    command_line: dict[str, Any] | None = None,
    environment: dict[str, str] | None = None,
    project: dict[str, Any] | None = None,
) -> Settings:
    return resolve(
        command_line=command_line or {},
        environment=environment or {},
        project=project or {},
        invocation_dir=HERE,
        project_dir=PROJECT,
    )


def test_defaults_are_promises() -> None:
    assert settings() == Settings(
        evidence=False,
        evidence_dir=None,
        kubeconfig=None,
        context=None,
        features=(),
        lab=False,
        lab_name="default",
        keep="never",
        timeout_scale=1.0,
        allocation="auto",
        k8s_version=None,
        nodes="",
        tolerations=(),
        images={},
        registry=None,
        pull_secret=None,
        allow=frozenset(),
        strict=False,
        not_applicable={},
        solutions={},
        prometheus_url=None,
        prometheus_token_file=None,
        prometheus_service=None,
        hpa_metric=None,
        queue=None,
        gateway=None,
        service=None,
        scale_in_timeout=900.0,
    )


def test_every_option_is_a_field_with_the_same_default() -> None:
    for option in OPTIONS:
        assert getattr(Settings(), option.field) == option.default


def test_command_line_beats_environment_beats_project() -> None:
    line = {"aicr_keep": "always"}
    environment = {"AICR_KEEP": "failed"}
    project = {"aicr_keep": "never"}

    assert settings(line, environment, project).keep == "always"
    assert settings(None, environment, project).keep == "failed"
    assert settings(None, None, project).keep == "never"


def test_origin_of_every_value_that_is_no_default_is_told() -> None:
    told = settings({"aicr_keep": "always"}, {"AICR_TIMEOUT_SCALE": "2"}).as_text()

    assert told == {
        "keep": "always  [--aicr-keep]",
        "timeout_scale": "2.0  [AICR_TIMEOUT_SCALE (environment)]",
    }


def test_switch_of_the_project_can_be_turned_off_by_the_environment() -> None:
    assert settings(None, {"AICR_STRICT": "no"}, {"aicr_strict": True}).strict is False


def test_labels_are_by_their_keys() -> None:
    made = settings(None, {"AICR_LABEL": "owner=ml; myk8s.io/team=gpu; empty="})

    assert made.labels == {"owner": "ml", "myk8s.io/team": "gpu", "empty": ""}


def test_several_values_of_the_environment_are_separated_by_semicolons() -> None:
    made = settings(None, {"AICR_TOLERATION": "gpu=yes:NoSchedule; spot"})

    assert made.tolerations == (
        Toleration(key="gpu", value="yes", effect="NoSchedule"),
        Toleration(key="spot"),
    )
    assert [toleration.as_object() for toleration in made.tolerations] == [
        {"key": "gpu", "operator": "Equal", "value": "yes", "effect": "NoSchedule"},
        {"key": "spot", "operator": "Exists"},
    ]


@pytest.mark.parametrize(
    ("name", "requirement"),
    [
        ("dra", "dra_support"),
        ("secure-access", "secure_accelerator_access"),
        ("hpa", "pod_autoscaling"),
        ("metrics", "accelerator_metrics"),
        ("gang_scheduling", "gang_scheduling"),
    ],
)
def test_features_are_found_by_name_alias_and_id(name: str, requirement: str) -> None:
    assert settings({"aicr_feature": [name]}).features == (requirement,)


def test_evidence_directory_implies_evidence() -> None:
    assert settings({"aicr_evidence_dir": "out"}).evidence is True


def test_evidence_directory_is_relative_to_whoever_named_it() -> None:
    assert settings({"aicr_evidence_dir": "out"}).evidence_dir == HERE / "out"
    assert settings(None, None, {"aicr_evidence_dir": "out"}).evidence_dir == PROJECT / "out"
    assert settings({"aicr_evidence_dir": "/abs"}).evidence_dir == Path("/abs")


def test_allowances_of_several_options_add_up() -> None:
    made = settings({"aicr_allow": ["scale-out,disruption", "load-balancer"]})

    assert made.allow == {"scale-out", "disruption", "load-balancer"}


def test_lab_allows_all() -> None:
    assert settings({"aicr_lab": True}).allow == {"scale-out", "load-balancer", "disruption"}


def test_cluster_that_is_made_for_the_run_allows_all() -> None:
    made = settings(None, {"AICR_PROVISION": "kind"})

    assert made.allow == {"scale-out", "load-balancer", "disruption"}
    assert made.as_text() == {"provision": "kind  [AICR_PROVISION (environment)]"}


def test_objects_of_the_cluster_are_named_with_their_namespace() -> None:
    made = settings({"aicr_gateway": "infra/edge", "aicr_service": "chat/vllm:8000"})

    assert made.gateway == Reference(namespace="infra", name="edge")
    assert made.service == Reference(namespace="chat", name="vllm", port="8000")
    assert made.as_text()["service"] == "chat/vllm:8000  [--aicr-service]"


def test_two_places_of_prometheus_contradict() -> None:
    line = {"aicr_prometheus_url": "https://metrics/prom/"}

    assert settings(line).prometheus_url == "https://metrics/prom"
    with pytest.raises(SettingsError, match="both say where"):
        settings(line, {"AICR_PROMETHEUS_SERVICE": "monitoring/prometheus:web"})


@pytest.mark.parametrize(
    "url",
    [
        "https://me:hunter2@metrics/prom",
        "https://hunter2@metrics",
        "https://me:hun/ter2@metrics",
        "https://me:hunter2?@metrics",
        "https://me:hunter2#@metrics",
        "https://me:hunter2@@metrics x",
        "ftp://me:hunter2@metrics",
    ],
)
def test_url_with_a_password_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings(None, {"AICR_PROMETHEUS_URL": url})

    assert "hun" not in str(caught.value)
    assert "ter2" not in str(caught.value)


def test_url_with_a_user_says_the_way_out() -> None:
    with pytest.raises(SettingsError, match="--aicr-prometheus-token-file"):
        settings({"aicr_prometheus_url": "https://me:hunter2@metrics/prom"})


def test_place_of_the_token_file_is_not_published() -> None:
    line = {"aicr_prometheus_url": "https://m", "aicr_prometheus_token_file": "/home/me/token"}

    assert settings(line).as_text()["prometheus_token_file"].startswith("token ")


def test_number_of_the_project_file_may_be_a_number() -> None:
    assert settings(None, None, {"aicr_timeout_scale": 3}).timeout_scale == 3.0


def test_server_version_is_cut_to_the_list() -> None:
    assert settings({"aicr_k8s_version": "v1.36.2"}).k8s_version == "1.36"


def test_lab_in_the_project_file_does_not_forbid_its_name_there() -> None:
    assert settings(None, None, {"aicr_lab_name": "two"}).lab_name == "two"


def test_context_of_the_environment_and_the_lab_contradict() -> None:
    with pytest.raises(SettingsError, match=r"--aicr-lab and AICR_CONTEXT \(environment\)"):
        settings({"aicr_lab": True}, {"AICR_CONTEXT": "prod"})
