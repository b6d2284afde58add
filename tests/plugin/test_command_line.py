"""The command as it is typed: its help, its completion, `python -m`."""

import contextlib
import subprocess
import sys
from pathlib import Path

import pytest

from aicr_pytest.cli.main import main
from aicr_pytest.config.options import GROUPS, OPTIONS


def told(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with contextlib.suppress(SystemExit):  # with --help; what it says tells more than the status
        assert main(words) == 0
    return capsys.readouterr().out


def test_help_of_run_shows_ours_first_by_group(capsys: pytest.CaptureFixture[str]) -> None:
    said = told(capsys, "run", "--help")

    groups = [f"\n{title}:\n" for title in GROUPS.values()]
    places = [said.index(group) for group in (*groups, "\nof pytest, among many more:\n")]
    assert places == sorted(places)
    assert [option.flag for option in OPTIONS if option.flag not in said] == []
    assert {option.group for option in OPTIONS} == set(GROUPS)
    assert len(said.splitlines()) < 220


def test_help_of_run_is_shown_wherever_it_stands(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, "run", "-m", "dra", "-h") == told(capsys, "run", "--help")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_commands_and_options(
    capsys: pytest.CaptureFixture[str], shell: str
) -> None:
    said = told(capsys, "completion", shell)

    dashes = "" if shell == "fish" else "--"
    for word in ("preflight", f"{dashes}aicr-context", f"{dashes}presume-dead"):
        assert word in said


def test_bash_completes_a_command_and_an_option(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    script = tmp_path / "completion.sh"
    script.write_text(told(capsys, "completion", "bash"))
    typed = """
        source "$1"
        function=$(complete -p aicr-pytest | sed 's/.*-F \\([^ ]*\\).*/\\1/')
        try() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); "$function"
                echo "${COMPREPLY[@]}"; }
        try aicr-pytest pref
        try aicr-pytest run --aicr-cont
    """

    said = subprocess.run(
        ["bash", "-c", typed, "bash", script], capture_output=True, text=True, check=True
    )

    assert [line.strip() for line in said.stdout.splitlines()] == ["preflight", "--aicr-context"]


def test_package_is_the_command(tmp_path: Path) -> None:
    said = subprocess.run(
        [sys.executable, "-m", "aicr_pytest", "--version"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )

    assert said.stdout.startswith("aicr-pytest 0.")
