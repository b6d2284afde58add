"""Older and newer: what is too old for the plugin is told in one message."""

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from aicr_pytest import plugin

if TYPE_CHECKING:
    from tests.plugin.conftest import Project

PYPROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"


@pytest.mark.parametrize("version", [(8, 4, 2), (9, 1, 1)])
@pytest.mark.parametrize("arguments", [(), ("--aicr",)])
def test_older_pytest_is_told_and_nothing_runs(
    project: "Project",
    monkeypatch: pytest.MonkeyPatch,
    version: tuple[int, ...],
    arguments: tuple[str, ...],
) -> None:
    project.pytester.makepyfile("def test_mine(): pass")
    monkeypatch.setattr(pytest, "version_tuple", version)
    monkeypatch.setattr(pytest, "__version__", ".".join(map(str, version)))

    result = project.pytester.runpytest_inprocess(*arguments)

    said = result.stderr.str()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert f"needs pytest 9.2 or newer, and this is pytest {version[0]}.{version[1]}" in said
    assert "-p no:aicr" in said
    assert "Traceback" not in said + result.stdout.str()


def test_oldest_pytest_is_that_of_the_project() -> None:
    (needed,) = [
        one
        for one in tomllib.loads(PYPROJECT.read_text())["project"]["dependencies"]
        if one.startswith("pytest>")
    ]

    assert needed.startswith(f"pytest>={'.'.join(map(str, plugin._OLDEST))},")
