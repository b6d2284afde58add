"""Bad input: one message that names it and the way out, exit status 4, no check, no traceback."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Project


def refused(project: "Project", *arguments: str) -> str:
    """Run with bad input; what was said about it."""
    result = project.run("--aicr", *arguments)
    said = result.stderr.str()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "Traceback" not in said + result.stdout.str()
    assert "passed" not in result.stdout.str()
    assert said.count("ERROR:") == 1
    return said


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--aicr-feature", "drra"), "--aicr-feature: 'drra' is no feature*Did you mean 'dra'?"),
        (("--aicr-keep", "sometimes"), "'sometimes'*never, failed, always"),
        (("--aicr-timeout-scale", "0"), "--aicr-timeout-scale: '0' is not valid*above 0"),
        (("--aicr-timeout-scale", "nan"), "--aicr-timeout-scale: 'nan'*above 0"),
        (("--aicr-allocation", "magic"), "'magic'*auto, dra, extended-resource, device-plugin"),
        (("--aicr-k8s-version", "1.99"), "'1.99'*1.33, 1.34"),
        (("--aicr-k8s-version", "new"), "'new'*1.33, 1.34"),
        (("--aicr-toleration", "a=b:Sometimes"), "*KEY*EFFECT one of NoSchedule"),
        (("--aicr-label", "team"), "'team'*KEY=VALUE"),
        (
            ("--aicr-label", "pod-security.kubernetes.io/enforce=privileged"),
            "labels of pod-security.kubernetes.io are Kubernetes' own, or ours",
        ),
        (("--aicr-image", "cuda"), "'cuda'*NAME=REF"),
        (("--aicr-image", "cuda=x"), "the suite's images are: probe"),
        (("--aicr-registry", "https://mirror"), "*without a scheme"),
        (("--aicr-allow", "all"), "'all'*scale-out, load-balancer, disruption"),
        (("--aicr-nodes", "every"), "'every'*pools*all*label selector"),
        (("--aicr-not-applicable", "cluster_autoscaling"), "*needs a reason"),
        (("--aicr-not-applicable", "gang_scheduling=why"), "*MUST of 1.37 and cannot be N/A"),
        (("--aicr-lab", "--aicr-context", "x"), "--aicr-lab and --aicr-context: both say which"),
        (("--aicr-lab", "--aicr-kubeconfig=x"), "--aicr-lab and --aicr-kubeconfig: both say which"),
        (("--aicr-lab-name", "x"), "*Add --aicr-lab"),
        (("--aicr-lab", "--aicr-lab-name", "../x"), "*lower-case letters"),
        (("--aicr-provision", "gke"), "--aicr-provision: 'gke'*kind, k3d, minikube, lab"),
        (("--aicr-provision=k3d", "--aicr-lab"), "--aicr-provision and --aicr-lab: both say"),
        (
            ("--aicr-provision=kind", "--aicr-context=x"),
            "--aicr-provision and --aicr-context: both",
        ),
        (
            ("--aicr-provision=kind", "--aicr-kubeconfig=x"),
            "*and --aicr-kubeconfig: both say which",
        ),
        (("--aicr-provision=kind", "--aicr-keep=failed"), "--aicr-keep *--aicr-provision deletes"),
        (("--aicr-provision=lab", "--aicr-lab-name=x"), "*Add --aicr-lab"),
        (("--aicr-solution", "gong=kueue"), "'gong=kueue'*AREA one of gang, gateway"),
        (("--aicr-solution", "gang=kube"), "'gang=kube'*solutions of gang are"),
        (("--aicr-prometheus-url", "prometheus:9090"), "'prometheus:9090'*http://"),
        (("--aicr-prometheus-url", "https://u:SECRET@h/"), "--aicr-prometheus-url: a URL with*"),
        (("--aicr-exporter", "a/b"), "'a/b'*a namespace"),
        (("--aicr-priority-class", "a b"), "'a b'*a PriorityClass"),
        (("--aicr-prometheus-token-file", "t"), "*Add --aicr-prometheus-url"),
        (("--aicr-prometheus-service", "prometheus"), "*NAMESPACE/NAME[:PORT]"),
        (("--aicr-hpa-metric", "a b"), "'a b'*name of a metric"),
        (("--aicr-queue", "team/q"), "'team/q'*a queue of the whole cluster"),
        (("--aicr-gateway", "infra/edge:80"), "'infra/edge:80'*NAMESPACE/NAME"),
        (("--aicr-service", "chat"), "'chat'*NAMESPACE/NAME[:PORT]"),
        (("--aicr-scale-in-timeout", "soon"), "'soon'*seconds above 0"),
        (("--aicr-redact", "all"), "'all'*secrets, pseudonyms, identities"),
        (("--aicr-redact-pattern", "("), "--aicr-redact-pattern: *a regular expression"),
        (("--aicr-redact-pattern", "x*"), "--aicr-redact-pattern: *does not match the empty text"),
        (("--evidence-dir", " "), "--evidence-dir: ' ' is not valid"),
    ],
)
def test_bad_option_is_named_with_what_is_valid(
    project: "Project", arguments: tuple[str, ...], named: str
) -> None:
    said = refused(project, *arguments)

    assert "SECRET" not in said
    for part in named.split("*"):
        assert part in said
    assert project.connections == []
    assert project.lab == []


def test_bad_environment_is_named(project: "Project", monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AICR_KEEP", "sometimes")

    assert "AICR_KEEP (environment): 'sometimes' is not valid" in refused(project)


def test_bad_project_file_is_named(project: "Project") -> None:
    project.ini("aicr_keep = sometimes")

    assert "aicr_keep (ini): 'sometimes' is not valid" in refused(project)


def test_bad_option_is_refused_though_nothing_uses_it(project: "Project") -> None:
    project.pytester.makepyfile("def test_mine(): pass")

    result = project.run("--aicr-keep", "sometimes")

    assert result.ret == pytest.ExitCode.USAGE_ERROR


@pytest.mark.parametrize("word", ["x" * 5000, "a" * 300])
def test_value_that_is_no_path_disturbs_nobody(project: "Project", word: str) -> None:
    project.pytester.makepyfile("def test_mine(): pass")

    result = project.run("--aicr-registry", word, "--evidence-dir", "~nobody-of-that-name/x")

    assert result.ret == pytest.ExitCode.OK


@pytest.mark.parametrize("name", ["SettingsError", "ApiUnreachable", "AccessDenied"])
def test_cluster_that_cannot_be_reached_ends_the_run_before_any_check(
    project: "Project", monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("FAKE_REFUSAL", name)

    assert "the cluster says no" in refused(project)


def test_missing_basic_access_is_named(project: "Project", monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_FORBIDDEN", "create namespaces;delete pods")

    said = refused(project)

    assert "create namespaces" in said
    assert "delete pods" in said
    assert "get pods" not in said


def test_lab_that_does_not_start_is_one_message_and_is_given_back(
    project: "Project", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_LAB_TROUBLE", "not root\n  Run it as root.")

    assert "--aicr-lab: not root" in refused(project, "--aicr-lab")


def test_lab_is_taken_down_when_its_api_server_says_no(
    project: "Project", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_REFUSAL", "ApiUnreachable")

    refused(project, "--aicr-lab")

    assert project.lab == ["start default", "stop default"]


def test_directory_of_another_run_is_refused(project: "Project") -> None:
    project.run("--aicr", "--evidence-dir=out")

    said = refused(project, "--evidence-dir=out")

    assert "holds run" in said
    assert "--evidence-dir" in said


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (
            ("--aicr-pull-secret", "a/b/c"),
            "--aicr-pull-secret: *is not valid; it has to be [NAMESPACE/]NAME",
        ),
        (("--aicr-image", "probe=UPPER//x:y:z"), "'probe=UPPER//x:y:z'*[HOST[:PORT]/]PATH"),
        (("--aicr-nodes", "="), "'='*label selector"),
    ],
)
def test_value_that_no_cluster_takes_is_named(
    project: "Project", arguments: tuple[str, ...], named: str
) -> None:
    said = refused(project, *arguments)

    assert all(part in said for part in named.split("*"))
    assert project.connections == []


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("AICR_CONTXT", "x", "AICR_CONTXT (environment): is no setting.*AICR_CONTEXT?"),
        ("AICR_NODE", "all", "Did you mean AICR_NODES?"),
        ("AICR_SUITE", "maybe", "AICR_SUITE (environment): 'maybe' is not valid; valid: true"),
    ],
)
def test_misspelt_variable_is_named(
    project: "Project", monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)

    told = refused(project)

    assert all(part in told for part in said.split("*"))


def test_variables_of_others_are_none_of_ours(
    project: "Project", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AICR_SNAPSHOT_ENDPOINT", "x")
    monkeypatch.setenv("AICR_LAB_CACHE", "/tmp")

    assert project.run("--aicr").ret == 0


@pytest.mark.parametrize("word", ["maybe", "2"])
def test_switch_of_the_project_file_is_named(project: "Project", word: str) -> None:
    project.ini(f"aicr_lab = {word}")

    assert f"aicr_lab (ini): '{word}' is not valid; valid: true, false" in refused(project)


def test_project_file_in_toml_takes_numbers_and_switches(project: "Project") -> None:
    text = "[tool.pytest]\naicr_scale_in_timeout = 60\naicr_strict = true\n"
    (project.path / "pyproject.toml").write_text(text, encoding="utf-8")

    assert project.run("--aicr").ret == 0


def test_must_of_the_servers_own_list_is_not_declared_away(
    project: "Project", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_VERSION", "v1.35.0")

    said = refused(project, "--aicr-not-applicable", "dra_support=why")

    assert "--aicr-not-applicable: dra_support is a MUST of 1.35 and cannot be N/A" in said


@pytest.mark.parametrize("version", ["v1.32.4", "v1.38.0"])
def test_list_of_another_version_is_said(
    project: "Project", monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    monkeypatch.setenv("FAKE_VERSION", version)

    result = project.run("--aicr")

    result.stdout.fnmatch_lines(["requirements: the list of Kubernetes * (the nearest: none is*"])


def test_directory_that_is_a_link_to_nothing_is_said(project: "Project") -> None:
    (project.path / "out").symlink_to("nowhere")

    assert "is a link to nothing" in refused(project, "--evidence-dir=out")


def test_pull_secret_that_is_not_there_ends_the_run_before_any_check(project: "Project") -> None:
    said = refused(project, "--aicr-pull-secret", "tools/pull")

    assert "'tools/pull' cannot be read (--aicr-pull-secret): " in said
    assert "404" in said
