"""Who we are to the API server: never nobody, renewed in time, with a plugin's own words."""

import base64
import json
import pathlib
import re
import time
from typing import Any

import pytest

from aicr_pytest.cluster.credentials import Asked, TokenFile, credentials_of
from aicr_pytest.cluster.kinds import NODE
from aicr_pytest.cluster.plugin import Plugin
from aicr_pytest.cluster.shapes import Section
from aicr_pytest.errors import AccessDenied, SettingsError
from tests.unit.cluster.fake_api import FakeApi
from tests.unit.cluster.fake_websocket import WebSocket
from tests.unit.cluster.kubeconfigs import (
    GIVES,
    LATER,
    V1,
    Kubeconfig,
    answer,
    connect,
    gives,
    program,
    runs,
)


@pytest.fixture
def kubeconfig(fake: FakeApi, tmp_path: pathlib.Path) -> Kubeconfig:
    return Kubeconfig(fake, tmp_path)


# -- a plugin that gives nothing --------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (
            "echo 'SSO session expired, run: aws sso login' >&2; exit 255",
            r"255, and said:\n    SSO",
        ),
        ('echo "$1" >&2; exit 1', "failed with exit code 1"),
        ("kill -9 $$", "ended by signal 9"),
        ("exit 0", "printed nothing"),
        ("echo Please log in at https://x", "no JSON"),
        ("echo []", "must be a mapping"),
        ("echo null", "no ExecCredential"),
        ("echo '{}'", "no ExecCredential"),
        (gives(), "neither a token nor a certificate"),
        (gives(token=""), "neither a token nor a certificate"),
        (gives(token="a b"), "holds something that is no token"),
        (gives(clientCertificateData="x"), "a certificate without its key"),
        (gives(clientCertificateData="x", clientKeyData="y"), "cannot be used"),
        (gives(token="t", expirationTimestamp="soon"), "is no time"),
        (gives(token="t", version=f"{V1}beta1"), "apiVersion .*v1beta1.* wants"),
        (gives(status=["x"]), "status: must be a mapping"),
        (gives(token=7), "token: must be a text"),
        ("yes", "more than 1 MiB"),
        ("head -c 100000 /dev/urandom; exit 3", "failed with exit code 3"),
    ],
)
def test_plugin_that_gives_nothing_ends_the_run_in_its_own_words(
    kubeconfig: Kubeconfig, body: str, says: str
) -> None:
    with pytest.raises(AccessDenied, match=says) as caught:
        connect(kubeconfig.plugin(body))

    assert "the credential plugin" in str(caught.value)
    assert re.search("fake|user me", str(caught.value))
    assert kubeconfig.fake.requests == []


@pytest.mark.parametrize("command", ["aicr-no-such-plugin", "./absent", "/etc/hostname", "a\0b"])
def test_plugin_that_is_not_there_is_named_with_the_install_hint(
    kubeconfig: Kubeconfig, command: str
) -> None:
    spec = kubeconfig.spec("", installHint="get it \x1b[31mhere", command=command)

    with pytest.raises(AccessDenied, match=r"cannot be run: .*(\n.*)*get it .\[31mhere") as caught:
        connect(kubeconfig({"exec": spec}))

    assert "\x1b" not in str(caught.value)
    assert kubeconfig.fake.requests == []


def test_plugin_that_hangs_is_waited_for_and_said(tmp_path: pathlib.Path) -> None:
    told: list[tuple[str, str]] = []
    plugin = plugin_of(tmp_path, "echo 'open https://login and enter ABCD' >&2; sleep 60")

    with pytest.raises(AccessDenied, match=r"did not end within 2.5 s, and said:\n    open https"):
        plugin.ask(lambda what, seen, *_: told.append((what, seen)), patience=2.5)

    assert told[0][0] == "Context fake: the credential plugin plugin.sh: credentials, e.g. a login"
    assert "enter ABCD" in told[0][1]


def test_plugin_that_hangs_is_ended_with_its_children(tmp_path: pathlib.Path) -> None:
    plugin = plugin_of(tmp_path, f"sleep 61 & echo $! > {tmp_path}/child; wait")

    with pytest.raises(AccessDenied):
        plugin.ask(lambda *_: None, patience=0.7)

    child = int((tmp_path / "child").read_text())
    assert_gone(child)


def assert_gone(pid: int) -> None:
    for _ in range(100):
        try:
            state = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return
        if state == "Z":
            return
        time.sleep(0.02)
    raise AssertionError(f"{pid} lives")


def plugin_of(folder: pathlib.Path, body: str, **spec: Any) -> Plugin:
    fields = {"command": program(folder, body), "apiVersion": V1, "interactiveMode": "Never"}
    section = Section(where="exec", fields=fields | spec)
    return Plugin.read(section, Section(where="cluster"), context="fake", try_with="kubectl")


def test_agent_that_a_plugin_leaves_behind_holds_nobody_up(tmp_path: pathlib.Path) -> None:
    plugin = plugin_of(tmp_path, "sleep 5 & " + gives(token="t"))

    assert plugin.ask(lambda *_: None).token == "t"


def test_plugins_words_are_cleaned_and_harmless(kubeconfig: Kubeconfig) -> None:
    body = "printf 'got SECRET\\033]0;x\\007 \\342\\200\\256\\n' >&2; exit 1"

    with pytest.raises(AccessDenied, match=r"got \[redacted\]") as caught:
        connect(kubeconfig.plugin(body), clean=lambda text: text.replace("SECRET", "[redacted]"))

    assert str(caught.value).replace("\n", "").isprintable()


def test_what_a_plugin_printed_is_never_shown(kubeconfig: Kubeconfig) -> None:
    with pytest.raises(AccessDenied) as caught:
        connect(kubeconfig.plugin("echo 'token: SECRET'; exit 0"))

    assert "SECRET" not in str(caught.value)


def test_plugin_that_wants_a_terminal_is_refused_without_one(kubeconfig: Kubeconfig) -> None:
    with pytest.raises(AccessDenied, match=r"wants a terminal.*\n.*pytest with -s"):
        connect(kubeconfig.plugin("exit 0", interactiveMode="Always"))


# -- a plugin that gives something ------------------------------------------------------------


def test_plugin_is_told_what_it_wants_to_know(kubeconfig: Kubeconfig) -> None:
    body = (
        f'echo "$KUBERNETES_EXEC_INFO" > {kubeconfig.folder}/told\n'
        f'echo "$1 $WHO" > {kubeconfig.folder}/words; {GIVES}'
    )
    path = kubeconfig(
        {
            "exec": kubeconfig.spec(
                body,
                args=["two words"],
                env=[{"name": "WHO", "value": "jane"}],
                provideClusterInfo=True,
            )
        },
        extensions=[{"name": "client.authentication.k8s.io/exec", "extension": {"audience": "a"}}],
    )

    connect(path)

    told = json.loads((kubeconfig.folder / "told").read_text())
    assert told["apiVersion"] == V1
    assert told["spec"]["interactive"] is False
    assert told["spec"]["cluster"] == {"server": kubeconfig.fake.url, "config": {"audience": "a"}}
    assert (kubeconfig.folder / "words").read_text() == "two words jane\n"
    assert set(kubeconfig.fake.authorizations) == {"Bearer t"}


def test_plugin_beside_the_kubeconfig_is_found_from_there(kubeconfig: Kubeconfig) -> None:
    spec = kubeconfig.spec(gives(token="t"), command="./plugin.sh")

    connect(kubeconfig({"exec": spec}))

    assert set(kubeconfig.fake.authorizations) == {"Bearer t"}


def test_plugin_is_asked_once_while_its_token_is_valid(kubeconfig: Kubeconfig) -> None:
    cluster = connect(kubeconfig.plugin(gives(token="t", expirationTimestamp=LATER)))
    for _ in range(3):
        cluster.list(NODE)

    assert runs(kubeconfig.folder) == 1


def test_plugin_is_asked_again_before_its_token_expires(tmp_path: pathlib.Path) -> None:
    import datetime

    now = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    plugin = plugin_of(tmp_path, gives(token="t", expirationTimestamp="2026-01-01T00:10:00Z"))
    asked = Asked(plugin, lambda *_: None, now=lambda: now)

    asked.header()
    now += datetime.timedelta(minutes=9, seconds=29)
    asked.header()
    assert runs(tmp_path) == 1
    now += datetime.timedelta(seconds=2)
    asked.header()
    assert runs(tmp_path) == 2


def test_token_that_is_refused_midway_is_asked_for_again(kubeconfig: Kubeconfig) -> None:
    fake, folder = kubeconfig.fake, kubeconfig.folder
    for number in (1, 2):
        (folder / f"answer{number}").write_text(answer(token=f"t{number}"))
    body = f"cat {folder}/answer$(wc -l < {folder}/runs)"
    fake.accepts = {"Bearer t1"}
    cluster = connect(kubeconfig.plugin(body))

    fake.accepts = {"Bearer t2"}
    assert cluster.list(NODE) == []
    assert runs(folder) == 2


def test_token_that_stays_refused_is_asked_for_once_more_only(kubeconfig: Kubeconfig) -> None:
    kubeconfig.fake.accepts = set()

    with pytest.raises(AccessDenied, match="does not accept our credentials"):
        connect(kubeconfig.plugin(gives(token="t")))

    assert runs(kubeconfig.folder) == 2
    assert len(kubeconfig.fake.requests) == 1


def test_plugin_that_fails_midway_is_told_then(kubeconfig: Kubeconfig) -> None:
    body = (
        f"[ $(wc -l < {kubeconfig.folder}/runs) = 1 ] || {{ echo logged out >&2; exit 1; }}\n"
        f"{GIVES}"
    )
    cluster = connect(kubeconfig.plugin(body))
    kubeconfig.fake.accepts = set()

    with pytest.raises(AccessDenied, match="logged out"):
        cluster.list(NODE)


def test_stream_that_is_refused_is_opened_with_a_new_token(kubeconfig: Kubeconfig) -> None:
    fake, folder = kubeconfig.fake, kubeconfig.folder
    (folder / "token").write_text("old")
    cluster = connect(kubeconfig({"tokenFile": "token"}))

    def say(socket: WebSocket, query: dict[str, list[str]]) -> None:
        socket.send(b"\x01hello")
        socket.send(b"\x03" + json.dumps({"status": "Success"}).encode())

    fake.streams["/api/v1/namespaces/ns/pods/p/exec"] = say
    (folder / "token").write_text("new")
    fake.accepts = {"Bearer new"}

    assert cluster.exec("p", "ns", ["echo"]).stdout == "hello"


# -- token files ------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"A\n", b"  A \r\n", b"A"])
def test_token_file_is_trimmed(kubeconfig: Kubeconfig, content: bytes) -> None:
    (kubeconfig.folder / "token").write_bytes(content)

    connect(kubeconfig({"tokenFile": "token"}))  # from the kubeconfig's folder

    assert kubeconfig.fake.authorizations == ["Bearer A"]


@pytest.mark.parametrize(
    "content",
    [b"", b"\n \n", b"SECRET\nSECRET", b"SECRET\x00", b"SECRET\xff\xfe", b"SECRET SECRET", b"\x7f"],
)
def test_token_file_without_a_token_is_one_error_without_its_content(
    kubeconfig: Kubeconfig, content: bytes
) -> None:
    (kubeconfig.folder / "token").write_bytes(content)

    with pytest.raises(SettingsError, match=r"user me.tokenFile: .*/token: holds") as caught:
        connect(kubeconfig({"tokenFile": "token"}))

    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize("path", ["absent", ".", "a\0b"])
def test_token_file_that_cannot_be_read_is_named(kubeconfig: Kubeconfig, path: str) -> None:
    with pytest.raises(SettingsError, match=r"tokenFile: .*: cannot be read"):
        connect(kubeconfig({"tokenFile": path}))


@pytest.mark.parametrize("token", ["SECRET\nX: y", "SECRET x", "SECRETé"])
def test_token_that_cannot_be_sent_is_not_quoted(kubeconfig: Kubeconfig, token: str) -> None:
    with pytest.raises(SettingsError, match=r"user me.token: holds") as caught:
        connect(kubeconfig({"token": token}))

    assert "SECRET" not in str(caught.value)


def test_token_file_is_read_again_once_it_is_old_or_refused(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "token"
    path.write_text("old")
    patient, no_retry = TokenFile(str(path), "x"), TokenFile(str(path), "x", age=0.0)
    path.write_text("new")

    assert patient.header() == "Bearer old"
    assert no_retry.header() == "Bearer new"
    assert patient.renew("Bearer old")
    assert patient.header() == "Bearer new"
    assert not patient.renew("Bearer new")
    path.write_text("")  # caught while it is written
    assert no_retry.header() == "Bearer new"


def test_token_that_is_written_anew_into_the_kubeconfig_is_read(kubeconfig: Kubeconfig) -> None:
    cluster = connect(kubeconfig({"token": "old"}))
    kubeconfig({"token": "new"})
    kubeconfig.fake.accepts = {"Bearer new"}

    assert cluster.list(NODE) == []


@pytest.mark.parametrize(
    ("user", "more"),
    [
        ({"token": "old"}, {}),
        ({}, {}),
        ({"token": "new"}, {"server": "https://elsewhere.example"}),
        ({"token": ["no", "text"]}, {}),
    ],
    ids=["the same", "nobody", "another server", "half written"],
)
def test_kubeconfig_that_gives_nothing_better_leaves_the_refusal(
    kubeconfig: Kubeconfig, user: dict[str, Any], more: dict[str, str]
) -> None:
    cluster = connect(kubeconfig({"token": "old"}))
    kubeconfig(user, **more)
    kubeconfig.fake.accepts = {"Bearer new"}

    with pytest.raises(AccessDenied, match="does not accept our credentials"):
        cluster.list(NODE)
    assert set(kubeconfig.fake.authorizations) == {"Bearer old"}


def test_watch_that_is_refused_goes_on_with_a_new_token(kubeconfig: Kubeconfig) -> None:
    fake, token = kubeconfig.fake, kubeconfig.folder / "token"
    token.write_text("old")
    cluster = connect(kubeconfig({"tokenFile": "token"}))

    def renew() -> None:
        token.write_text("new")
        fake.accepts = {"Bearer new"}
        fake.put("/api/v1/nodes", {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}})
        fake.compact()

    fake.when_watched.append(("/nodes", renew))

    assert [event for event, _ in cluster.watch(NODE, timeout=1.0)][:1] == ["ADDED"]


# -- others -----------------------------------------------------------------------------------


def test_name_and_password_are_sent(kubeconfig: Kubeconfig) -> None:
    connect(kubeconfig({"username": "jane", "password": "pä:ss"}))

    sent = kubeconfig.fake.authorizations[0].removeprefix("Basic ")
    assert base64.b64decode(sent).decode() == "jane:pä:ss"


def test_two_ways_to_authenticate_are_refused(kubeconfig: Kubeconfig) -> None:
    with pytest.raises(SettingsError, match="a token and a username"):
        connect(kubeconfig({"token": "t", "username": "u", "password": "p"}))


def test_loopback_is_not_reached_through_the_environments_proxy(
    kubeconfig: Kubeconfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    assert connect(kubeconfig({"token": "t"})).list(NODE) == []


@pytest.mark.parametrize("url", ["socks5://127.0.0.1:1", "http://", "gopher://x", "http://[", "x"])
def test_proxy_of_another_kind_is_refused(kubeconfig: Kubeconfig, url: str) -> None:
    with pytest.raises(SettingsError, match="proxy-url: "):
        connect(kubeconfig({"token": "t"}, **{"proxy-url": url}))


def test_credentials_of_a_proxy_are_sent_to_it_and_shown_nowhere(kubeconfig: Kubeconfig) -> None:
    from aicr_pytest.cluster.connection import configure
    from aicr_pytest.cluster.kubeconfig import choose

    path = kubeconfig({}, **{"proxy-url": "http://jane:p%40ss@proxy.example:3128"})

    target = choose(path, None, {})
    chosen = configure(target, credentials_of(target, lambda *_: None))

    assert chosen.proxy == "http://proxy.example:3128"
    assert base64.b64decode(chosen.proxy_headers["proxy-authorization"][6:]) == b"jane:p@ss"


@pytest.mark.parametrize(
    "server",
    ["", "ftp://x", "https://", "https://u:p@x", "https://x:port", "https://x?a=b", "https://[x"],
)
def test_server_that_is_no_address_is_refused(kubeconfig: Kubeconfig, server: str) -> None:
    with pytest.raises(SettingsError, match=r"cluster fake\.server: "):
        connect(kubeconfig({"token": "t"}, server=server))
