"""The hook by which upstream's own suite runs beside ours: ``--upstream-suite``.

After the checks, never beside them: both want every accelerator. Its log enters the evidence before
that is sealed, and with the evidence the submission.
"""

import os
import re
import shlex
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from aicr_pytest.cluster.kubeconfig import choose
from aicr_pytest.errors import SettingsError
from aicr_pytest.run.live import LiveLine
from aicr_pytest.run.session import Run
from aicr_pytest.run.signals import Signals
from aicr_pytest.run.supervised import Ended, supervise
from aicr_pytest.run.terminal import Terminal
from aicr_pytest.submission.artifacts import ALL_TESTS
from aicr_pytest.submission.imports import FOLDER

LOG = f"{FOLDER}/e2e.log"
"""Of `go test -v`, under the name by which the programme knows it."""
DEADLINE = 90 * 60.0
"""Seconds that it may take; upstream recommends at least 75 minutes where nodes come and go."""

_LISTING = 60.0
"""Seconds within which a test binary has listed its tests."""
_COMPILE = (
    "  Compile it in a checkout of kubernetes-sigs/ai-conformance: "
    "go test -c -o ai-conformance.test ./test"
)
_RESULT = re.compile(rb"^(\s*)--- (PASS|FAIL|SKIP): (\S+)", re.MULTILINE)
_BEGUN = re.compile(rb"^=== RUN\s+([^\s/]+)", re.MULTILINE)


class UpstreamSuite:
    """Runs a compiled test binary of upstream's suite on the run's cluster.

    Raises:
        SettingsError: there is no such program, it cannot be run, or it is another.
    """

    def __init__(self, run: Run, config: pytest.Config) -> None:
        self._run = run
        self._config = config
        self._terminal = Terminal(config, lambda: run.door)
        self._live = LiveLine(self._terminal)
        self._told = 0
        self._command = _checked(
            shlex.split(run.settings.upstream_suite),
            run.settings.origins["upstream_suite"],
            run.invocation_dir,
        )

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Run it once everything of ours is taken down, and before the evidence is sealed."""
        run = self._run
        if run.directory is None or not run.connected:
            return
        if run.interrupted or session.exitstatus not in (0, 1):
            self._tell("was not run, since this run did not come to its end", red=True)
            return
        ended = self._run_it()
        if ended is not None:
            self._conclude(session, ended)

    def _run_it(self) -> Ended | None:
        run = self._run
        deadline = DEADLINE * run.settings.timeout_scale
        self._terminal.say()  # xdist leaves its last line open
        self._tell(f"runs now, for at most {deadline / 60:.0f} min")
        signals = self._config.pluginmanager.get_plugin("aicr-signals")
        assert isinstance(signals, Signals)
        with tempfile.TemporaryDirectory(prefix="aicr-") as scratch:
            try:
                with signals.during("checking"):
                    return supervise(
                        self._command,
                        env=self._environment(Path(scratch)),
                        directory=run.invocation_dir,
                        deadline=deadline,
                        look=lambda output, seconds: self._look(output, seconds, deadline),
                    )
            except (OSError, SettingsError, KeyboardInterrupt) as error:
                run.problems.append(f"upstream's suite could not be run: {error}")
                return None
            finally:
                self._live.clear()

    def _environment(self, scratch: Path) -> Mapping[str, str]:
        """Ours, with the run's kubeconfig and context; of several files the first one decides."""
        target = choose(self._run.shared.kubeconfig, self._run.shared.context)
        if not target.paths:
            return os.environ
        pinned = scratch / "context.yaml"
        chosen = {"apiVersion": "v1", "kind": "Config", "current-context": target.context}
        pinned.write_text(yaml.safe_dump(chosen), encoding="utf-8")
        return {**os.environ, "KUBECONFIG": os.pathsep.join([str(pinned), *target.paths])}

    def _look(self, output: bytes, seconds: float, deadline: float) -> None:
        self._tell_results(output)
        begun = _BEGUN.findall(output)
        now = begun[-1].decode(errors="replace") if begun else "nothing yet"
        self._live.awaiting("upstream's suite", now, seconds, deadline)

    def _tell_results(self, output: bytes) -> None:
        """Each test that stands for a requirement, once it has ended."""
        found = [
            (word.decode(), name.decode(errors="replace"))
            for indent, word, name in _RESULT.findall(output)
            if not indent and name.decode(errors="replace") in ALL_TESTS.values()
        ]
        if found[self._told :]:
            self._live.clear()
        for word, name in found[self._told :]:
            self._terminal.say(f"  {word} {name}", red=word == "FAIL")
        self._told = len(found)

    def _conclude(self, session: pytest.Session, ended: Ended) -> None:
        self._tell_results(ended.output)
        text = ended.output.decode("utf-8", "replace")
        self._run.store.write(LOG, self._run.door.published(text).encode("utf-8"))
        words = [word for _, word, _ in _RESULT.findall(ended.output)]
        counts = ", ".join(
            f"{words.count(word)} {name}"
            for word, name in ((b"PASS", "passed"), (b"FAIL", "failed"), (b"SKIP", "skipped"))
        )
        told = f"{counts}; exit status {ended.status}, after {ended.seconds:.0f} s"
        if ended.why:
            told += f"; ended before its end, for {ended.why}"
        self._run.upstream = told
        self._tell(f"{told}: {LOG}", red=bool(ended.status))
        if ended.why:
            self._tell("what it has made on the cluster may be there still: it cleans up itself")
        if ended.status and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _tell(self, what: str, *, red: bool = False) -> None:
        self._terminal.say(f"upstream's suite: {what}", red=red)


def _checked(command: list[str], origin: str, base: Path) -> list[str]:
    """The command with `-test.v`, of a program that lists tests of upstream's suite."""
    path = base / os.path.expanduser(command[0])  # noqa: PTH111 - Path's raises
    flags = command[1:]
    if any(flag.lstrip("-").startswith("kubeconfig") for flag in flags):
        raise SettingsError(
            f"{origin}: its flags name a kubeconfig, and it meets the cluster of the run.\n"
            "  Leave that out: what the run is given by --aicr-context is for both."
        )
    if not path.is_file():
        raise SettingsError(f"{origin}: {path} is no file.\n{_COMPILE}")
    if not os.access(path, os.X_OK):
        raise SettingsError(f"{origin}: {path} is not executable.\n{_COMPILE}")
    what = _what_it_is(path, base)
    if what:
        raise SettingsError(
            f"{origin}: {path} is no test binary of upstream's suite: {what}.\n{_COMPILE}"
        )
    return [str(path), "-test.v", *flags]


def _what_it_is(path: Path, base: Path) -> str:
    """Empty for a test binary that knows upstream's tests; it lists them, and runs none."""
    try:
        said = supervise(
            [str(path), "-test.list", ".*"],
            env={**os.environ, "KUBECONFIG": os.devnull},  # whatever it is, it meets no cluster
            directory=base,
            deadline=_LISTING,
            look=lambda _output, _seconds: None,
        )
    except (OSError, subprocess.SubprocessError) as error:
        return f"it cannot be started: {getattr(error, 'strerror', None) or error}"
    if said.why:
        return f"asked for its tests, {said.why}"
    tests = said.output.decode("utf-8", "replace").split()
    if said.status:
        return f"asked for its tests, it ended with {said.status}"
    if not set(tests) & set(ALL_TESTS.values()):
        return f"it lists {', '.join(tests[:3]) or 'no test'}"
    return ""
