"""Lists, page by page, and no longer than a list can be that has an end."""

import time
from collections.abc import Callable

from aicr_pytest.cluster import answers, dra_versions
from aicr_pytest.cluster.kinds import Object
from aicr_pytest.cluster.messages import Request, Response, RetryPolicy
from aicr_pytest.cluster.slimming import slimmer
from aicr_pytest.cluster.watching import Listing, Subject
from aicr_pytest.errors import ApiError, ApiUnreachable

_PAGE = 500
"""Objects per page, as kubectl asks for."""

Ask = Callable[[Request], Response]
ListAll = Callable[[Ask, Subject, RetryPolicy], Listing]


def list_all(ask: Ask, subject: Subject, patience: RetryPolicy) -> Listing:
    """All objects of a subject, and the version from which a watch goes on.

    Raises:
        ApiUnreachable: the answers are no list, or one without an end.
    """
    try:
        return _Pages(ask, subject, patience, size=_PAGE).listing()
    except ApiError as error:
        if error.status != 410:
            raise
        # The pages took too long; take all at once.
        return _Pages(ask, subject, patience, size=0).listing()


class _Pages:
    def __init__(self, ask: Ask, subject: Subject, patience: RetryPolicy, *, size: int) -> None:
        self._ask = ask
        self._subject = subject
        self._slim = slimmer(subject)
        self._patience = patience
        self._size = size
        self._deadline = time.monotonic() + patience.listing
        self._room = patience.limits.listing
        self._items: list[Object] = []
        self._seen: set[str] = set()

    def listing(self) -> Listing:
        more = ""
        while True:
            request = self._request(more)
            answer = self._ask(request)
            page = answers.page_of(answer, stored=answers.is_stored(self._subject.kind))
            for item in map(self._slim, page.items):
                item.setdefault("apiVersion", self._subject.kind.api_version)
                item.setdefault("kind", self._subject.kind.name)
                self._items.append(dra_versions.read(item))
            if not (more := page.more):
                return Listing(items=self._items, resource_version=page.resource_version)
            self._room -= len(answer.body)
            if more in self._seen or self._is_endless():
                raise ApiUnreachable(
                    f"{request}: the list has no end: after {len(self._seen) + 1} pages with"
                    f" {len(self._items)} objects there are more."
                )
            self._seen.add(more)

    def _request(self, more: str) -> Request:
        limits = self._patience.limits
        query = [*self._subject.selection]
        query += [("limit", str(self._size))] if self._size else []
        query += [("continue", more)] if more else []
        left = max(self._deadline - time.monotonic(), 0.01)
        return Request(
            method="GET",
            path=self._subject.kind.path(self._subject.namespace),
            query=query,
            timeout=min(left, self._patience.read) if self._size else left,
            most=min(limits.page, self._room) if self._size else self._room,
        )

    def _is_endless(self) -> bool:
        limits = self._patience.limits
        return (
            len(self._seen) + 1 >= limits.pages
            or len(self._items) > limits.objects
            or self._room <= 0
            or time.monotonic() > self._deadline
        )
