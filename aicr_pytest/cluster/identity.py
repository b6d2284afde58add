"""Who we are on the connections of one client, and how a new token or certificate gets there."""

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from aicr_pytest.cluster.connection import identify
from aicr_pytest.cluster.credentials import Credentials
from aicr_pytest.cluster.shapes import Section
from aicr_pytest.errors import NotAuthenticated

T = TypeVar("T")


class Identity:
    """Credentials, and the connections on which they are shown; used from several threads.

    Args:
        user: the kubeconfig's, whose own client certificate counts where no plugin gives one.
    """

    def __init__(self, credentials: Credentials, user: Section) -> None:
        self._credentials = credentials
        self._user = user
        self._certificate = credentials.certificate()
        self._lock = threading.Lock()
        self._configuration: Any = None
        self._renew: Callable[[], None] = lambda: None

    def serve(self, configuration: Any, renew: Callable[[], None]) -> None:
        """Keep the kubernetes client's configuration up to date.

        Args:
            renew: called whenever it names another client certificate.
        """
        self._configuration, self._renew = configuration, renew

    def usable(self, configuration: Any, pool: Any) -> Any:
        """The pool manager of urllib3, warning of nothing that the user wants."""
        if not configuration.verify_ssl:
            pool.pool_classes_by_scheme = {"http": HTTPConnectionPool, "https": _UnverifiedPool}
        return pool

    def shown(self, once: Callable[[], T]) -> T:
        """Do something as ourselves; once more with other credentials where these are refused.

        Raises:
            AccessDenied: there are none any more; beside whatever the action itself raises.
        """
        shown = self._credentials.header()
        self._certify()
        try:
            return once()
        except Exception as error:
            if not isinstance(getattr(error, "error", error), NotAuthenticated):
                raise
            if not self._credentials.renew(shown):
                raise
        self._certify()
        return once()

    def _certify(self) -> None:
        """Have new connections show the certificate that a plugin has given since."""
        given = self._credentials.certificate()
        with self._lock:
            if given == self._certificate:
                return
            identify(self._configuration, self._user, given)
            self._renew()
            self._certificate = given


class _UnverifiedConnection(HTTPSConnection):
    """A connection that the user wants unverified: said in the header and in the evidence.

    urllib3 would warn of each; under ``filterwarnings = error`` that would end the run, and a
    filter of ours would hide the warnings of others.
    """

    def connect(self) -> None:
        super().connect()
        self.is_verified = True


class _UnverifiedPool(HTTPSConnectionPool):
    ConnectionCls = _UnverifiedConnection
