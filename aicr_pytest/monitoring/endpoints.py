"""Ways to the Prometheus API: behind a Service of the cluster, or at a user's URL."""

import urllib.parse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from aicr_pytest.cluster import bounds
from aicr_pytest.cluster.kinds import SERVICE
from aicr_pytest.cluster.messages import Limits
from aicr_pytest.cluster.shapes import token_in
from aicr_pytest.errors import AccessDenied, ApiUnreachable, SettingsError

if TYPE_CHECKING:
    from aicr_pytest.cluster.client import Cluster

_TIMEOUT = 20.0
"""Seconds for one answer."""


class Endpoint(Protocol):
    """How requests get to Prometheus."""

    @property
    def hint(self) -> str:
        """What the user can do where it does not let us in."""

    def ask(self, path: str, query: Sequence[tuple[str, str]]) -> tuple[int, str]:
        """HTTP status and body of a GET; the path begins after any prefix.

        Raises:
            AccessDenied: we are refused on the way.
            ApiUnreachable: nobody answers; whether the platform or our way there is at fault is
                not known.
        """

    def __str__(self) -> str:
        """Where it leads to, for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceEndpoint:
    """Through the API server's proxy to a Service of the cluster.

    The proxy passes no credentials on and chooses any endpoint for each request.
    """

    cluster: "Cluster"
    namespace: str
    service: str
    port: str
    """Name or number."""
    prefix: str = ""
    """Path under which the API is served, e.g. ``/prometheus``."""

    @property
    def hint(self) -> str:
        """Another way in."""
        return "Name one that lets us in: --aicr-prometheus-url, --aicr-prometheus-token-file."

    def ask(self, path: str, query: Sequence[tuple[str, str]]) -> tuple[int, str]:
        """HTTP status and body; those of the API server where the Service has no endpoints."""
        base = SERVICE.path(self.namespace, f"http:{self.service}:{self.port}", "proxy")
        answer = self.cluster.raw(
            "GET", f"{base}{self.prefix}{path}", query=query, timeout=_TIMEOUT
        )
        return answer.status, answer.text

    def __str__(self) -> str:
        return f"Service {self.namespace}/{self.service}:{self.port}{self.prefix}"


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlEndpoint:
    """Straight to a URL that the user named."""

    url: str
    token_file: str | None = None
    """File with a bearer token, read for each request, as tokens expire; None for none."""

    @property
    def hint(self) -> str:
        """What to look at."""
        if self.token_file is None:
            return "Give a bearer token with --aicr-prometheus-token-file."
        return "See whether --aicr-prometheus-token-file holds a token that is valid now."

    def ask(self, path: str, query: Sequence[tuple[str, str]]) -> tuple[int, str]:
        """HTTP status and body; redirections are not followed.

        Raises:
            SettingsError: the token file cannot be read.
        """
        import urllib3

        token = _token(self.token_file)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        target = f"{self.url.rstrip('/')}{path}?{urllib.parse.urlencode(query)}"
        try:
            with bounds.bound(urllib3.PoolManager()) as pool:
                answer = pool.urlopen(
                    "GET",
                    target,
                    headers={"Accept-Encoding": "identity", **headers},
                    timeout=urllib3.Timeout(total=_TIMEOUT),
                    retries=False,
                    redirect=False,
                    preload_content=False,
                    decode_content=False,
                )
                body, _ = bounds.read(answer, Limits().page)
        except (bounds.AnswerTooLarge, bounds.EncodedAnswer) as error:
            why = str(error) or "too large"
            raise ApiUnreachable(f"--aicr-prometheus-url {self.url}: the answer is {why}") from None
        except urllib3.exceptions.SSLError as error:
            raise AccessDenied(
                f"--aicr-prometheus-url {self.url}: no TLS connection: {error}",
                hint="Its certificate must be one that this machine trusts (SSL_CERT_FILE).",
            ) from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise ApiUnreachable(
                f"--aicr-prometheus-url {self.url}: no answer: {error}",
                hint="The URL must be reachable from where the suite runs.",
            ) from error
        return answer.status, body.decode(errors="replace")

    def __str__(self) -> str:
        return self.url


def _token(file: str | None) -> str:
    if not file:
        return ""
    try:
        text = Path(file).expanduser().read_text(encoding="ascii", errors="replace")
    except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: ~ of nobody
        raise SettingsError(f"--aicr-prometheus-token-file: {error}") from error
    return token_in(text, f"--aicr-prometheus-token-file: {file}")
