"""An authorizer that allows everything but one right, and says so as API servers do."""

import dataclasses

from aicr_pytest.cluster.access import Rule, rules_of
from aicr_pytest.cluster.access_review import Need
from aicr_pytest.cluster.kinds import Object
from tests.unit.cluster.fake_api import FakeApi

USER = "system:serviceaccount:aicr-pytest:aicr-pytest"


@dataclasses.dataclass
class Authorizer:
    """What stands between a fake API server and its user."""

    without: Need
    """The right that the user has not, in no namespace."""
    refused: list[str] = dataclasses.field(default_factory=list)
    """Method and path of the requests that were refused for it."""

    def guard(self, api: FakeApi) -> "Authorizer":
        """Stand before a server."""
        api.objection, api.allowed = self.objection, self._allows
        return self

    def objection(self, method: str, target: str) -> str:
        """Why a request is refused; empty where it is not."""
        rule = next((rule for rule in rules_of(method, target) if self._is_it(rule)), None)
        if rule is None:
            return ""
        self.refused.append(f"{method} {target}")
        return _words(rule, target)

    def _allows(self, attributes: Object) -> bool:
        """The answer to a SelfSubjectAccessReview."""
        told = {key: attributes.get(key, "") for key in ("group", "resource", "subresource")}
        return not self._is_it(Rule(verb=attributes["verb"], **told))

    def _is_it(self, rule: Rule) -> bool:
        gone = self.without
        if (rule.verb, rule.group, rule.subresource) != (gone.verb, gone.group, gone.subresource):
            return False
        return bool(rule.resource) and gone.resource in ("*", rule.resource)


def _words(rule: Rule, target: str) -> str:
    path = target.partition("?")[0].split("/")
    named = path.index(rule.resource) + 1
    name = f' "{path[named]}"' if len(path) > named and path[named] else ""
    subject = rule.resource + (f".{rule.group}" if rule.group else "") + name
    if rule.subresource in ("exec", "portforward") and rule.verb == "create":
        return f"{subject} is forbidden: "  # from 1.35 on, of a stream that is asked for by GET
    where = (
        f'in the namespace "{path[path.index("namespaces") + 1]}"'
        if rule.namespaced
        else "at the cluster scope"
    )
    return (
        f'{subject} is forbidden: User "{USER}" cannot {rule.verb} resource'
        f' "{rule.full_resource}" in API group "{rule.group}" {where}'
    )
