"""How we come to the API server decides nothing: tokens, proxies, certificates, warnings."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from aicr_lab.defects.injections.api_access import RenewedToken, RestrictedUser, everything_but
from aicr_lab.options import LabOptions

from .clients import (
    ANY,
    CLOSED,
    behind_a_proxy,
    not_by_loopback,
    renewed_midway,
    requests_of,
)
from .conftest import Labs
from .matrix import not_green
from .suite import run_suite

LAB = LabOptions(nodes=1)
SECURE = ["secure_accelerator_access"]


@pytest.fixture
def user(labs: Labs, request: pytest.FixtureRequest) -> Iterator[RenewedToken]:
    """Somebody with all rights, whose token stands in a file."""
    lab = labs(LAB)
    entitled = RestrictedUser(name="client", rules=everything_but())
    user = RenewedToken(user=entitled, verified=getattr(request, "param", True))
    user.inject(lab)
    yield user
    user.revert(lab)


def test_token_that_is_renewed_in_its_file_is_read_again(
    labs: Labs, user: RenewedToken, tmp_path: Path
) -> None:
    lab, directory = labs(LAB), tmp_path / "run"

    with ThreadPoolExecutor() as threads:
        renewal = threads.submit(renewed_midway, user, lab, directory)
        run = run_suite(user.kubeconfig(lab), SECURE, directory)
        renewal.result()

    assert not_green(run) == []
    assert any('"status": 401' in line for line in requests_of(directory)), "it ended too soon"


@pytest.mark.parametrize("user", [False], indirect=True, ids=["unverified"])
def test_warnings_that_are_errors_change_no_verdict(
    labs: Labs, user: RenewedToken, tmp_path: Path
) -> None:
    run = run_suite(user.kubeconfig(labs(LAB)), SECURE, tmp_path / "run", "-W", "error")

    assert not_green(run) == []
    assert run.output.count("insecure: the API server's certificate is not verified") == 1
    assert "InsecureRequestWarning" not in run.output


@pytest.mark.parametrize("exception", [f"{ANY}/8", f"{ANY}:{{port}}"])
def test_what_needs_no_proxy_is_excepted_by_network_or_by_port(
    exception: str, labs: Labs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lab = labs(LAB)
    behind_a_proxy(monkeypatch, but_for=exception.format(port=lab.port))

    run = run_suite(not_by_loopback(lab, tmp_path / "kubeconfig"), SECURE, tmp_path / "run")

    assert not_green(run) == []


def test_proxy_is_asked_for_what_is_not_excepted(
    labs: Labs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lab = labs(LAB)
    behind_a_proxy(monkeypatch, but_for="10.0.0.0/8")

    run = run_suite(not_by_loopback(lab, tmp_path / "kubeconfig"), SECURE, tmp_path / "run")

    assert run.exit_status == pytest.ExitCode.USAGE_ERROR, run
    assert CLOSED in run.output
    assert run.requirements == ()
