"""Which cluster is chosen, and what bad input says."""

import contextlib
import json
import pathlib
from typing import Any

import pytest

from aicr_pytest.cluster.client import Cluster
from aicr_pytest.cluster.connection import configure
from aicr_pytest.cluster.credentials import credentials_of
from aicr_pytest.cluster.kubeconfig import choose
from aicr_pytest.errors import AccessDenied, ApiUnreachable, SettingsError
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


@pytest.mark.parametrize(
    ("context", "says"),
    [
        ({"cluster": "absent", "user": "me"}, "there is no cluster 'absent'"),
        ({"cluster": "c", "user": "absent"}, "there is no user 'absent'"),
        ({"cluster": "c"}, "names no user"),
        ({"user": "me"}, "names no cluster"),
        (None, "names no user"),
    ],
)
def test_context_that_lacks_something_is_bad_input(
    tmp_path: pathlib.Path, context: dict[str, str], says: str
) -> None:
    path = tmp_path / "kubeconfig"
    content = {
        "current-context": "a",
        "contexts": [{"name": "a", "context": context}],
        "clusters": [{"name": "c", "cluster": {"server": "https://c.example.com"}}],
        "users": [{"name": "me", "user": {"token": "t"}}],
    }
    path.write_text(json.dumps(content))

    with pytest.raises(SettingsError, match=f"context a: {says}"):
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


def test_other_headers_of_impersonation_are_honoured(tmp_path: pathlib.Path) -> None:
    user = {"as": "jane", "as-uid": "7", "as-user-extra": {"example.com/team": ["ml"]}}

    headers = choose(write(tmp_path / "a", "a", user), None, {}).headers

    assert headers == {
        "Impersonate-User": "jane",
        "Impersonate-Uid": "7",
        "Impersonate-Extra-example.com%2Fteam": "ml",
    }


@pytest.mark.parametrize(
    ("user", "says"),
    [
        ({"as": "jane", "as-groups": ["a", "b"]}, "more than one group"),
        ({"as": "jane", "as-user-extra": {"a": ["b", "c"]}}, "more than one value"),
        ({"as-groups": ["a"]}, "want an `as`"),
        ({"as": "jane\r\nX: y"}, "cannot be sent"),
        ({"as": "jane", "as-user-extra": {"\ud800": ["a"]}}, "a key that is no text"),
        ({"as": ["jane"]}, r"as: must be a text, and is a list"),
        ({"as": "jane", "as-groups": "devs"}, r"as-groups: must be a list, and is a text"),
    ],
)
def test_impersonation_that_cannot_be_honoured_is_refused(
    tmp_path: pathlib.Path, user: dict[str, Any], says: str
) -> None:
    with pytest.raises(SettingsError, match=says):
        choose(write(tmp_path / "a", "a", user), None, {})


WRONG = [7, True, 1.5, ["x"], {"x": "y"}, [None], "\x00"]
CLUSTER_TEXTS = ("server", "certificate-authority", "certificate-authority-data", "proxy-url")
USER_TEXTS = (
    "token",
    "tokenFile",
    "client-certificate",
    "client-certificate-data",
    "client-key",
    "client-key-data",
    "username",
    "password",
)
PLACES = [
    *(("clusters", field) for field in CLUSTER_TEXTS),
    ("clusters", "tls-server-name"),
    ("clusters", "insecure-skip-tls-verify"),
    *(("users", field) for field in USER_TEXTS),
    ("users", "exec"),
    ("users", "auth-provider"),
]


@pytest.mark.parametrize("wrong", WRONG, ids=repr)
@pytest.mark.parametrize(("section", "field"), PLACES, ids=lambda part: str(part))
def test_wrong_shape_of_any_field_is_an_error_of_ours(
    fake: FakeApi, tmp_path: pathlib.Path, section: str, field: str, wrong: object
) -> None:
    path = pathlib.Path(fake.kubeconfig(tmp_path))
    content = json.loads(path.read_text())
    entry = content[section][0][section.removesuffix("s")]
    if field not in ("server", "token"):
        entry.pop("token", None)
    entry[field] = wrong
    path.write_text(json.dumps(content))

    with contextlib.suppress(SettingsError, AccessDenied, ApiUnreachable):
        Cluster.connect(kubeconfig=str(path), run_id=RUN, patience=QUICK)


@pytest.mark.parametrize(
    "content",
    [
        {"contexts": {"a": {}}},
        {"contexts": ["a"]},
        {"contexts": [{"name": "a", "context": "a"}]},
        {"contexts": [{"name": ["a"], "context": {}}]},
        {"contexts": "a"},
        {"current-context": ["a"]},
        {"users": {"a": 1}},
        {"users": [7]},
        {"users": [{"name": "a", "user": "a"}]},
        {"users": [{"name": "a", "user": ["a"]}]},
        {"clusters": [{"name": "a", "cluster": "https://a"}]},
        {"clusters": [{"name": "a"}]},
        {"clusters": None},
        *({"users": [{"name": "a", "user": {"exec": spec}}]} for spec in ("aws", ["aws"], 7)),
        *(
            {"users": [{"name": "a", "user": {"exec": {"command": "true", **more}}}]}
            for more in (
                {"args": "eks"},
                {"args": [1]},
                {"env": {"A": "b"}},
                {"env": ["A=b"]},
                {"env": [{"value": "b"}]},
                {"apiVersion": ["v1"]},
                {"apiVersion": "client.authentication.k8s.io/v1alpha1"},
                {"apiVersion": "client.authentication.k8s.io/v1"},
                {"apiVersion": "client.authentication.k8s.io/v1", "interactiveMode": "Maybe"},
                {"command": ["aws"]},
                {"command": ""},
            )
        ),
    ],
    ids=json.dumps,
)
def test_wrong_shape_of_the_kubeconfig_is_bad_input(
    tmp_path: pathlib.Path, content: dict[str, Any]
) -> None:
    path = pathlib.Path(write(tmp_path / "kubeconfig", "a"))
    path.write_text(json.dumps(json.loads(path.read_text()) | content))

    with pytest.raises(SettingsError):
        Cluster.connect(kubeconfig=str(path), run_id=RUN, patience=QUICK)


@pytest.mark.parametrize(
    "text",
    [
        "token: SECRET: x",
        "token: 'SECRET",
        "token: *SECRET",
        "a: 2026-99-99",
        "a: !!python/object:os.system SECRET",
        "a: \x01SECRET",
        "[" * 20000,
    ],
)
def test_what_is_not_yaml_is_said_without_quoting_it(tmp_path: pathlib.Path, text: str) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(f"users:\n{text}\n")

    with pytest.raises(SettingsError, match="not YAML") as caught:
        choose(str(path), None, {})

    assert "SECRET" not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("path", ["~nobody-of-that-name/config", "x" * 5000, "a/" * 5000])
def test_path_that_cannot_be_is_named_like_one_that_is_not(
    tmp_path: pathlib.Path, path: str
) -> None:
    with pytest.raises(SettingsError, match=r"cannot be read: (No such|File name too long)"):
        choose(path, None, {})
    with pytest.raises(SettingsError, match="no such file"):
        choose(None, None, {"KUBECONFIG": path})
    with pytest.raises(SettingsError, match="No cluster to look at"):
        choose(None, None, {"HOME": "~nobody-of-that-name"})


@pytest.mark.parametrize("proxy", [" ", "http:// ", "http://a b", "\x1b[2J", "http://a\nb:1"])
def test_proxy_of_the_environment_that_is_none_is_bad_input_or_no_proxy(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    for name in ("https_proxy", "HTTPS_PROXY", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("https_proxy", proxy)
    target = choose(write(tmp_path / "a", "a"), None, {})
    credentials = credentials_of(target, lambda *_: None)

    if not proxy.strip():
        assert configure(target, credentials).proxy is None
    else:
        with pytest.raises(SettingsError, match="The proxy of the environment: "):
            configure(target, credentials)


def test_path_with_a_colon_is_one_path(fake: FakeApi, tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "a:b"
    folder.mkdir()

    assert Cluster.connect(kubeconfig=fake.kubeconfig(folder), run_id=RUN).context == "fake"


def test_empty_file_among_several_is_passed_over(tmp_path: pathlib.Path) -> None:
    (tmp_path / "empty").touch()
    environ = {"KUBECONFIG": f"{tmp_path / 'empty'}:{write(tmp_path / 'a', 'a')}"}

    assert choose(None, None, environ).context == "a"


def test_auth_provider_is_refused_with_the_way_out(tmp_path: pathlib.Path) -> None:
    path = write(tmp_path / "a", "a", {"auth-provider": {"name": "gcp"}})

    with pytest.raises(SettingsError, match=r"auth-provider is no longer .*\n.*credential plugin"):
        Cluster.connect(kubeconfig=path, run_id=RUN, patience=QUICK)
