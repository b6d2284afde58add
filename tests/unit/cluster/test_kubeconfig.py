"""Which cluster is chosen, and what bad input says."""

import json
import pathlib
from typing import Any

import pytest

from aicr_pytest.cluster.client import Cluster
from aicr_pytest.cluster.kubeconfig import choose
from aicr_pytest.errors import SettingsError
from tests.unit.cluster.conftest import QUICK, RUN
from tests.unit.cluster.fake_api import FakeApi


def write(path: pathlib.Path, name: str, user: dict[str, Any] | None = None) -> str:
    content = {
        "current-context": name,
        "clusters": [{"name": name, "cluster": {"server": f"https://{name}.example.com"}}],
        "users": [{"name": name, "user": user or {}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
    }
    path.write_text(json.dumps(content))
    return str(path)


def test_the_file_that_is_named_goes_before_the_environment(tmp_path: pathlib.Path) -> None:
    named = write(tmp_path / "a", "a")
    environ = {"KUBECONFIG": write(tmp_path / "b", "b"), "HOME": str(tmp_path)}

    assert choose(named, None, environ).context == "a"
    assert choose(None, None, environ).context == "b"


def test_several_files_are_merged_as_kubectl_does(tmp_path: pathlib.Path) -> None:
    files = [write(tmp_path / "a", "a"), str(tmp_path / "absent"), write(tmp_path / "b", "b")]
    environ = {"KUBECONFIG": ":".join(files)}

    assert choose(None, None, environ).context == "a"
    assert choose(None, "b", environ).context == "b"
    assert choose(None, None, environ).paths == (files[0], files[2])


def test_the_default_file_is_in_the_home_directory(tmp_path: pathlib.Path) -> None:
    (tmp_path / ".kube").mkdir()
    write(tmp_path / ".kube" / "config", "home")

    assert choose(None, None, {"HOME": str(tmp_path)}).context == "home"


def test_inside_a_pod_its_service_account_is_taken(tmp_path: pathlib.Path) -> None:
    environ = {"HOME": str(tmp_path), "KUBERNETES_SERVICE_HOST": "10.96.0.1"}

    assert choose(None, None, environ).context == "in-cluster"


def test_no_cluster_at_all_names_the_ways_out(tmp_path: pathlib.Path) -> None:
    with pytest.raises(SettingsError, match=r"--aicr-kubeconfig FILE.*--aicr-lab"):
        choose(None, None, {"HOME": str(tmp_path)})


def test_unknown_context_lists_those_that_there_are(tmp_path: pathlib.Path) -> None:
    with pytest.raises(SettingsError, match=r"no context 'prod'.\n  There are: a"):
        choose(write(tmp_path / "a", "a"), "prod", {})


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"a: [", "not YAML"),
        (b"just words", "not a kubeconfig"),
        (b"\xff\xfe\x00", "not a text file"),
        (b"", "not a kubeconfig"),
        (b"{}", "no current context"),
    ],
)
def test_unreadable_kubeconfig_is_named_with_the_reason(
    tmp_path: pathlib.Path, content: bytes, says: str
) -> None:
    path = tmp_path / "kubeconfig"
    path.write_bytes(content)

    with pytest.raises(SettingsError, match=f"Kubeconfig {path}: .*{says}"):
        choose(str(path), None, {})


def test_missing_kubeconfig_is_named(tmp_path: pathlib.Path) -> None:
    with pytest.raises(SettingsError, match="absent: cannot be read: No such file"):
        choose(str(tmp_path / "absent"), None, {})
    with pytest.raises(SettingsError, match=r"KUBECONFIG=.*absent: no such file"):
        choose(None, None, {"KUBECONFIG": str(tmp_path / "absent")})


def test_context_without_a_cluster_is_bad_input(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "kubeconfig"
    context = {"name": "a", "context": {"cluster": "absent", "user": "a"}}
    path.write_text(json.dumps({"current-context": "a", "contexts": [context]}))

    with pytest.raises(SettingsError, match=r"Context a: .*"):
        Cluster.connect(kubeconfig=str(path), run_id=RUN, patience=QUICK)


def test_users_kubeconfig_is_unchanged_after_use(fake: FakeApi, tmp_path: pathlib.Path) -> None:
    path = pathlib.Path(fake.kubeconfig(tmp_path))
    before = (path.read_bytes(), path.stat().st_mtime_ns)

    Cluster.connect(kubeconfig=str(path), run_id=RUN, patience=QUICK)

    assert (path.read_bytes(), path.stat().st_mtime_ns) == before


def test_impersonation_is_honoured(tmp_path: pathlib.Path) -> None:
    user = {"as": "jane", "as-groups": ["devs"]}

    headers = choose(write(tmp_path / "a", "a", user), None, {}).headers

    assert headers == {"Impersonate-User": "jane", "Impersonate-Group": "devs"}
