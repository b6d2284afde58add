r"""Quoted text, also in JSON that stands quoted in JSON, where ``"`` became ``\"`` and ``\\\"``."""

import re

QUOTE = r"(?:[\"'`]|&quot;|&\#34;|&\#x27;|&\#39;)"
OPENING = re.compile(rf"(\\{{0,15}})({QUOTE})")
"""Backslashes, and the quote: of its kind and depth its end has to be."""
_LONGEST = 64 * 1024
"""Characters of quoted text; a longer one has lost its end."""
_CLOSING = {
    quote: re.compile(rf"(?<!\\)(\\*+){re.escape(quote)}")
    for quote in ('"', "'", "`", "&quot;", "&#34;", "&#x27;", "&#39;")
}


def closing(text: str, opening: re.Match[str]) -> tuple[int, int] | None:
    """Where quoted text ends, and where what follows its quote begins; None where it never ends.

    Args:
        text: that holds it.
        opening: a match of ``OPENING``.
    """
    depth, quote = len(opening[1]), opening[2]
    limit = opening.end() + _LONGEST
    doubled = -1
    for found in _CLOSING[quote].finditer(text, opening.end(), limit):
        if found.start() == doubled:
            continue
        if quote in ("'", "&#x27;") and not found[1] and text.startswith(quote, found.end()):
            doubled = found.end()  # YAML and SQL double a quote that belongs to the text
            continue
        run = len(found[1])
        if run % (2 * (depth + 1)) == depth:
            return found.end(1) - depth, found.end()
        if run < depth:  # what is around it ends here
            return found.start(), found.start()
    return None
