"""The pytest hooks of a run that asks for checks."""

import contextlib
import datetime
import json
import os
import shlex
import sys
import tempfile
import threading
from collections.abc import Generator, Iterable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from aicr_pytest.cluster.names import new_run_id
from aicr_pytest.config.marks import is_check, level_mark
from aicr_pytest.config.resolving import from_config
from aicr_pytest.errors import AccessDenied, AicrError, DoesNotApply, Inconclusive
from aicr_pytest.requirements.catalogue import BY_ID
from aicr_pytest.run import conclusion, hints, kin, leftovers, survey
from aicr_pytest.run.awaited import Notes, Workers
from aicr_pytest.run.check_run import OUTCOME, RESULTS, Running
from aicr_pytest.run.conclusion import Conclusion, came_to_nothing, conclude, write_evidence
from aicr_pytest.run.ending import Ending
from aicr_pytest.run.fixture_users import FixtureUsers
from aicr_pytest.run.live import LiveLine
from aicr_pytest.run.looking import looks_only
from aicr_pytest.run.others_reports import OthersReports
from aicr_pytest.run.outcomes import doubt_in, in_doubt_since
from aicr_pytest.run.parallel import is_over_after_failures, workers
from aicr_pytest.run.plan import Plan, check_of, plan_of
from aicr_pytest.run.pytest_reports import rename
from aicr_pytest.run.results import Result
from aicr_pytest.run.session import Run, Shared, begin, missing_access, run_key
from aicr_pytest.run.signals import Signals
from aicr_pytest.run.terminal import Terminal, header, plan_lines, summary
from aicr_pytest.run.written_order import WrittenOrder

if TYPE_CHECKING:
    from xdist.workermanage import WorkerController

_INHERITED = "aicr"
"""Key of the worker's input under which it finds what it inherits."""
_REFUSED = "refused"
"""Key under which a worker tells, instead of a plan, what is wrong with a check's marks."""


class RunHooks:
    """One per process: the controller provisions, connects, tells, concludes; workers inherit."""

    def __init__(
        self, config: pytest.Config, run: Run, terminal: Terminal, live: LiveLine, *, expects: bool
    ) -> None:
        self._config = config
        self._run = run
        self._terminal = terminal
        self._live = live
        self._expects_checks = expects
        self._started = False
        self._called: Running | None = None
        self._ran: dict[str, Running] = {}
        self._fixtures = FixtureUsers()
        config.pluginmanager.register(self._fixtures, "aicr-fixtures")
        self._refused = ""
        self._header: list[str] = []
        self._collected: list[pytest.Item] = []
        self._written = WrittenOrder()
        config.pluginmanager.register(self._written, "aicr-written-order")
        self._planned_by_worker = False
        self._session: pytest.Session | None = None
        self._conclusion: Conclusion | None = None
        self._concluded_after = 0
        self._told = False
        self._scratch = contextlib.ExitStack()
        config.pluginmanager.register(live, "aicr-live-line")
        self._signals = Signals(hurry=run.hurry, leave=run.leave, tells=not self._is_worker)
        self._signals.when_received = self._interrupt
        config.pluginmanager.register(self._signals, "aicr-signals")

    @classmethod
    def of(
        cls, config: pytest.Config, *, expects_checks: bool, suite_is_spare: bool = False
    ) -> "RunHooks":
        """The hooks of a pytest run.

        Raises:
            SettingsError: a setting is not valid.
        """
        settings = from_config(config, os.environ)
        terminal = Terminal(config, lambda: run.door)
        live = LiveLine(terminal)
        inherited = getattr(config, "workerinput", {})
        if _INHERITED in inherited:
            shared = Shared(**json.loads(inherited[_INHERITED]))
        else:
            run_id = new_run_id(datetime.datetime.now(datetime.UTC))
            shared = begin(settings, run_id=run_id, invocation_dir=config.invocation_params.dir)
            shared = replace(shared, suite_is_spare=suite_is_spare)
        worker = inherited.get("workerid", "")
        run = Run(
            settings,
            shared,
            worker=worker,
            awaiting=Notes(Path(shared.plans), worker).awaiting if worker else live.awaiting,
            command=shlex.join([Path(sys.argv[0]).name, *config.invocation_params.args]),
            invocation_dir=config.invocation_params.dir,
        )
        config.stash[run_key] = run
        config.pluginmanager.register(OthersReports(run), "aicr-others-reports")
        if not (inherited or looks_only(config)):
            _show_in_pytest_html(config, run)
        return cls(config, run, terminal, live, expects=expects_checks)

    # -- start ---------------------------------------------------------------------------------

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Reach the cluster before workers begin, and before anything is collected by level."""
        self._session = session
        if looks_only(self._config):
            return
        self._signals.install()
        if self._is_worker and self._run.shared.plans:
            kin.step_aside(Path(self._run.shared.plans), self._run.worker)
        if self._expects_checks and not self._is_worker:
            self._start()

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: "WorkerController") -> None:
        """Hand a worker what it inherits."""
        self._share_folder()
        node.workerinput[_INHERITED] = json.dumps(asdict(self._run.shared))

    def _share_folder(self) -> None:
        if not self._run.shared.plans:
            folder = self._scratch.enter_context(
                tempfile.TemporaryDirectory(prefix="aicr-", ignore_cleanup_errors=True)
            )
            self._run.share_plans(Path(folder))

    def _start(self) -> None:
        if self._started:
            return
        self._started = True
        self._signals.install()
        self._share_folder()
        try:
            _ = self._run.store  # first: a directory that is refused must cost nothing
            release = self._config.getoption("k8s_version", None)  # pytest-kubernetes'
            self._run.provide(self._terminal.say, release=release)
            self._run.connect()
            _ = self._run.pull_secret()
            if missing := missing_access(self._run):
                raise AccessDenied(
                    "The API server does not let us do what every check needs:\n"
                    + "\n".join(f"  {line}" for line in missing),
                    hint="`aicr-pytest preflight` lists every right that the suite needs.",
                )
        except AicrError as error:
            self._run.forget_evidence()
            raise pytest.UsageError(self._run.door.text(str(error))) from None
        self._run.record_survey(survey.take(self._run.cluster, self._run.accelerators))
        conclusion.note_beginning(self._run)
        self._header = [self._terminal.safe(line) for line in header(self._run)]

    def pytest_report_header(self) -> list[str]:
        """What is looked at, below pytest's own header."""
        told, self._header = self._header, []
        return told

    def _interrupt(self) -> None:
        """Note a signal, in its handler: whatever comes of it, this run was interrupted."""
        self._run.interrupted = True
        if self._is_controller_of_workers and self._run.shared.plans:
            kin.pass_on(Path(self._run.shared.plans), self._signals.received[-1])
        if self._session is not None:
            self._session.shouldstop = f"by {self._signals.received[0]}"

    # -- collection ----------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)  # pytest selects by the marks that are added here
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Add marks to checks, and leave out those of features that were not asked for."""
        if self._run.shared.suite_is_spare and (spare := self._written.leave_out(items)):
            self._config.hook.pytest_deselected(items=spare)
        written = self._written.items
        self._collected = list({id(item): item for item in (*written, *items)}.values())
        rename([item for item in self._collected if is_check(item)], self._run.door)
        try:
            checks = [(item, check_of(item)) for item in items if is_check(item)]
        except ValueError as error:
            self._refused = self._run.door.text(str(error))
            if not self._is_worker:
                raise pytest.UsageError(self._refused) from None
            items.clear()  # the controller says why: here, an error would be told as a crash
            return
        version = self._run.shared.list_version
        for item, check in checks:
            requirement = BY_ID[check.requirement]
            level = level_mark(requirement.level(version))
            for name in (*requirement.marks, "conformance", *([level] if level else [])):
                item.add_marker(getattr(pytest.mark, name))
        if wanted := self._run.settings.features:
            unwanted = [item for item, check in checks if check.requirement not in wanted]
            if unwanted:
                self._config.hook.pytest_deselected(items=unwanted)
                items[:] = [item for item in items if item not in set(unwanted)]

    @pytest.hookimpl(tryfirst=True)  # xdist tells the controller then
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Put in order what will run, and take note of it."""
        self._written.restore(session.items, longest_first=self._is_worker)
        if self._is_controller_of_workers or (self._refused and not self._is_worker):
            return
        if not self._refused:
            self._run.plan = plan_of(session.items, self._collected)
        if self._is_worker and self._run.shared.plans:
            told = {_REFUSED: self._refused} if self._refused else self._run.plan.to_json()
            file = Path(self._run.shared.plans) / f"{self._run.worker}.json"
            file.write_text(json.dumps(told), encoding="utf-8")

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: "WorkerController") -> None:
        """Learn the plan from the first worker that has one."""
        file = Path(self._run.shared.plans) / f"{node.workerinput['workerid']}.json"
        if self._planned_by_worker or not file.is_file():
            return
        self._planned_by_worker = True
        told = json.loads(file.read_text(encoding="utf-8"))
        if refused := told.get(_REFUSED):
            raise pytest.UsageError(refused)
        self._run.plan = Plan.from_json(told)
        self._print_plan()
        self._live.follow(Workers(file.parent))

    @pytest.hookimpl(tryfirst=True)  # pytest's own runs the tests
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """Say what is going to happen, before it does."""
        if looks_only(self._config) or self._is_worker or self._is_controller_of_workers:
            return
        if session.testsfailed or not self._run.plan.selected:
            return
        self._start()
        self._print_plan()

    def _print_plan(self) -> None:
        # Where pytest shows no header (-q), ours is still to be told.
        lines, self._header = self._header, []
        if self._run.plan.selected:
            version, count = self._run.shared.list_version, workers(self._config)
            lines += plan_lines(self._run.plan, version, count)
        for line in lines:
            self._terminal.say(line)

    # -- one check -----------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Open the record of a check."""
        if looks_only(self._config) or not is_check(item):
            return
        running = Running.begin(item, self._run, self._ran.get(item.nodeid))
        self._ran[item.nodeid] = running
        if why := self._run.deaths.told.get(item.nodeid):
            raise Inconclusive(
                why, hint="It is not tried again: see what killed it (memory, os._exit, a signal)."
            )
        self._run.deaths.busy_with(item.nodeid)
        if reason := self._run.not_applicable(running.check.requirement):
            raise DoesNotApply(f"N/A by the user's word: {reason}")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> None:
        """Note the phase that observations belong to."""
        self._called = Running.of(item)
        if self._called is not None:
            self._called.enter("call")
            self._called.watch_call()

    def pytest_assertrepr_compare(self, op: str, left: object, right: object) -> list[str] | None:
        """Have a check say in full what it found; pytest cuts long texts in the middle."""
        return None if self._called is None else self._called.explain(op, left, right)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> None:
        """Note the phase that observations belong to."""
        self._called = None
        if running := Running.of(item):
            running.enter("teardown")

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Turn a phase into evidence, and the last one into an outcome."""
        running = Running.of(item)
        if running is None:
            return (yield)
        # Before the report is made, since it copies the item's properties.
        running.note(call)
        if call.when == "teardown":
            running.end()
            running.tell(self._doubted_by(call))
        report = yield
        running.annotate(report, call)
        if call.when == "teardown":
            self._run.deaths.busy_with("")
        return report

    def _doubted_by(self, call: pytest.CallInfo[None]) -> list[Running]:
        """The checks to which the end of a fixture means that they could not look."""
        doubt = doubt_in(call.excinfo.value) if call.excinfo else ""
        if not doubt or call.excinfo is None:
            return []
        users = self._fixtures.of(call.excinfo.value)
        found = [self._ran[nodeid] for nodeid in users if nodeid in self._ran]
        for running in found:
            running.doubt(doubt, in_doubt_since(call.excinfo.value))
        return found

    # -- the controller's view -----------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Collect what came of each check, from this process or a worker."""
        if self._is_worker or report.when != "teardown":
            return
        for name, value in report.user_properties:
            if name == RESULTS:
                for nodeid, result in json.loads(str(value)).items():
                    self._run.results.take(nodeid, Result.from_json(result))

    def pytest_report_teststatus(
        self, report: pytest.TestReport
    ) -> tuple[str, str, tuple[str, dict[str, bool]]] | None:
        """Tell inconclusive from failed, and "does not apply" from skipped."""
        outcome = getattr(report, OUTCOME, "")
        words = {"absent": "a", "inconclusive": "?", "unknown": "u", "not applicable": "-"}
        words["finding"] = "f"
        if outcome not in words or report.when == "teardown":
            return None
        return outcome, words[outcome], (outcome.upper(), {"yellow": True})

    def pytest_keyboard_interrupt(self) -> None:
        """Remember that checks are missing because somebody, not ``-x``, ended the run."""
        if not is_over_after_failures(self._config):
            self._run.interrupted = True

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: "WorkerController", error: object) -> None:
        """Learn what a worker could not write, or that it has died, before its work is given on."""
        kin.forget(Path(self._run.shared.plans), node.workerinput["workerid"])
        output = getattr(node, "workeroutput", None)
        if output is not None:
            self._take_problems(output.get(_INHERITED, ()))
        elif error:
            worker = node.workerinput["workerid"]
            check = self._run.deaths.bury(worker)
            self._take_down_of(worker)
            over = f" while it ran {check.rpartition('::')[2]}" if check else ""
            self._take_problems([f"worker {worker} died{over}"])

    def _take_down_of(self, worker: str) -> None:
        # At once, for others need the accelerators; in a thread, for their reports come meanwhile.
        thread = threading.Thread(
            target=leftovers.remove_of, args=(self._run, worker), name=f"of {worker}", daemon=True
        )
        self._run.removals.append(thread)
        thread.start()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Iterator[None]:
        """Take down, conclude before reports are written and shown, and seal the evidence last."""
        self._live.end()
        mine = not self._is_worker and self._started
        if mine or (self._is_worker and not looks_only(self._config)):
            with self._signals.during("cleaning"):
                problems = Ending(self._run, session, self._terminal.say, self._signals).take_down()
            self._live.clear()
            self._take_problems(problems)
        self._signals.enter("reporting")
        if mine:
            self._conclude(session)
        try:
            return (yield)
        finally:
            if mine:
                self._seal(session)
                self._print()

    def _take_problems(self, problems: Iterable[str]) -> None:
        self._run.problems += [line for line in problems if line not in self._run.problems]

    def _conclude(self, session: pytest.Session) -> None:
        self._concluded_after = self._news
        try:
            if self._signals.received and session.exitstatus in (0, 1):
                session.exitstatus = pytest.ExitCode.INTERRUPTED
            elif session.exitstatus == pytest.ExitCode.INTERRUPTED and not self._run.interrupted:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED
            self._run.store.finish()
            self._conclusion = conclude(self._run, int(session.exitstatus))
            session.exitstatus = self._conclusion.exit_status
            self._take_problems(write_evidence(self._run, self._conclusion))
        # An exception in a report hook would end the session with INTERNALERROR; the problem is
        # shown instead, and the run does not count as good.
        except Exception as error:  # noqa: BLE001 - see above
            self._take_problems([f"reports are incomplete: {type(error).__name__}: {error}"])
            session.exitstatus = int(session.exitstatus) or pytest.ExitCode.INTERNAL_ERROR

    @property
    def _news(self) -> int:
        """Grows with whatever run.json has to say."""
        return len(self._signals.received) + len(self._run.problems) + bool(self._run.upstream)

    def _seal(self, session: pytest.Session) -> None:
        if self._news != self._concluded_after:
            self._conclude(session)  # a signal has come since, or a report could not be written
        from aicr_pytest.reports.foreign import redact_files
        from aicr_pytest.reports.writing import write_reports

        if came_to_nothing(self._run):
            self._run.store.discard(("report.html",) if not session.testscollected else ())
        elif self._run.directory is not None:
            for problem in redact_files(self._run.directory, self._run.door.published):
                self._terminal.say(f"do not publish this evidence: {problem}", red=True)
                session.exitstatus = session.exitstatus or pytest.ExitCode.INTERNAL_ERROR
            with contextlib.suppress(AicrError):  # reported when they were written first
                write_reports(self._run.directory)  # again, now that all files are what they stay

    def pytest_terminal_summary(self) -> None:
        """Verdicts, one line per requirement."""
        if looks_only(self._config):
            return
        self._told = True
        run = self._run
        problems = [*run.problems, *(run.store.problems if self._started else ())]
        told = problems or run.left_behind or run.kept
        if (self._conclusion is not None and self._conclusion.judged) or told:
            empty = Conclusion(judged=(), exit_status=0)
            summary(self._terminal, run, self._conclusion or empty, list(dict.fromkeys(problems)))
        elif self._expects_checks and not self._is_worker and not self._run.plan.selected:
            for line in hints.of_nothing_run(self._config, asked=True):
                self._terminal.say(line)

    def _print(self) -> None:
        """Verdicts and what is left also where pytest shows no summary, after an internal error."""
        if not self._told:
            self.pytest_terminal_summary()

    def _conclude_late(self, session: pytest.Session) -> None:
        """Conclude a run that a signal met before its session had begun, or after its reports."""
        if self._conclusion is None and self._run.interrupted:
            self._conclude(session)
        elif self._conclusion is None or self._news == self._concluded_after:
            return
        self._seal(session)

    def pytest_unconfigure(self) -> None:
        """Give back what this process took."""
        with self._signals.during("cleaning"):
            problems = self._run.give_back(self._terminal.say)
        self._live.clear()
        self._take_problems(problems)
        for problem in problems:
            self._terminal.say(problem, red=True)
        if self._session is not None and self._started and not self._is_worker:
            self._conclude_late(self._session)
        self._run.close()
        self._scratch.close()
        self._signals.restore()
        if self._signals.leaving and self._session is not None:
            sys.stdout.flush()
            sys.stderr.flush()
            # Threads that still wait for the API server would be waited for.
            os._exit(int(self._session.exitstatus))

    @property
    def _is_worker(self) -> bool:
        return hasattr(self._config, "workerinput")

    @property
    def _is_controller_of_workers(self) -> bool:
        return self._config.pluginmanager.has_plugin("dsession")


def _show_in_pytest_html(config: pytest.Config, run: Run) -> None:
    """Let pytest-html, where it is installed, write the run as report.html into the evidence."""
    options = config.option
    if not hasattr(options, "htmlpath"):
        return
    if options.htmlpath is None and run.directory is not None:
        options.htmlpath = str(run.directory / "report.html")
        options.self_contained_html = True
    if options.htmlpath is not None:
        from aicr_pytest.run.html_report import HtmlReport

        config.pluginmanager.register(HtmlReport(run), "aicr-html")
