"""Text of others in Markdown: it makes no links, mentions nobody and ends no table."""

import re

from aicr_pytest.evidence.printable import printable


def fenced(text: str) -> list[str]:
    """A code block whose fence is longer than any run of backticks inside."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    body = printable(text).splitlines()
    return [fence + "text", *body, fence]


def escape(text: str) -> str:
    """Text on one line that Markdown shows as it is."""
    one_line = " ".join(printable(text).split())
    safe = one_line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    # An entity stops GitHub from mentioning; a backslash would not.
    safe = re.sub(r"([\\`*_{}\[\]()#+!|~])", r"\\\1", safe).replace("@", "&#64;")
    return safe.replace("://", ":&#47;&#47;")


def code(text: str) -> str:
    """Text within one pair of backticks, in a table."""
    return " ".join(printable(text).split()).replace("`", "'").replace("|", "\\|")
