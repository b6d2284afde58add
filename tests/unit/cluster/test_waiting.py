"""Watches and waits: what they survive, when they end, and what they say."""

import sys
import threading
import time
import traceback
from collections.abc import Iterator

import pytest

from aicr_pytest.cluster.client import Cluster
from aicr_pytest.cluster.kinds import CONFIG_MAP, Object
from aicr_pytest.cluster.waiting import Waiter
from aicr_pytest.errors import AccessDenied, ApiUnreachable, WaitFailed, WaitTimeout
from tests.unit.cluster.conftest import Recorder
from tests.unit.cluster.fake_api import FakeApi

MAPS = "/api/v1/namespaces/ns/configmaps"


def config_map(name: str, value: str = "", **metadata: object) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, **metadata},
        "data": {"v": value},
    }


def value_of(obj: Object) -> str:
    return str(obj["data"]["v"])


def await_value(waiter: Waiter, value: str, *, timeout: float = 5.0) -> Object:
    return waiter.for_object(
        f"ConfigMap ns/one: {value}",
        CONFIG_MAP,
        "one",
        "ns",
        until=lambda obj: value_of(obj) == value,
        unless=lambda obj: "it is broken" if value_of(obj) == "broken" else None,
        describe=lambda obj: f"value {value_of(obj)!r}",
        timeout=timeout,
    )


@pytest.fixture(autouse=True)
def _no_thread_is_left_behind() -> Iterator[None]:
    yield
    for _ in range(100):
        if not (left := [t for t in threading.enumerate() if t.name.startswith("watch ")]):
            return
        time.sleep(0.02)
    stacks = [traceback.format_stack(sys._current_frames()[t.ident or 0]) for t in left]
    pytest.fail(f"watches go on after their waits have ended: {left} {''.join(stacks[0])}")


def test_what_is_so_already_needs_no_watch(waiter: Waiter, fake: FakeApi) -> None:
    fake.put(MAPS, config_map("one", "done"))

    assert value_of(await_value(waiter, "done")) == "done"
    assert fake.asked("GET", "watch=true") == []


def test_change_ends_the_wait_at_once(waiter: Waiter, fake: FakeApi, recorder: Recorder) -> None:
    fake.put(MAPS, config_map("one", "not yet"))
    fake.later(0.3, lambda: fake.put(MAPS, config_map("one", "done")))

    started = time.monotonic()
    await_value(waiter, "done")

    assert 0.25 < time.monotonic() - started < 0.8
    assert recorder.awaited == [("ConfigMap ns/one: done", "value 'not yet'")]


def test_object_need_not_exist_when_the_wait_begins(waiter: Waiter, fake: FakeApi) -> None:
    fake.later(0.1, lambda: fake.put(MAPS, config_map("one", "done")))

    await_value(waiter, "done")


def test_other_objects_do_not_count(waiter: Waiter, fake: FakeApi) -> None:
    fake.put(MAPS, config_map("two", "done"))

    with pytest.raises(WaitTimeout, match="ConfigMap ns/one does not exist"):
        await_value(waiter, "done", timeout=0.2)


def test_timeout_names_the_wait_and_what_was_last_seen(waiter: Waiter, fake: FakeApi) -> None:
    fake.put(MAPS, config_map("one", "not yet"))

    started = time.monotonic()
    with pytest.raises(WaitTimeout) as caught:
        await_value(waiter, "done", timeout=0.3)

    assert time.monotonic() - started == pytest.approx(0.3, abs=0.2)
    assert str(caught.value) == (
        "ConfigMap ns/one: done: not within 0.3 s.\n  Last seen: value 'not yet'"
    )


def test_timeouts_are_scaled(cluster: Cluster, fake: FakeApi) -> None:
    fake.put(MAPS, config_map("one", "not yet"))

    with pytest.raises(WaitTimeout, match=r"not within 0\.4 s"):
        await_value(Waiter(cluster, scale=4), "done", timeout=0.1)


def test_what_cannot_happen_any_more_ends_the_wait(waiter: Waiter, fake: FakeApi) -> None:
    fake.put(MAPS, config_map("one", "not yet"))
    fake.later(0.1, lambda: fake.put(MAPS, config_map("one", "broken")))

    with pytest.raises(WaitFailed, match=r"will not happen: it is broken\n.*value 'broken'"):
        await_value(waiter, "done", timeout=30)


def test_last_look_sees_what_the_watch_has_missed(waiter: Waiter, fake: FakeApi) -> None:
    fake.put(MAPS, config_map("one", "not yet"))
    # The watch is told that it is in the future, so it hears of nothing.
    fake.later(0.1, lambda: fake.objects[f"{MAPS}/one"].update(data={"v": "done"}))

    assert value_of(await_value(waiter, "done", timeout=0.4)) == "done"


def test_expired_version_is_listed_again(waiter: Waiter, fake: FakeApi) -> None:
    fake.put(MAPS, config_map("one", "not yet"))

    def expire() -> None:
        fake.compact()
        fake.objects[f"{MAPS}/one"]["data"] = {"v": "done"}
        fake.objects[f"{MAPS}/one"]["metadata"]["resourceVersion"] = str(fake.version)

    fake.later(0.2, expire)

    await_value(waiter, "done", timeout=5)
    assert len(fake.asked("GET", r"/configmaps\?(?!.*watch)")) == 2


def test_watch_refused_as_too_old_is_listed_again(waiter: Waiter, fake: FakeApi) -> None:
    fake.put(MAPS, config_map("one", "not yet"))
    fake.refuse("GET", "watch=true", 410, reason="Expired", message="too old")
    fake.later(0.5, lambda: fake.put(MAPS, config_map("one", "done")))

    await_value(waiter, "done", timeout=5)


def test_line_cut_in_the_middle_is_read_again(waiter: Waiter, fake: FakeApi) -> None:
    fake.put(MAPS, config_map("one", "not yet"))
    fake.cut_watches_after = 1

    def change() -> None:
        for value in ("a", "b", "done"):
            fake.put(MAPS, config_map("one", value))

    fake.later(0.1, change)

    await_value(waiter, "done", timeout=10)
    assert len(fake.asked("GET", "watch=true")) >= 3


def test_short_outage_is_survived(waiter: Waiter, fake: FakeApi) -> None:
    fake.put(MAPS, config_map("one", "not yet"))
    fake.refuse("GET", "watch=true", 503, times=3)
    fake.later(0.3, lambda: fake.put(MAPS, config_map("one", "done")))

    await_value(waiter, "done", timeout=5)


def test_long_outage_ends_the_wait_and_names_it(waiter: Waiter, fake: FakeApi) -> None:
    fake.put(MAPS, config_map("one", "not yet"))
    fake.refuse("GET", "watch=true", 503, times=10_000)

    started = time.monotonic()
    with pytest.raises(ApiUnreachable) as caught:
        await_value(waiter, "done", timeout=60)

    assert time.monotonic() - started < 5
    assert caught.value.__notes__ == [
        "while waiting for ConfigMap ns/one: done; last seen: value 'not yet'"
    ]


def test_watch_that_is_forbidden_ends_the_wait(waiter: Waiter, fake: FakeApi) -> None:
    message = 'x is forbidden: User "me" cannot watch resource "configmaps" in API group ""'
    fake.refuse("GET", "watch=true", 403, reason="Forbidden", message=message)

    with pytest.raises(AccessDenied, match="may not watch configmaps"):
        await_value(waiter, "done", timeout=60)


def test_gone_waits_for_this_object_and_not_for_its_name(waiter: Waiter, fake: FakeApi) -> None:
    first = fake.put(MAPS, config_map("one"))
    uid = first["metadata"]["uid"]

    def replace() -> None:
        fake.remove(f"{MAPS}/one")
        fake.put(MAPS, config_map("one"))

    fake.later(0.1, replace)

    waiter.until_gone("ConfigMap ns/one: gone", CONFIG_MAP, "one", "ns", uid=uid, timeout=5)


def test_what_does_not_go_is_named_with_its_finalizers(waiter: Waiter, fake: FakeApi) -> None:
    fake.put(MAPS, config_map("one", finalizers=["example.com/hold"], deletionTimestamp="now"))

    with pytest.raises(WaitTimeout, match=r"ns/one \(being deleted, finalizers: example.com/hold"):
        waiter.until_gone("ConfigMap ns/one: gone", CONFIG_MAP, "one", "ns", timeout=0.2)


def test_watch_tells_what_is_there_and_then_every_change(cluster: Cluster, fake: FakeApi) -> None:
    fake.put(MAPS, config_map("one"))

    def change() -> None:
        fake.put(MAPS, config_map("two"))
        fake.put(MAPS, config_map("two", "x"))
        fake.remove(f"{MAPS}/one")

    fake.later(0.1, change)
    seen = [(t, obj["metadata"]["name"]) for t, obj in cluster.watch(CONFIG_MAP, "ns", timeout=0.5)]

    assert seen == [("ADDED", "one"), ("ADDED", "two"), ("MODIFIED", "two"), ("DELETED", "one")]


def test_watch_tells_what_was_missed_while_its_version_expired(
    cluster: Cluster, fake: FakeApi
) -> None:
    fake.put(MAPS, config_map("one"))
    fake.put(MAPS, config_map("two"))

    def miss() -> None:
        with fake.changed:
            fake.remove(f"{MAPS}/one")
            fake.put(MAPS, config_map("two", "changed"))
            fake.put(MAPS, config_map("three"))
            fake.compact()

    fake.later(0.1, miss)
    seen = {(t, obj["metadata"]["name"]) for t, obj in cluster.watch(CONFIG_MAP, "ns", timeout=0.8)}

    assert seen == {
        ("ADDED", "one"),
        ("ADDED", "two"),
        ("DELETED", "one"),
        ("MODIFIED", "two"),
        ("ADDED", "three"),
    }


def test_poll_looks_last_at_the_deadline(waiter: Waiter, recorder: Recorder) -> None:
    looks: list[float] = []
    started = time.monotonic()

    def look() -> int:
        looks.append(time.monotonic() - started)
        return len(looks)

    with pytest.raises(WaitTimeout, match=r"3 of 9: not within 0\.5 s\.\n  Last seen: 3"):
        waiter.poll("3 of 9", look, until=lambda n: n == 9, every=0.3, timeout=0.5)

    assert looks == pytest.approx([0.0, 0.3, 0.5], abs=0.1)
    assert [seen for _, seen in recorder.awaited] == ["1", "2", "3"]


def test_poll_tolerates_only_the_errors_it_is_told(waiter: Waiter) -> None:
    answers = iter([ValueError("not up"), KeyError("typo")])

    def look() -> int:
        raise next(answers)

    with pytest.raises(KeyError, match="typo"):
        waiter.poll("up", look, until=bool, every=0.01, timeout=5, tolerate=(ValueError,))


def test_poll_ends_when_it_cannot_happen_any_more(waiter: Waiter) -> None:
    with pytest.raises(WaitFailed, match="will not happen: broken"):
        waiter.poll("up", lambda: 1, until=lambda _: False, unless=lambda _: "broken", timeout=60)
