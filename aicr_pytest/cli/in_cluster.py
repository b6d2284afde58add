"""`aicr-pytest in-cluster`: the suite as a Job of the cluster, its evidence brought back."""

import argparse
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from aicr_pytest.cli.connecting import TARGET, add_options, connect, settings_of
from aicr_pytest.cli.saying import say_line
from aicr_pytest.errors import AicrError, SettingsError

if TYPE_CHECKING:
    from aicr_pytest.cli.saying import Commands
    from aicr_pytest.in_cluster.job import Ended, JobRun
    from aicr_pytest.in_cluster.manifests import Plan

_DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_DNS_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_OURS_TO_SAY = {
    "--evidence-dir": "the pod's is brought back; --evidence-dir before `--` says where to",
    "--evidence": "evidence is kept all the same",
    "--aicr-kubeconfig": "inside the cluster there is none",
    "--aicr-context": "inside the cluster there are none",
    "--lab": "--aicr-lab before `--` says which cluster",
    "--aicr-lab": "before `--` it says which cluster",
    "--aicr-lab-name": "before `--` it says which cluster",
    "--aicr-provision": "the run is inside a cluster already",
    "--cncf-submission": "make it of the evidence: aicr-pytest submit",
    "--aicr-product": "make it of the evidence: aicr-pytest submit",
    "--upstream-suite": "it is a file of this machine",
    "--resume": "choose with -m here, and make one of both: aicr-pytest merge",
    "--failed": "choose with -m here, and make one of both: aicr-pytest merge --newest",
}
"""Options of a run that mean nothing in a pod → what to do."""


def add(commands: "Commands") -> None:
    """The words of the command."""
    added = commands.add_parser(
        "in-cluster",
        help="run the suite as a Job of the cluster, and bring its evidence back",
        description="Make a namespace, an account with the rights that the suite needs, a fence "
        "around it and a Job; show the run's log; bring the evidence back; take all of it down. "
        "What was there already is used as it is and stays. Ends with the run's exit status. "
        "After Ctrl-C the run goes on: --attach finds it again. There is no published image: "
        "`make image` in a checkout builds one; docs/in-cluster.md says how a cluster gets it.",
        usage="aicr-pytest in-cluster [options] [-- OPTIONS OF run]",
    )
    # Here, since defaults are shown; the objects themselves are only imported where one is made.
    added.add_argument("--image", metavar="REF", help="image of the suite (localhost/aicr-pytest)")
    added.add_argument(
        "--namespace", metavar="NAME", default="aicr-pytest", help="of the Job (aicr-pytest)"
    )
    added.add_argument("--pull-secret", metavar="NAME", default="", help="to pull the image with")
    added.add_argument(
        "--evidence-claim",
        metavar="NAME",
        default="",
        help="a PersistentVolumeClaim in that namespace that keeps the evidence, instead of here",
    )
    added.add_argument(
        "--evidence-dir",
        metavar="DIR",
        type=Path,
        help="where the evidence goes here (aicr-evidence/<run id>)",
    )
    added.add_argument(
        "--disrupted",
        metavar="NAMESPACE",
        action="append",
        default=[],
        help="with `-- --aicr-allow=disruption`: an operator's namespace; the fence lets the "
        "account delete pods there",
    )
    what = added.add_mutually_exclusive_group()
    what.add_argument("--attach", action="store_true", help="follow a run that is there already")
    what.add_argument("--remove", action="store_true", help="end a run and take it down")
    what.add_argument("--print", action="store_true", help="print the manifests; make nothing")
    what.add_argument("--sonobuoy", action="store_true", help="print a plugin of Sonobuoy")
    what.add_argument("--tekton", action="store_true", help="print a Task of Tekton")
    add_options(added, TARGET)
    added.add_argument("words", nargs="*", metavar="-- OPTIONS OF run", help="e.g. -- -m must")
    added.set_defaults(command=in_cluster)


def in_cluster(parsed: argparse.Namespace) -> int:
    """Run, follow, remove or print."""
    plan = _plan(parsed)
    if printed := _printed(parsed, plan):
        print(printed, end="")  # nothing of a cluster is in it
        return 0
    from aicr_pytest.cluster.waiting import Waiter
    from aicr_pytest.in_cluster.job import JobRun, PlainCluster

    if parsed.evidence_dir:
        _see_free(parsed.evidence_dir)
    cluster = connect(settings_of(parsed), PlainCluster)
    job = JobRun(cluster, Waiter(cluster), plan.namespace, lambda line: say_line(line, sys.stderr))
    if parsed.remove:
        return _taken_down(job)
    if not parsed.attach:
        try:
            job.start(plan)
        except SettingsError:
            raise
        except (AicrError, KeyboardInterrupt):
            _taken_down(job)
            raise
    try:
        return _followed(job, parsed.evidence_dir)
    except BaseException:
        again = f"aicr-pytest in-cluster --namespace {plan.namespace}"
        say_line(f"The Job stays. Follow it: {again} --attach", sys.stderr)
        say_line(f"Or end it and take it down: {again} --remove", sys.stderr)
        raise


def _followed(job: "JobRun", wanted: Path | None) -> int:
    job.begin()
    ended = job.follow(say_line)
    if ended.summary:
        for line in ended.summary.lines():
            say_line(line)
    match job.where:
        case "pod":
            _bring_back(job, ended, wanted)
            job.release()
        case "claim":
            say_line(f"evidence: in the claim, in the folder {job.pod}")
        case "nowhere":
            say_line("evidence: gone, since nobody took it in time", sys.stderr)
    if ended.why:
        say_line(
            f"The run was ended by the cluster: {ended.why}. What it has left: aicr-pytest clean",
            sys.stderr,
        )
    return max(ended.exit_code, _taken_down(job))


def _bring_back(job: "JobRun", ended: "Ended", wanted: Path | None) -> None:
    from aicr_pytest.evidence import archive
    from aicr_pytest.run.verification import verify

    name = ended.summary.run if ended.summary else ""
    target = wanted or Path("aicr-evidence") / (name or job.pod)
    _see_free(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=".aicr-", dir=target.parent))
    except OSError as error:
        raise SettingsError(f"{target}: cannot be written: {error.strerror}.") from error
    try:
        packed = scratch / "evidence.tar.gz"
        if not job.fetch(packed):
            say_line("evidence: the run has left none", sys.stderr)
            return
        folder = archive.unpack(packed, scratch / "unpacked")
        folder.replace(target)
    except OSError as error:
        raise SettingsError(f"{target}: cannot be written: {error.strerror}.") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    for problem in verify(target).problems:
        say_line(problem, sys.stderr)
    say_line(f"evidence: {target}")


def _see_free(target: Path) -> None:
    try:
        taken = target.exists() and (not target.is_dir() or any(target.iterdir()))
    except OSError as error:
        raise SettingsError(f"--evidence-dir {target}: {error.strerror}.") from error
    if taken:
        raise SettingsError(
            f"--evidence-dir {target}: holds something; name another, or remove it."
        )


def _taken_down(job: "JobRun") -> int:
    """Take everything down; 1 where something is left."""
    left = job.remove()
    for line in left:
        say_line(f"STILL THERE: {line}", sys.stderr)
    return 1 if left else 0


def _plan(parsed: argparse.Namespace) -> "Plan":
    from aicr_pytest.in_cluster.manifests import IMAGE, Plan

    for option, name, form in (
        ("--namespace", parsed.namespace, _DNS_LABEL),
        ("--pull-secret", parsed.pull_secret, _DNS_NAME),
        ("--evidence-claim", parsed.evidence_claim, _DNS_NAME),
        *(("--disrupted", name, _DNS_LABEL) for name in parsed.disrupted),
    ):
        if (name or option == "--namespace") and not form.fullmatch(name):
            raise SettingsError(f"{option} {name}: no name in Kubernetes: a-z, 0-9, - are valid.")
    if parsed.image is not None and not re.fullmatch(r"[\w][\w./:@-]*", parsed.image, re.ASCII):
        raise SettingsError(f"--image {parsed.image}: no image: [HOST/]NAME[:TAG][@sha256:…].")
    if parsed.evidence_claim and parsed.evidence_dir:
        raise SettingsError("--evidence-dir: with --evidence-claim evidence goes there.")
    for word in parsed.words:
        option = word.partition("=")[0]
        if option in _OURS_TO_SAY:
            raise SettingsError(f"{option}: not after `--`: {_OURS_TO_SAY[option]}.")
    return Plan(
        namespace=parsed.namespace,
        image=parsed.image or IMAGE,
        arguments=tuple(parsed.words),
        pull_secret=parsed.pull_secret,
        evidence_claim=parsed.evidence_claim,
        disrupted=tuple(parsed.disrupted),
    )


def _printed(parsed: argparse.Namespace, plan: "Plan") -> str:
    """What is to be printed instead of a run; empty where one is wanted."""
    from aicr_pytest.evidence.yaml_text import yaml_text
    from aicr_pytest.in_cluster import manifests

    if parsed.print:
        return yaml_text(manifests.objects(plan))
    if parsed.sonobuoy:
        return yaml_text(manifests.sonobuoy_plugin(plan))
    return yaml_text(manifests.tekton_task(plan)) if parsed.tekton else ""
