"""Rules that ask the network, and only when the user wants them to: URLs, the CNCF landscape."""

import concurrent.futures
from collections.abc import Iterable, Iterator

import urllib3
import yaml

from aicr_pytest import __version__
from aicr_pytest.submission.official_rules import is_url
from aicr_pytest.submission.product import METADATA
from aicr_pytest.submission.rule import OFFICIAL, Rule, Whose
from aicr_pytest.submission.submitted import Submitted

LANDSCAPE = "https://raw.githubusercontent.com/cncf/landscape/master/landscape.yml"
_MEMBERS = "CNCF Members"
_TIMEOUT = 30.0
"""Seconds for one answer, as the programme's validator has it."""
_AT_ONCE = 8
"""Requests that go on at the same time."""
_AGENT = f"aicr-pytest/{__version__} (validate --online)"


class Network:
    """Asks each URL once."""

    def __init__(self, pool: urllib3.PoolManager | None = None) -> None:
        self._pool = pool or urllib3.PoolManager(
            timeout=urllib3.Timeout(total=_TIMEOUT),
            retries=urllib3.Retry(total=5, connect=0, read=0, other=0, raise_on_redirect=True),
            headers={"User-Agent": _AGENT, "Accept": "text/html,*/*;q=0.8"},
        )
        self._answers: dict[str, int | str] = {}

    def answers(self, urls: Iterable[str]) -> dict[str, int | str]:
        """What each URL answers: the status, or why there is none."""
        new = [url for url in dict.fromkeys(urls) if url not in self._answers]
        with concurrent.futures.ThreadPoolExecutor(_AT_ONCE) as threads:
            self._answers.update(zip(new, threads.map(self._ask, new), strict=True))
        return self._answers

    def text(self, url: str) -> str:
        """What a URL holds.

        Raises:
            OSError: it does not answer with 200.
        """
        try:
            answer = self._pool.request("GET", url)
        except urllib3.exceptions.HTTPError as error:
            raise OSError(f"{url} does not answer: {error}") from None
        if answer.status != 200:
            raise OSError(f"{url} answers {answer.status}")
        return answer.data.decode("utf-8", "replace")

    def _ask(self, url: str) -> int | str:
        told: int | str = "no answer"
        for method in ("HEAD", "GET"):  # some answer to the second only
            try:
                answer = self._pool.request(method, url, preload_content=False)
            except (urllib3.exceptions.HTTPError, ValueError) as error:
                told = f"does not answer: {error}"
                continue
            answer.release_conn()
            told = answer.status
            if told < 400:
                break
        return told


def online_rules(network: Network | None = None, landscape: str = LANDSCAPE) -> tuple[Rule, ...]:
    """The rules that need a network.

    Args:
        network: None: the real one.
        landscape: URL of the list of the CNCF's members.
    """
    asked = network or Network()

    def refused(submitted: Submitted, *, busy_is_fine: bool) -> Iterator[str]:
        places = dict(_urls(submitted))
        answers = asked.answers(places)
        for url, where in places.items():
            answer = answers[url]
            if isinstance(answer, str):
                yield f"{where}: {url} {answer}"
            elif answer >= 400 and not (busy_is_fine and answer == 429):
                yield f"{where}: {url} answers {answer}"

    def members(submitted: Submitted) -> Iterator[str]:
        vendor = submitted.text("vendorName").strip()
        if not vendor:
            return
        try:
            known = _members(asked.text(landscape))
        except (OSError, yaml.YAMLError) as error:
            yield f"the CNCF landscape cannot be read: {error}"
            return
        if vendor not in known:
            yield f"metadata.vendorName: {vendor!r} is no member in the CNCF landscape"

    return (
        Rule(
            name="url-answers",
            whose=(Whose.AUGUST,),
            look=lambda submitted: refused(submitted, busy_is_fine=False),
        ),
        Rule(
            name="url-answers-or-is-busy",
            whose=(Whose.SEPTEMBER,),
            look=lambda submitted: refused(submitted, busy_is_fine=True),
        ),
        Rule(name="vendor-is-a-member", whose=OFFICIAL, look=members),
    )


def _urls(submitted: Submitted) -> Iterator[tuple[str, str]]:
    for entry in submitted.entries:
        for one in entry.evidence if not entry.is_left_open else ():
            if is_url(one):
                yield one, entry.official.id
    for field in METADATA:
        if submitted.text(field.name).startswith("http"):
            yield submitted.text(field.name), f"metadata.{field.name}"


def _members(text: str) -> set[str]:
    # libyaml's reader: the landscape has several MiB.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    categories = (yaml.load(text, Loader=loader) or {}).get("landscape") or []
    names = (
        str(item.get("name") or "")
        for category in categories
        if category.get("name") == _MEMBERS
        for group in category.get("subcategories") or []
        for item in group.get("items") or []
    )
    return {name.removesuffix(" (member)").removesuffix(" (supporter)").strip() for name in names}
