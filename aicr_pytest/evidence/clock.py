"""Times of evidence: UTC, ISO 8601, milliseconds."""

import datetime
from collections.abc import Callable

Clock = Callable[[], datetime.datetime]
"""Tells the time of now; tests bring their own."""


def utc_now() -> datetime.datetime:
    """The time of now, with time zone."""
    return datetime.datetime.now(datetime.UTC)


def iso(moment: datetime.datetime) -> str:
    """``2026-11-23T20:14:05.123Z``; a time without zone is taken as UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)
    in_utc = aware.astimezone(datetime.UTC).replace(tzinfo=None)
    return in_utc.isoformat(timespec="milliseconds") + "Z"
