"""A last look at what is about to be published: whether anything is left that looks like a secret.

What came from the cluster has been redacted when it was written, and redacting twice changes
nothing: whatever would still be taken out has come there by another way. What people write holds
links and programs that only look random; there the known forms of credentials are looked for.
"""

from collections.abc import Callable, Mapping

from aicr_pytest.evidence.redaction.blocks import without_pem, without_secret_data
from aicr_pytest.evidence.redaction.known_tokens import without_known_tokens
from aicr_pytest.evidence.redaction.redact import Redactor

Clean = Callable[[str], str]


def in_evidence(files: Mapping[str, bytes]) -> list[str]:
    """One line for each file of evidence in which something seems to have not been redacted."""
    return _unexplained(files, Redactor(level="secrets").text)


def in_prose(files: Mapping[str, bytes]) -> list[str]:
    """One line for each file of somebody's own writing that holds a credential of a known form."""
    return _unexplained(
        files, lambda text: without_known_tokens(without_secret_data(without_pem(text)))
    )


def _unexplained(files: Mapping[str, bytes], clean: Clean) -> list[str]:
    """Says where, and not what: it goes to a terminal and perhaps into a log."""
    return [
        f"{path}, line {line}: looks like a credential"
        for path, content in files.items()
        if (line := _first_line(content, clean))
    ]


def _first_line(content: bytes, clean: Clean) -> int:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return 0  # a picture or the like; what came from a cluster is always text
    cleaned = clean(text)
    if cleaned == text:
        return 0
    pairs = zip(text.splitlines(), cleaned.splitlines(), strict=False)
    return next((i for i, (one, other) in enumerate(pairs, 1) if one != other), 1)
