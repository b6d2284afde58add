"""What a kubeconfig tells about the owner of a cluster: names that need a pseudonym."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

# As the clouds' own command lines name a context: kinds of the groups, and the form.
_CONTEXTS: tuple[tuple[tuple[str, ...], re.Pattern[str]], ...] = (
    (("project", "cluster"), re.compile(r"gke_([a-z0-9.:-]+)_[a-z0-9-]+_(\S+)")),
    (("account", "cluster"), re.compile(r"arn:aws[a-z-]*:eks:[a-z0-9-]*:(\d{12}):cluster/(\S+)")),
    (("user", "cluster"), re.compile(r"([^@\s/]+)@(\S+?)\.[a-z0-9-]+\.eksctl\.io")),
    (("server", "user"), re.compile(r"\S+/([a-z0-9-]+:\d+)/(\S+)")),  # OpenShift
    (("project", "cluster"), re.compile(r"connectgateway_([a-z0-9.:-]+)_[a-z0-9-]+_(\S+)")),
    (("cluster",), re.compile(r"do-[a-z]{3}\d-(\S+)")),
)

PLATFORM_KINDS = frozenset({"server"}.union(*(kinds for kinds, _ in _CONTEXTS)))
"""Of what a kubeconfig tells."""


def platform_names(server: str, context: str) -> Iterator[tuple[str, str]]:
    """Kind and name of what identifies a platform, out of its API server's URL and its context."""
    host = urlsplit(server).hostname if "://" in server else server.partition(":")[0]
    if host:
        yield "server", host
    for kinds, form in _CONTEXTS:
        if found := form.fullmatch(context):
            yield from zip(kinds, found.groups(), strict=True)
            return
