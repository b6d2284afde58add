"""The hooks by which a run ends with its pull request: ``--cncf-submission``.

Registered only where that is asked for, and outside of the run's own hooks: what is submitted is
the evidence as they have sealed it.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from aicr_pytest.errors import AicrError, SettingsError
from aicr_pytest.run.session import Run
from aicr_pytest.run.terminal import Terminal
from aicr_pytest.submission.submit import Request


class Submitting:
    """Writes the pull request of one run.

    Raises:
        SettingsError: the checkout is another repository, or fields of product.yaml are wrong.
    """

    def __init__(self, run: Run, checkout: Path, config: pytest.Config) -> None:
        settings = run.settings
        self._run = run
        self._terminal = Terminal(config, lambda: run.door)
        self._request = Request.read(
            checkout,
            settings.product or config.invocation_params.dir / "product.yaml",
            origins=(
                settings.origins["cncf_submission"],
                settings.origins.get("product", "--aicr-product"),
            ),
        )

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionstart(self) -> Iterator[None]:
        """See that the checkout has the cluster's list, before hours go into a run."""
        yield
        if not self._run.connected:
            return
        try:
            official = self._request.check(self._run.shared.list_version)
        except SettingsError as error:
            raise pytest.UsageError(self._run.door.text(str(error))) from None
        self._run.official_words = {one.id: one.description for one in official.requirements}

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Iterator[None]:
        """Write it, last of all."""
        try:
            return (yield)
        finally:
            self._write(session)

    def _write(self, session: pytest.Session) -> None:
        if self._run.directory is None or not self._run.connected:
            return
        try:
            folder = self._request.submit(self._run.directory)
        except AicrError as error:
            for line in f"no pull request was written: {error}".splitlines():
                self._terminal.say(line, red=True)
            session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED
        else:
            self._terminal.say(f"pull request: {folder}")
            self._terminal.say(f"  Next: aicr-pytest validate {folder}")
