"""From a run's evidence to the folder of a pull request: ``aicr-pytest submit``."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from aicr_pytest.errors import SettingsError
from aicr_pytest.evidence.names import check_folder
from aicr_pytest.evidence.record import RECORD_FILE
from aicr_pytest.evidence.run import RUN_FILE
from aicr_pytest.reports.view import RequirementView, content_path
from aicr_pytest.submission.answers import Answer, answer_all
from aicr_pytest.submission.draft import Draft
from aicr_pytest.submission.folder import put
from aicr_pytest.submission.imports import FOLDER, Imports
from aicr_pytest.submission.measured import Measured, read_measured
from aicr_pytest.submission.official import Checkout, OfficialList
from aicr_pytest.submission.pages import Pages
from aicr_pytest.submission.product import Product, read_product
from aicr_pytest.submission.product_yaml import FILE, product_yaml
from aicr_pytest.submission.recognition import Suite
from aicr_pytest.submission.scanner import in_evidence, in_prose

_MOST_TOLD = 5
"""Findings of the scanner, or files that were left out, that are named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is to be submitted, looked at before any run: a typing error must not cost one."""

    checkout: Checkout
    """Of cncf/k8s-ai-conformance."""
    product: Product
    """The vendor's word."""
    origin: str
    """The option that names the checkout."""

    @classmethod
    def read(cls, checkout: Path, product: Path, *, origins: tuple[str, str]) -> "Request":
        """Both as the user names them.

        Args:
            checkout: the folder.
            product: the product.yaml.
            origins: the options by which they are named.

        Raises:
            SettingsError: one of them is something else, or fields are missing or wrong.
        """
        return cls(
            checkout=Checkout.open(checkout, origins[0]),
            product=read_product(product, origins[1]),
            origin=origins[0],
        )

    def check(self, version: str) -> OfficialList:
        """The list of a Kubernetes version, of which product.yaml knows the requirements.

        Raises:
            SettingsError: the checkout has none, or product.yaml speaks of others.
        """
        official = self.checkout.list_of(version, self.origin)
        strange = [one for one in self.product.statements if one not in official.ids]
        if strange:
            raise SettingsError(
                f"{self.product.path}: requirements.{strange[0]}: the list of {version} has no "
                f"such id.\n  It has {', '.join(official.ids)}."
            )
        return official

    def submit(
        self,
        evidence: Path,
        *,
        simulated: bool = False,
        imported: Sequence[Path] = (),
        say: Callable[[str], None] = lambda _: None,
    ) -> Path:
        """Write ``vX.Y/<product>``; gives the folder.

        Args:
            evidence: a run's directory of evidence.
            simulated: write a rehearsal of a simulated run, into ``<product>-simulated``.
            imported: files and folders with results of other suites, beside those that the
                evidence holds itself.
            say: is told what was found in them, and what contradicts the run.

        Raises:
            SettingsError: the evidence is not whole or not as it was written, a MUST is not met,
                something has to be said by the vendor, imported results cannot be taken, or a file
                is in the way; nothing is written.
        """
        sources = [("--import-upstream", path) for path in imported]
        if (evidence / FOLDER).is_dir():
            sources.append((str(evidence), evidence / FOLDER))
        measured = read_measured(evidence, simulated=simulated)
        imports = Imports.read(sources)
        official = self.check(measured.version)
        imports.check(measured.version)
        answers = answer_all(official, measured, self.product, imports)
        _refuse_idle(imports, answers)
        name = f"{self.product.directory}-simulated" if simulated else self.product.directory
        target = self.checkout.root / f"v{official.version}" / name
        draft = _Drafted(official, measured, self.product, answers, imports)
        put(draft.whole(existing=target / FILE), target)
        for line in _said_of(imports, answers):
            say(line)
        return target


def _refuse_idle(imports: Imports, answers: Sequence[Answer]) -> None:
    """Results of upstream's suite that are evidence of nothing; reviewers would wonder what for."""
    named = {
        file
        for answer in answers
        for told in answer.told
        if told.is_evidence_of(answer.status)
        for file, _ in told.evidence
    }
    for source, report in zip(imports.sources, imports.reports, strict=True):
        if report.suite is Suite.UPSTREAM and report.file not in named:
            raise SettingsError(
                f"{source}: no test in it is evidence of a requirement that is answered: each was "
                "skipped, or its requirement is left open.\n  State it in product.yaml, or leave "
                "the file out."
            )


def _said_of(imports: Imports, answers: Sequence[Answer]) -> Iterator[str]:
    for source, report in zip(imports.sources, imports.reports, strict=True):
        yield f"{FOLDER}/{report.file}: {source}: {report.suite}, {report.numbers}"
    for line in imports.left_out[:_MOST_TOLD]:
        yield f"left out: {line}"
    if more := len(imports.left_out[_MOST_TOLD:]):
        yield f"left out: {more} more files"
    for answer in answers:
        name = answer.official.id
        for told in answer.told:
            if told.contradicts(answer.status):
                yield f"CONTRADICTION: {name} is {answer.status}, though {told}"
            elif not told.is_evidence_of(answer.status):
                yield f"no evidence: {name} is {answer.status or 'left open'}, and {told}"


class _Drafted:
    """All files of a submission."""

    def __init__(
        self,
        official: OfficialList,
        measured: Measured,
        product: Product,
        answers: list[Answer],
        imports: Imports,
    ) -> None:
        self._official = official
        self._measured = measured
        self._product = product
        self._answers = answers
        self._imports = imports
        self._draft = Draft(simulated=measured.view.run.simulated)

    def whole(self, *, existing: Path) -> Draft:
        """Every file, looked through for secrets."""
        draft = self._draft
        directory = self._measured.view.directory
        draft.keep(f"evidence/{RUN_FILE}", (directory / RUN_FILE).read_bytes())
        pages = Pages(
            official=self._official,
            measured=self._measured,
            product=self._product,
            kept=self._kept,
            imports=self._imports,
            imported=self._imported,
        )
        for report in self._imports.reports:
            self._imported(report.file)
        evidence = [(answer, list(self._evidence(answer, pages))) for answer in self._answers]
        draft.write("README.md", pages.readme(self._answers))
        text = product_yaml(
            self._official,
            self._product,
            evidence,
            existing=existing,
            simulated=draft.simulated,
        )
        seen = {path: c for path, c in draft.files.items() if path.startswith("evidence/")}
        said = {path: c for path, c in draft.files.items() if path not in seen}
        if found := [*in_evidence(seen), *in_prose({**said, FILE: text.encode()})]:
            told = "\n  ".join(found[:_MOST_TOLD])
            raise SettingsError(
                f"Nothing was written: {len(found)} files would publish a secret:\n  {told}\n"
                "  Take it out where it came from, and run again; --aicr-redact-pattern helps."
            )
        draft.add_sums()
        draft.write(FILE, text)
        return draft

    def _evidence(self, answer: Answer, pages: Pages) -> Iterator[str]:
        """What stands under ``evidence`` of a requirement; the files come into the draft."""
        if answer.measured is not None and answer.page:
            self._keep_all(answer.measured)
            self._draft.write(answer.page, pages.requirement(answer, answer.measured))
            yield answer.page
        for one in answer.stated:
            yield one if "://" in one else self._vendors_file(one)
        for told in answer.told:
            if told.is_evidence_of(answer.status):
                for file, test in told.evidence:
                    yield self._imported(file) + (f"#{test}" if test else "")

    def _keep_all(self, requirement: RequirementView) -> None:
        for check in requirement.checks:
            if check.record is None:
                continue
            folder = check_folder(requirement.result.id, check.result.check)
            self._kept(f"{folder}/{RECORD_FILE}")
            for observation in check.record.observations:
                if content_path(self._measured.view.directory, observation):
                    self._kept(observation.file)

    def _kept(self, file: str) -> str:
        content = (self._measured.view.directory / file).read_bytes()
        return self._draft.keep(f"evidence/{file}", content)

    def _imported(self, file: str) -> str:
        (content,) = (one.content for one in self._imports.reports if one.file == file)
        return self._draft.keep(f"{FOLDER}/{file}", content)

    def _vendors_file(self, named: str) -> str:
        file, mark, fragment = named.partition("#")
        content = (self._product.path.parent / file).read_bytes()
        return self._draft.keep(f"vendor/{Path(file).as_posix()}", content) + mark + fragment
