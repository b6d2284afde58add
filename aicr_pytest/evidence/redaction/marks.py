"""What stands where something was taken out: how it is known again, and counted by its class."""

import re
from collections import Counter

from aicr_pytest.evidence.redaction.identities import KINDS
from aicr_pytest.evidence.redaction.platform_names import PLATFORM_KINDS
from aicr_pytest.evidence.redaction.pseudonyms import DIGITS

SECRET = "secret"
"""The class of credentials, keys and certificates; all others are kinds of names, as pseudonyms
begin with them."""

_KINDS = "|".join(sorted({*KINDS, *PLATFORM_KINDS, "node"}))
_MARK = re.compile(
    rf"(?P<secret>\[redacted[^\]\n]{{0,40}}\])"
    rf"|(?<![A-Za-z0-9-])(?P<kind>{_KINDS})-[0-9a-f]{{{DIGITS}}}(?![A-Za-z0-9-])"
)


def marks_in(text: str) -> Counter[str]:
    """How often something was taken out of a text, by class."""
    return Counter(SECRET if mark["secret"] else mark["kind"] for mark in _MARK.finditer(text))
