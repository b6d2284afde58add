"""`aicr-pytest rbac`: the account of docs/rbac.yaml, its fence, and a kubeconfig of it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from aicr_pytest.cli.main import main
from tests.plugin.living_api import LivingApi

DOCS = Path(__file__).resolve().parents[2] / "docs"
TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhaWNyIn0.c2lnbmF0dXJl"

Rbac = Callable[..., tuple[int, str, str]]


@pytest.fixture
def rbac(capsys: pytest.CaptureFixture[str]) -> Rbac:
    def run(*words: str) -> tuple[int, str, str]:
        try:
            status = main(["rbac", *words])
        except SystemExit as ended:
            status = int(ended.code or 0)
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


def documents(text: str) -> list[Any]:
    return list(yaml.safe_load_all(text))


def test_account_is_that_of_the_docs(rbac: Rbac) -> None:
    status, out, _ = rbac()

    assert status == 0
    assert documents(out) == documents((DOCS / "rbac.yaml").read_text())


def test_fence_comes_behind_the_account(rbac: Rbac) -> None:
    _, out, _ = rbac("--fence")

    files = ("rbac.yaml", "fence.yaml")
    assert documents(out) == [one for f in files for one in documents((DOCS / f).read_text())]


def test_kubeconfig_reaches_the_same_server_with_the_token_of_the_account(
    rbac: Rbac, api: LivingApi, tmp_path: Path
) -> None:
    answer = json.dumps({"kind": "TokenRequest", "status": {"token": TOKEN}}).encode()
    api.refuse("POST", "serviceaccounts/aicr-pytest/token", 201, body=answer)

    status, out, err = rbac(
        "--kubeconfig", "--minutes", "30", "--aicr-kubeconfig", api.kubeconfig(tmp_path)
    )

    (config,) = documents(out)
    assert status == 0
    assert config["users"][0]["user"] == {"token": TOKEN}
    assert config["clusters"][0]["cluster"]["server"] == api.url
    assert "good for 30 minutes" in err
    assert TOKEN not in err
    file = tmp_path / "made"
    file.write_text(out)
    assert main(["clean", "--aicr-kubeconfig", str(file)]) == 0
    assert api.authorizations[-1] == f"Bearer {TOKEN}"


def test_kubeconfig_without_the_account_says_how_to_make_it(
    rbac: Rbac, api: LivingApi, tmp_path: Path
) -> None:
    api.refuse("POST", "serviceaccounts/aicr-pytest/token", 404, reason="NotFound", message="no")

    status, out, err = rbac("--kubeconfig", "--aicr-kubeconfig", api.kubeconfig(tmp_path))

    assert (status, out) == (4, "")
    assert "Make it first: aicr-pytest rbac | kubectl apply -f -" in err


@pytest.mark.parametrize("minutes", ["9", "-5", "1441", "2h", "٣٠"])
def test_time_that_no_token_gets_is_refused(rbac: Rbac, minutes: str) -> None:
    status, _, err = rbac("--kubeconfig", f"--minutes={minutes}")

    assert status == 4
    assert f"{minutes!r} is not 10 to 1440 minutes" in err
