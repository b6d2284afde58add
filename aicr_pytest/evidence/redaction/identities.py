"""Names and addresses that tell whose platform it is, known by their look."""

import functools
import ipaddress
import re
from collections.abc import Callable
from typing import NamedTuple

from aicr_pytest.evidence.redaction.pseudonyms import PSEUDONYM

Pseudonym = Callable[[str, str], str]
"""Gives the pseudonym of a kind and a name."""

_UUID = r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
_QUOTES = r"(?:[\"'\\]|&quot;|&\#34;|&\#x27;){0,8}"
_ASSIGNED = rf"{_QUOTES}[ \t]{{0,8}}(?:[:=]|%3[DdAa])[ \t]{{0,8}}{_QUOTES}"
_PUBLIC_PROJECTS = "|".join(
    (
        r"google[-_]containers",
        r"google[-_]samples",
        "distroless",
        r"k8s-[a-z-]+",
        r"kubernetes-[a-z-]+",
        "kubebuilder",
        "knative-releases",
        "tekton-releases",
        "kaniko-project",
        "cadvisor",
        "gke-release",
        "gke-[a-z-]+",
        "cloud-provider-[a-z]+",
        "vertex-ai",
        "cloudsql-docker",
        "istio-[a-z]+",
        "ml-pipeline",
        "kubeflow-images-public",
        "google-[a-z-]+",
        "node-problem-detector",
    )
)

_TOP = "com|net|org|io|cloud|ai|dev|tech|systems|eu|de|fr|nl|ch|at|it|es|se|uk|us|ca|jp|cn|in|kr|au"


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_EVERYBODYS = "|".join(
    # Hosts that name nobody: of clusters, of documentation, of projects and their registries.
    re.escape(name)
    for name in sorted(
        _words(
            """
            svc local localhost internal test invalid example.com example.org example.net
            kubernetes.default kubernetes.io k8s.io x-k8s.io cncf.io nvidia.com nvcr.io github.com
            github.io githubusercontent.com docker.io docker.com quay.io gcr.io ghcr.io pkg.dev
            mcr.microsoft.com prometheus.io helm.sh etcd.io istio.io envoyproxy.io coredns.io
            containerd.io ray.io kubeflow.org kueue.sh huggingface.co
            python.org golang.org go.dev readthedocs.io pytest.org w3.org apache.org json-schema.org
            opencontainers.org docs.microsoft.com learn.microsoft.com aka.ms googleapis.com
            www.ibm.com cloud.google.com login.microsoftonline.com sts.windows.net coreos.com
            cert-manager.io projectcalico.org cilium.io openshift.io aws.com azure.com google.com
            gke.io argoproj.io mellanox.com intel.com amd.com habana.ai external-secrets.io
            linkerd.io metallb.io run.ai rook.io pytorch.org tensorflow.org fluxcd.io
            """
        )
    )
)


class Rule(NamedTuple):
    """How one kind of identity looks; the group ``v`` is what is replaced, once for each match."""

    kind: str
    """What its pseudonym begins with."""
    hints: tuple[str, ...]
    """Lower-case pieces, one of which every match holds."""
    pattern: re.Pattern[str]
    """Linear in the text."""


def _rule(kind: str, hints: str, pattern: str) -> Rule:
    return Rule(kind, tuple(hints.split()), re.compile(pattern))


_OWN: tuple[Rule, ...] = (
    _rule(
        "account", "arn:", r"\barn:aws[a-z-]{0,16}:[a-z0-9-]{0,32}:[a-z0-9-]{0,32}:(?P<v>\d{12})\b"
    ),
    _rule("account", "amazonaws.com/", r"(?<=amazonaws\.com/)(?P<v>\d{12})(?!\d)"),
    _rule("account", ".dkr.ecr", r"(?<!\d)(?P<v>\d{12})(?=\.dkr\.ecr)"),
    _rule("account", "acs:", r"\bacs:[a-z0-9-]{1,32}:[a-z0-9-]{0,32}:(?P<v>\d{12,20})\b"),
    _rule("account", "crn:", r"\bcrn:v1:[a-z0-9:-]{1,128}:a/(?P<v>[0-9a-f]{32})"),
    _rule("account", "a/", r"(?<=\ba/)(?P<v>[0-9a-f]{32})(?![0-9a-f])"),
    _rule(
        "account",
        "account owner customer org billing tenancy payer",
        r"(?i)(?:account|owner|customer|organi[sz]ation|org|tenancy"
        r"|billing[_ -]?account)[_ -]?(?:id|number|no)?"
        rf"{_ASSIGNED}(?P<v>\d{{6,20}}|{_UUID}|[0-9a-f]{{32}})(?![\w-])",
    ),
    _rule("subscription", "subscriptions/", rf"(?i)(?<=subscriptions/)(?P<v>{_UUID})"),
    _rule("group", "resourcegroups/", r"(?i)(?<=resourcegroups/)(?P<v>[A-Za-z0-9._()-]{1,90})"),
    _rule(
        "tenant",
        "microsoftonline sts.windows.net oic.prod tenants/ login.windows.net",
        rf"(?i)(?:microsoftonline\.(?:com|us|de)|sts\.windows\.net|login\.windows\.net|tenants)/(?P<v>{_UUID})",
    ),
    _rule(
        "tenant",
        "prod-aks",
        rf"(?i)prod-aks\.azure\.(?:com|us|cn)/(?:[a-z0-9]{{1,32}}/)?(?P<v>{_UUID}(?:/{_UUID})?)",
    ),
    _rule("id", "oidc.eks", r"(?<=/id/)(?P<v>[0-9A-Fa-f]{32})"),
    _rule(
        "project",
        "projects/ organizations/ folders/ billingaccounts/",
        r"(?<=projects/)(?P<v>(?![a-z]+/[a-z]+\.git)[a-z][a-z0-9.:-]{4,40}|\d{6,14})(?=[/\"'\s,;)\]}]|$)",
    ),
    _rule("organisation", "organizations/", r"(?<=organizations/)(?P<v>\d{6,14})"),
    _rule("organisation", "folders/", r"(?<=folders/)(?P<v>\d{6,14})"),
    _rule(
        "account",
        "billingaccounts/",
        r"(?i)(?<=billingaccounts/)(?P<v>[0-9A-F]{6}(?:-[0-9A-F]{6}){2})",
    ),
    _rule(
        "project",
        "project",
        rf"(?i)project[_ -]?(?:id|number|name)?{_ASSIGNED}"
        rf"(?P<v>[a-z][a-z0-9-]{{4,28}}[a-z0-9]|\d{{6,14}})(?![\w/-])",
    ),
    _rule(
        "project", "--project", r"(?<=--project)[ =](?P<v>[a-z][a-z0-9-]{4,28}[a-z0-9])(?![\w-])"
    ),
    _rule("project", "gce://", r"(?<=gce://)(?P<v>[a-z0-9.:-]{4,64})(?=/)"),
    _rule(
        "project",
        "gke_ connectgateway_",
        r"\b(?:gke|connectgateway)_(?P<v>[a-z][a-z0-9.:-]{4,40})(?=_)",
    ),
    _rule(
        "project",
        "gcr.io/",
        rf"(?<![\w.-])(?:[a-z]{{2,4}}\.)?gcr\.io/(?P<v>(?!(?:{_PUBLIC_PROJECTS})(?![a-z0-9-]))[a-z][a-z0-9-]{{4,40}})(?=[/:])",
    ),
    _rule(
        "project",
        "pkg.dev/",
        rf"(?<=pkg\.dev/)(?P<v>(?!(?:{_PUBLIC_PROJECTS})(?![a-z0-9-]))[a-z][a-z0-9-]{{4,40}})(?=[/:])",
    ),
    _rule("project", ".internal", r"(?<=\.c\.)(?P<v>[a-z][a-z0-9.-]{4,60})(?=\.internal)"),
    _rule(
        "resource",
        "ocid1.",
        r"(?<![\w.])(?P<v>ocid1\.[a-z0-9]{1,32}\.[a-z0-9-]{0,32}\.[a-z0-9-]{0,32}\.[a-z0-9.]{8,128})",
    ),
    _rule(
        "person",
        "@",
        rf"(?<![A-Za-z0-9._%+/-])(?P<v>(?!git@|hg@|{PSEUDONYM}@)[A-Za-z0-9][A-Za-z0-9._%+-]{{0,63}}@(?!sha256)"
        r"[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,6}\.[A-Za-z]{2,24})(?![A-Za-z0-9@-])",
    ),
    # Nodes, as the clouds name them.
    _rule("node", "ip-", r"(?<![A-Za-z0-9])(?P<v>ip-\d{1,3}(?:-\d{1,3}){3})(?![0-9])"),
    _rule(
        "node",
        "gke-",
        r"(?<![A-Za-z0-9-])(?P<v>gke-[a-z0-9-]{4,80}-[0-9a-f]{8}-[a-z0-9]{4})(?![A-Za-z0-9])",
    ),
    _rule(
        "node",
        "vmss -vm aks",
        r"(?<![A-Za-z0-9-])(?P<v>aks-[a-z0-9]{1,12}-\d{8}-(?:vmss[0-9a-z]{1,8}|vms\d{1,4}|\d{1,4}))(?![A-Za-z0-9])",
    ),
    _rule(
        "node", "lke", r"(?<![A-Za-z0-9-])(?P<v>lke\d{3,10}-\d{3,10}-[0-9a-f]{8,20})(?![A-Za-z0-9])"
    ),
    _rule(
        "node",
        "oke-",
        r"(?<![A-Za-z0-9-])(?P<v>oke-c[a-z0-9]{10}-n[a-z0-9]{10}-s[a-z0-9]{10}-\d{1,4})",
    ),
    _rule(
        "node",
        "kube-",
        r"(?<![A-Za-z0-9-])(?P<v>kube-[a-z0-9]{20}-[a-z0-9-]{4,60}-[0-9a-f]{8})(?![A-Za-z0-9])",
    ),
    _rule(
        "node",
        "scw-",
        r"(?<![A-Za-z0-9-])(?P<v>scw-[a-z0-9-]{4,60}-[0-9a-f]{15,32})(?![A-Za-z0-9])",
    ),
    _rule("node", "shoot--", r"(?<![A-Za-z0-9-])(?P<v>shoot--[a-z0-9-]{4,80})(?![A-Za-z0-9])"),
)
_EVERY: tuple[Rule, ...] = (
    _rule(
        "resource",
        "i- vol- vpc- subnet- sg- eni- ami- snap- rtb- igw- nat- lt- eipalloc- acl-"
        " vpce- fs- tgw- key- cr-",
        r"(?<![A-Za-z0-9-])(?P<v>(?:i|vol|vpc|subnet|sg|sgr|eni|ami|snap|rtb|igw|nat|lt|eipalloc|eipassoc|acl|vpce|fs|fsap"
        r"|tgw|pcx|dopt|cr|mi|h)-(?:[0-9a-f]{17}|(?=[0-9a-f]*[0-9])[0-9a-f]{8}))(?![A-Za-z0-9-])",
    ),
    _rule(
        "resource",
        "digitalocean:// linode:// hcloud:// vultr:// openstack:// vsphere:// ibm:// exoscale:// "
        "scaleway://"
        " equinixmetal:// metal3:// nebius:// oci:// coreweave:// ibmpowervs:// ovh://"
        " stackit:// crusoe:// alicloud",
        r"\b(?:digitalocean|linode|hcloud|vultr|openstack|vsphere|ibm|exoscale|scaleway|equinixmetal|metal3|nebius|coreweave"
        r"|ibmpowervs|ovh|stackit|crusoe|upcloud|ionos|kubevirt|proxmox|harvester):/{2,3}(?P<v>[^\s\"',;)\]}\\]{4,256})",
    ),
    _rule(
        "node", "pool-", r"(?<![A-Za-z0-9-])(?P<v>pool-[a-z0-9]{8,10}-[a-z0-9]{5})(?![A-Za-z0-9-])"
    ),
    _rule("namespace", "ocir.io/", r"(?<=ocir\.io/)(?P<v>[a-z0-9]{6,24})(?=/)"),
    _rule(
        "namespace",
        "icr.io/",
        r"(?<=\bicr\.io/)(?P<v>(?!ibm|ext|cpopen|codeengine|obs)[a-z0-9_-]{3,40})(?=/)",
    ),
    _rule(
        "namespace",
        "registry.digitalocean.com/",
        r"(?<=registry\.digitalocean\.com/)(?P<v>[a-z0-9-]{3,63})(?=/)",
    ),
    _rule("namespace", ".scw.cloud/", r"(?<=\.scw\.cloud/)(?P<v>[a-z0-9-]{3,63})(?=/)"),
    _rule(
        "person",
        "/home/",
        r"(?<=/home/)(?P<v>(?!nonroot|app|user|jovyan|ray|node|runner|dynamo|ubuntu|vllm)[a-z][a-z0-9._-]{2,32})(?=/)",
    ),
    _rule(
        "node",
        "virtualmachines/ virtualmachinescalesets/",
        r"(?i)virtualmachine(?:s|scalesets)/(?P<v>[A-Za-z0-9][\w.-]{2,80})",
    ),
    _rule(
        "cluster",
        "cluster/ clusters/ managedclusters/",
        r"(?i)(?:arn:aws[a-z-]*:[a-z]+:[a-z0-9-]*:[\w-]*:cluster|managedclusters"
        r"|locations/[a-z0-9-]{2,30}/clusters)/(?P<v>[A-Za-z0-9][\w-]{0,99})",
    ),
    _rule("node", "gce://", r"gce://[^/\s]{1,64}/[a-z0-9-]{1,32}/(?P<v>[a-z0-9][a-z0-9-]{1,62})"),
    _rule("person", "assumed-role/", r"(?<=assumed-role/)[\w+=,.@-]{1,64}/(?P<v>[\w+=,.@-]{2,64})"),
    _rule("person", ":user/", r"(?<=:user/)(?:[\w+=,.@-]{1,64}/){0,4}(?P<v>[\w+=,.@-]{2,64})"),
    _rule("resource", "crn:", r"(?<=:)(?P<v>[a-z0-9]{20}|[0-9a-f-]{36})(?=:[a-z-]{0,20}:)"),
    _rule(
        "bucket",
        "s3:// gs:// oss:// cos:// abfs:// abfss:// s3a:// r2://",
        r"\b(?:s3a?|gs|oss|cos|abfss?|r2)://(?P<v>[a-z0-9][a-z0-9._-]{2,62})",
    ),
    _rule(
        "address",
        "ether mac lladdr hwaddr",
        r"(?i)(?:ether|mac(?:_?addr(?:ess)?)?|lladdr|hwaddr)[ =:\"']{1,4}"
        r"(?P<v>[0-9a-f]{2}(?::[0-9a-f]{2}){5})(?![0-9a-f:])",
    ),
    _rule(
        "serial",
        "serial service_tag servicetag asset",
        r"(?i)(?:serial(?:[_ ]?(?:number|no))?|service_?tag|asset_?tag)"
        rf"(?:{_ASSIGNED}|[ \t]{{1,24}}:[ \t]{{1,4}})"
        r"(?P<v>(?=[A-Z-]{0,20}[0-9])[A-Z0-9-]{6,32})(?![\w-])",
    ),
    _rule(
        "node",
        "instance hostname nodename fqdn",
        rf"(?i)(?<![a-z])(?:instance|host_?name|node_?name|fqdn){_ASSIGNED}"
        r"(?P<v>(?![\d.]{7,15}(?![\w.-]))(?=[\w-]{0,62}[.\d-])"
        r"[a-z][\w-]{2,62}(?:\.[\w-]{1,63}){0,8})(?![\w.-])",
    ),
    _rule(
        "person", "+", r"(?<![\w+.-])(?P<v>\+[1-9]\d{0,2}[ -]\d{2,4}(?:[ -]\d{2,8}){1,4})(?![\w.])"
    ),
    _rule("person", "/users/", r"(?<=/Users/)(?P<v>[A-Za-z][A-Za-z0-9._-]{2,32})(?=/)"),
)

KINDS = frozenset({rule.kind for rule in (*_OWN, *_EVERY)} | {"address", "host", "id"})
"""With which of its kinds a pseudonym may begin that was given by a name's look."""

_IDENTIFIER = re.compile(rf"(?<![\w-]){_UUID}(?![\w-])")
_OWNER = re.compile(
    r"(?i)(?:(?:subscription|tenant|directory|project|principal|object|client|user|workspace|org"
    r"|organi[sz]ation|customer|cluster|account|app|application|identity|team)[_ -]?"
    r"(?:id|guid|uuid)?"
    rf"|(?<![a-z])(?:oid|tid))(?:{_ASSIGNED}|[ \t]{{1,4}}|/)\Z"
)
_BEFORE = 60
"""Characters before an identifier in which the name of its kind stands."""

# -- hosts and addresses -----------------------------------------------------------------------

_HOST = re.compile(
    r"(?<![A-Za-z0-9._-])(?:(?<=\\[nrt])|(?<!\\))"
    r"[A-Za-z0-9_*](?:[A-Za-z0-9_-]{0,62}\.){1,12}[A-Za-z]{2,24}(?![A-Za-z0-9-])"
)
_SUFFIXES = _words(
    # Balancers, API servers and services of the clouds, "*" for a region.
    """
    elb.amazonaws.com *.elb.amazonaws.com elb.*.amazonaws.com eks.amazonaws.com
    *.eks.amazonaws.com elb.*.amazonaws.com.cn *.elb.amazonaws.com.cn *.compute.amazonaws.com
    compute-1.amazonaws.com *.rds.amazonaws.com *.cache.amazonaws.com s3.amazonaws.com
    s3.*.amazonaws.com *.eks.amazonaws.com.cn execute-api.*.amazonaws.com *.on.aws
    lambda-url.*.on.aws cloudfront.net awsapprunner.com *.es.amazonaws.com
    *.redshift.amazonaws.com efs.*.amazonaws.com *.compute.amazonaws.com.cn
    awsglobalaccelerator.com elasticbeanstalk.com *.vpce.amazonaws.com cloudapp.azure.com
    azmk8s.io azurecr.io azurewebsites.net core.windows.net database.windows.net
    vault.azure.net openai.azure.com cognitiveservices.azure.com search.windows.net
    servicebus.windows.net azurefd.net trafficmanager.net azureml.ms azurecontainerapps.io
    azurecontainer.io cloudapp.net azuredatabricks.net postgres.database.azure.com
    redis.cache.windows.net azmk8s.us azmk8s.cn cosmos.azure.com documents.azure.com
    services.ai.azure.com azure-api.net monitor.azure.com run.app cloudfunctions.net
    appspot.com bc.googleusercontent.com gke.goog cloudshell.dev web.app firebaseio.com
    prom.gke.goog kubernetesmaster.goog aiplatform.app notebooks.googleusercontent.com
    linodelke.net nodebalancer.linode.com ip.linodeusercontent.com linodeusercontent.com
    members.linode.com akamai-lke.net akamaized.net linodeobjects.com appdomain.cloud
    containers.cloud.ibm.com containers.appdomain.cloud lb.civo.com k8s.civo.com scw.cloud
    ondigitalocean.com k8s.ondigitalocean.com ondigitalocean.app digitaloceanspaces.com
    vultr-k8s.com vultrusercontent.com oraclecloud.com oraclevcn.com oci.customer-oci.com
    ocir.io ovh.net ovh.us exo.io nebius.cloud nebius.ai nebius.com coreweave.cloud
    coreweave.com crusoecloud.com crusoe.ai lambdalabs.com lambda.ai gmi.cloud together.ai
    upcloudlb.com upcloud.com stackit.cloud t-systems.com otc.t-systems.com cs.aliyuncs.com
    alicontainer.com slb.aliyuncs.com alb.aliyuncs.com nlb.aliyuncs.com tencentcs.com
    tencentclb.com myhuaweicloud.com hwclouds.com myhwclouds.com gridscale.cloud gridscale.io
    your-server.de hetzner.cloud ionos.com k8s.ionos.com infomaniak.cloud yandexcloud.net
    yandexcloud.com selcloud.ru vkcs.cloud ncloud.com kakaocloud.com nhncloud.com fptcloud.com
    bytepluses.com volces.com volcengine.com baidubce.com jdcloud.com kubesphere.cloud
    openshiftapps.com openshift.org rhcloud.com aroapp.io eksctl.io platform9.io
    spectrocloud.com rackspace.net rackspacecloud.com spot.rackspace.com vexxhost.net
    catalystcloud.io cleura.cloud voltagepark.com vast.ai runpod.net runpod.io fluidstack.io
    denvr.com denvrdata.com tensorwave.com hyperstack.cloud nscale.com genesiscloud.com
    leafcloud.nl northern.data taiga.cloud cudo.org ngc.nvidia.cloud dgxc.ngc.nvidia.com
    dgxcloud.nvidia.com nvcf.nvidia.com ngrok.io ngrok.app ngrok-free.app trycloudflare.com
    cfargotunnel.com ts.net nip.io sslip.io xip.io duckdns.org jfrog.io cloudsmith.io
    herokuapp.com fly.dev netlify.app vercel.app okta.com auth0.com onmicrosoft.com
    atlassian.net ingest.sentry.io grafana.net datadoghq.com mongodb.net redislabs.com
    redis-cloud.com confluent.cloud aivencloud.com neon.tech supabase.co
    snowflakecomputing.com
    """
)
_PUBLIC_HOSTS = _words(
    # Of the clouds themselves, the same for everybody.
    """
    registry.digitalocean.com api.digitalocean.com docs.coreweave.com docs.nebius.com
    cr.nebius.cloud api.openai.azure.com iaas.oraclecloud.com app.datadoghq.com api.runpod.io
    www.ibm.com
    """
)
_ANY_HOST = re.compile(
    rf"(?:(?<=://)|(?<![\w./@:-])(?=(?:[\w-]{{1,63}}\.){{2,8}}(?:{_TOP})(?![\w./(-])))"
    rf"(?!(?:[\w-]{{1,63}}\.){{0,8}}(?:{_EVERYBODYS})(?![\w.-]))(?!{PSEUDONYM})"
    r"(?P<v>(?![\d.]+(?![\w.-]))[A-Za-z0-9][\w-]{0,62}(?:\.[\w-]{1,63}){1,8})(?![\w@.-])"
)
"""Of a URL, or with a domain that people have, whosever it is."""
_REGION = re.compile(r"[a-z]{2}(?:-[a-z]{2,9}){1,3}-\d{1,2}[a-z]?")
_IPV4 = re.compile(r"(?<![\w.-])(?<!version )\d{1,3}(?:\.\d{1,3}){3}(?![\w-]|\.\d)")
_IPV6 = re.compile(
    r"(?<![\w:.])(?:[0-9A-Fa-f]{1,4}:){2,7}(?::?[0-9A-Fa-f]{1,4}){0,6}:{0,2}(?![\w:])"
)
_DASHED_IPV4 = re.compile(r"(?<![\w.-])ec2-\d{1,3}(?:-\d{1,3}){3}(?![\w-])")


def without_identities(text: str, pseudonym: Pseudonym, *, every: bool) -> str:
    """The text with pseudonyms for whose platform it is.

    Args:
        text: of any kind.
        pseudonym: gives the one for a kind and a name.
        every: also addresses, resources and hosts that name an owner only to whoever looks them up.
    """
    lowered = text.lower()
    for kind, hints, pattern in (*_OWN, *(_EVERY if every else ())):
        if any(hint in lowered for hint in hints):
            text = pattern.sub(functools.partial(_replaced, kind=kind, pseudonym=pseudonym), text)
    if "-" in text:
        text = _IDENTIFIER.sub(lambda match: _identifier(match, pseudonym), text)
    if "." in text:
        text = _HOST.sub(lambda match: _host(match[0], pseudonym), text)
    if every:
        text = _ANY_HOST.sub(lambda match: pseudonym("host", match[0]), text)
        text = _IPV4.sub(lambda match: _address(match[0], pseudonym), text)
        text = _DASHED_IPV4.sub(lambda match: pseudonym("host", match[0]), text)
        if "::" in text or text.count(":") >= 7:
            text = _IPV6.sub(lambda match: _address(match[0], pseudonym), text)
    return text


def _replaced(match: re.Match[str], kind: str, pseudonym: Pseudonym) -> str:
    if _PSEUDONYM.fullmatch(match["v"]) or "[redacted" in match["v"]:
        return match[0]
    start, end = match.start("v") - match.start(), match.end("v") - match.start()
    return f"{match[0][:start]}{pseudonym(kind, match['v'])}{match[0][end:]}"


def _identifier(match: re.Match[str], pseudonym: Pseudonym) -> str:
    near = max(0, match.start() - _BEFORE)
    owned = _OWNER.search(match.string, near, match.start())
    return pseudonym("id", match[0]) if owned else match[0]


def _host(host: str, pseudonym: Pseudonym) -> str:
    if host.lower() in _PUBLIC_HOSTS:
        return host
    labels = host.lower().split(".")
    general = ["*" if _REGION.fullmatch(label) else label for label in labels]
    for length in range(2, min(len(labels), 7)):
        if ".".join(general[-length:]) in _SUFFIXES or ".".join(labels[-length:]) in _SUFFIXES:
            owner, suffix = ".".join(labels[:-length]), ".".join(labels[-length:])
            return host if _PSEUDONYM.fullmatch(owner) else f"{pseudonym('host', owner)}.{suffix}"
    return host


def _address(text: str, pseudonym: Pseudonym) -> str:
    try:
        address = ipaddress.ip_address(text.rstrip(":") if text.count("::") == 0 else text)
    except ValueError:
        return text
    # GUIDs of InfiniBand have the form of an IPv6 address too.
    real = address.version == 4 or text[0] in "23"
    return pseudonym("address", text) if address.is_global and real else text


_PSEUDONYM = re.compile(PSEUDONYM)
