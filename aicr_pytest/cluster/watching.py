"""Following objects as they change: list, then watch, in threads of their own.

The threads read, the caller decides: it gets every change through one queue, so that it can follow
several kinds at once, keeps its own deadline to the millisecond and stays open to Ctrl-C.
"""

import contextlib
import dataclasses
import queue
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Protocol

from aicr_pytest.cluster import answers, dra_versions
from aicr_pytest.cluster.bounds import AnswerTooLarge
from aicr_pytest.cluster.kinds import Kind, Object
from aicr_pytest.cluster.messages import Backoff, RetryPolicy, read_json
from aicr_pytest.cluster.refusals import Answer, error_for
from aicr_pytest.errors import ApiError, ApiUnreachable

Key = tuple[str, str]
View = dict[Key, Object]
Views = Sequence[Mapping[Key, Object]]
Change = tuple[str, Object]
"""``ADDED``, ``MODIFIED`` or ``DELETED``, and the object."""

_LONGEST_WATCH = 240.0
"""Seconds until a watch is asked again, below what load balancers cut off (300 s and more)."""
_SILENCE = 15.0
"""Seconds that a watch may stay open beyond its time before the connection counts as dead."""
_PIECE = 65536
_AHEAD = 1000
"""Changes that are read before somebody looks at them; who sends more has to wait."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is followed: one object by name, or those that the selectors choose."""

    kind: Kind
    namespace: str | None = None
    """None for all namespaces, and for kinds without one."""
    name: str = ""
    """One object; empty for all."""
    labels: str = ""
    """Label selector."""
    fields: str = ""
    """Field selector."""

    @property
    def selection(self) -> list[tuple[str, str]]:
        """The query that selects."""
        named = f"metadata.name={self.name}" if self.name else ""
        fields = ",".join(part for part in (named, self.fields) if part)
        query = [("labelSelector", self.labels), ("fieldSelector", fields)]
        return [(key, value) for key, value in query if value]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The answer to a list: the objects, and the version from which a watch goes on."""

    items: list[Object]
    resource_version: str


class Source(Protocol):
    """Lists and streams; ``Cluster`` is one."""

    def listing(self, subject: Subject) -> Listing:
        """All objects of the subject now."""

    def stream(
        self, subject: Subject, query: Sequence[tuple[str, str]], *, read_timeout: float
    ) -> Any:
        """An open answer of the API server to a watch of the subject."""


class _Gone(Exception):
    """The version is too old to watch from, or what came is no event: list again."""


def key_of(obj: Object) -> Key:
    """Namespace and name."""
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


class Following:
    """Follows subjects between ``with`` and its end; ``views`` hold their objects."""

    def __init__(
        self, source: Source, subjects: Sequence[Subject], patience: RetryPolicy | None = None
    ) -> None:
        self._source = source
        self._subjects = subjects
        self._patience = patience or RetryPolicy()
        self._followers: list[_Follower] = []
        self._queue: queue.Queue[tuple[int, str, Any]] = queue.Queue(_AHEAD)
        self.views: list[View] = []

    def __enter__(self) -> "Following":
        self.look()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop()

    def look(self) -> None:
        """List again; what the watches say from then on is newer than that."""
        self._stop()
        listings = [self._source.listing(subject) for subject in self._subjects]
        self.views = [{key_of(obj): obj for obj in listing.items} for listing in listings]
        self._versions = [listing.resource_version for listing in listings]

    def changes(self, timeout: float) -> list[Change]:
        """The next change, none when ``timeout`` seconds pass; ``views`` follow.

        One at a time, so that a state that lasted for a moment is judged like any other. A list
        that replaces an expired watch brings several.

        Raises:
            AicrError: a watch has ended for good.
        """
        if not self._followers:
            self._start()
        try:
            return self._apply(*self._queue.get(timeout=max(0.0, timeout)))
        except queue.Empty:
            return []

    def _apply(self, index: int, event: str, content: Any) -> list[Change]:
        view = self.views[index]
        if event == "FAILED":
            raise content
        if event == "LISTED":
            return self._replace(index, {key_of(obj): obj for obj in content})
        if event == "DELETED":
            view.pop(key_of(content), None)
        else:
            view[key_of(content)] = content
            if len(view) > (most := self._patience.limits.objects):
                kind = self._subjects[index].kind
                raise ApiUnreachable(f"WATCH {kind.path()}: it brings more than {most} objects.")
        return [(event, content)]

    def _replace(self, index: int, new: View) -> list[Change]:
        old, self.views[index] = self.views[index], new
        changes: list[Change] = [("DELETED", old[key]) for key in old.keys() - new.keys()]
        for key, obj in new.items():
            if key not in old:
                changes.append(("ADDED", obj))
            elif obj["metadata"] != old[key]["metadata"]:
                changes.append(("MODIFIED", obj))
        return changes

    def _start(self) -> None:
        self._queue = queue.Queue(_AHEAD)
        for index, subject in enumerate(self._subjects):
            follower = _Follower(
                self._source, subject, self._versions[index], index, self._queue, self._patience
            )
            self._followers.append(follower)
            follower.start()

    def _stop(self) -> None:
        for follower in self._followers:
            follower.stop()
        self._followers = []


class _Follower(threading.Thread):
    """Keeps one watch going, over its ends, drops and 410s, until told to stop."""

    def __init__(
        self,
        source: Source,
        subject: Subject,
        version: str,
        index: int,
        sink: "queue.Queue[tuple[int, str, Any]]",
        patience: RetryPolicy,
    ) -> None:
        super().__init__(name=f"watch {subject.kind.plural} {subject.name}".strip(), daemon=True)
        self._source = source
        self._subject = subject
        self._version = version
        self._index = index
        self._sink = sink
        self._patience = patience
        self._stopping = threading.Event()
        self._stream: Any = None

    def stop(self) -> None:
        """End the thread; a read that blocks is woken by shutting its socket."""
        self._stopping.set()
        if (stream := self._stream) is not None:
            _shut(stream)

    def run(self) -> None:
        backoff = Backoff(self._patience)
        pause = 0.0
        while not self._stopping.wait(pause):
            began = time.monotonic()
            try:
                self._follow()
            except Exception as error:  # noqa: BLE001  the caller must hear of it, not wait on
                self._put("FAILED", error)
                return
            # What ends soon, again and again, must not become a busy loop: neither watches that
            # are closed at once nor versions that are too old as soon as they are given.
            pause = backoff.pause()
            if time.monotonic() - began >= self._patience.longest:
                backoff.reset()
                pause = 0.0

    def _follow(self) -> None:
        try:
            self._watch()
        except _Gone:
            listing = self._source.listing(self._subject)
            self._version = listing.resource_version
            self._put("LISTED", listing.items)

    def _put(self, event: str, content: Any) -> None:
        while not self._stopping.is_set():
            with contextlib.suppress(queue.Full):
                self._sink.put((self._index, event, content), timeout=0.2)
                return

    def _watch(self) -> None:
        import urllib3.exceptions

        query = [
            *self._subject.selection,
            ("watch", "true"),
            ("allowWatchBookmarks", "true"),
            ("resourceVersion", self._version),
            ("timeoutSeconds", f"{_LONGEST_WATCH:.0f}"),
        ]
        longest = _LONGEST_WATCH + _SILENCE
        try:
            self._stream = self._source.stream(self._subject, query, read_timeout=longest)
        except ApiError as error:
            if error.status == 410:
                raise _Gone from error
            raise
        try:
            if self._stopping.is_set():
                return  # told while the stream was being opened, when there was nothing to shut
            for line in _lines(self._stream, self._patience.limits.line):
                self._take(line)
        except (urllib3.exceptions.HTTPError, OSError, ValueError, AttributeError):
            # Dropped, or silent for too long; AttributeError is what ssl says when stop() shuts
            # its socket. The version of the last event still holds.
            return
        except AnswerTooLarge:
            return  # so much of it was good; the next one goes on from there
        finally:
            stream, self._stream = self._stream, None
            with contextlib.suppress(OSError, ValueError, AttributeError):
                stream.close()

    def _take(self, line: bytes) -> None:
        try:
            event, obj = answers.event_of(read_json(line))
        except ValueError as error:
            # Cut in the middle of a line, or nonsense; what it would have told, a list tells.
            raise _Gone from error
        if event == "ERROR":
            raise self._failure(obj)
        self._version = obj["metadata"]["resourceVersion"]
        if event != "BOOKMARK":
            obj.setdefault("apiVersion", self._subject.kind.api_version)
            obj.setdefault("kind", self._subject.kind.name)
            self._put(event, dra_versions.read(obj))

    def _failure(self, status: dict[str, Any]) -> Exception:
        code = status.get("code")
        error = error_for(
            Answer(
                status=code if isinstance(code, int) and 400 <= code <= 599 else 500,
                reason=str(status.get("reason", ""))[:100],
                message=str(status.get("message", ""))[:1000],
                is_status=True,
            ),
            f"WATCH {self._subject.kind.path(self._subject.namespace)}",
        )
        # "too old", and whatever else broke the watch on the server's side: the next list tells.
        return _Gone() if code == 410 or isinstance(error, ApiUnreachable) else error


def _lines(stream: Any, most: int) -> Iterator[bytes]:
    """Lines as they come; each byte is looked at once, however many pieces a line comes in.

    Raises:
        _Gone: a line is longer than ``most`` bytes.
    """
    # Not readline(): urllib3 inherits io.IOBase's, which reads byte by byte.
    pieces: list[bytes] = []
    length = 0
    for chunk in stream.stream(_PIECE, decode_content=False):
        first, *others = chunk.split(b"\n")
        pieces.append(first)
        length += len(first)
        if others:
            yield from filter(bytes.strip, [b"".join(pieces), *others[:-1]])
            pieces, length = [others[-1]], len(others[-1])
        if length > most:
            raise _Gone


def _shut(stream: Any) -> None:
    # Reaching for the socket is the only way to end another thread's read; the kubernetes client's
    # Watch.stop() does the same. Without it the thread would read on until the watch ends.
    sock = getattr(getattr(stream, "connection", None), "sock", None)
    if sock is not None:
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
