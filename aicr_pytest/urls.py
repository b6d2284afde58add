"""URLs: hosts as they stand in them, and those of others, which may carry credentials."""

import re

_URL = re.compile(
    r"(?i)(https?://)(?:[^\s/?#\"'<>]*@)?([^\s?#\"'<>]*+)(\?[^\s\"'<>]*+|#[^\s\"'<>]*+)?"
)


def bare_urls(text: str) -> str:
    """A text whose URLs have lost user, password, query and fragment; ``?…`` says that."""
    return _URL.sub(lambda url: f"{url[1]}{url[2]}{'?…' if url[3] else ''}", text)


def in_url(host: str) -> str:
    """A host as URLs and the Host header have it: IPv6 addresses stand in brackets."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host
