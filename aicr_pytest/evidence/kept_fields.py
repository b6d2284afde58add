"""Which fields of foreign objects are kept: what a proof or its reader needs, kind by kind.

Paths are read as kubectl writes them: ``a.b`` is a field, ``a[]`` every item of a list, ``a.*``
every key of a map, ``{a,b}`` either. ``@label``, ``@annotation`` and ``@series`` are the keys that
the sets below name, and ``$name`` is what ``SHARED`` says. A path ends at a value, never at an
object or a list: what is not written here is left out.

Never here, whatever the kind: environment, command and arguments, volumes, probes, credentials,
CA bundles, data of ConfigMaps and Secrets, parameters of drivers and controllers, other labels and
annotations than those named.
"""

from collections.abc import Mapping

SHARED: Mapping[str, str] = {
    "condition": "{type,status,reason,message,observedGeneration,lastTransitionTime}",
    "selector": "{matchLabels.@label,matchExpressions[].{key,operator,values[]}}",
    "reference": ("{apiVersion,apiGroup,group,kind,name,namespace,uid,fieldPath,sectionName,port}"),
    "resources": "{requests.*,limits.*,claims[].{name,request}}",
    "container": "{name,image,ports[].{name,containerPort,protocol},resources.$resources}",
    "pod": (
        "{containers[].$container,initContainers[].{name,image,restartPolicy},nodeName,"
        "schedulerName,priority,priorityClassName,preemptionPolicy,restartPolicy,"
        "runtimeClassName,serviceAccountName,hostNetwork,schedulingGroup.podGroupName,"
        "tolerations[].{key,operator,value,effect},"
        "resourceClaims[].{name,resourceClaimName,resourceClaimTemplateName}}"
    ),
    "state": (
        "{running.startedAt,waiting.reason,terminated.{exitCode,reason,startedAt,finishedAt}}"
    ),
    "taint": "{key,value,effect}",
    "node-requirement": "{key,operator,values[],minValues}",
    "count": "{deviceClassName,allocationMode,count,adminAccess}",
    "claim": (
        "devices.{requests[].{name,$count,exactly.$count,firstAvailable[].{name,$count}},"
        "constraints[].{requests[],matchAttribute}}"
    ),
    "device": (
        "{name,nodeName,allNodes,attributes.*.{string,int,bool,version},capacity.*.value,"
        "consumesCounters[].{counterSet,counters.*.value},taints[].$taint}"
    ),
    "routes": "{group,kind}",
    "object-metric": (
        "{metric.name,describedObject.{apiVersion,kind,name},"
        "target.{type,value,averageValue},current.{value,averageValue}}"
    ),
    "resource-metric": (
        "{name,container,target.{type,value,averageValue,averageUtilization},"
        "current.{value,averageValue,averageUtilization}}"
    ),
    "metric": (
        "{type,{pods,object,external}.$object-metric,{resource,containerResource}.$resource-metric}"
    ),
    "scaling": "{stabilizationWindowSeconds,selectPolicy,policies[].{type,value,periodSeconds}}",
    "scraped": "{port,portNumber,targetPort,path,scheme,interval}",
}
"""What stands in several paths: ``$name`` in a path is written out here."""

IDENTITY: tuple[str, ...] = (
    "{apiVersion,kind}",
    "metadata.{name,generateName,namespace,uid,resourceVersion,generation}",
    "metadata.{creationTimestamp,deletionTimestamp}",
    "metadata.ownerReferences[].{apiVersion,kind,name,uid,controller}",
    "status.conditions[].$condition",
)
"""Of an object of any kind; of a kind that is not in the table, nothing else."""

LABELS = "metadata.labels.@label"
"""Of an object of a kind that is in the table."""

_WORKLOAD = (
    "spec.{replicas,paused,minReadySeconds,serviceName,parallelism,completions,suspend}",
    "spec.{strategy,updateStrategy}.type",
    "spec.selector.$selector",
    "spec.template.metadata.labels.@label",
    "spec.template.spec.$pod",
    "status.{replicas,updatedReplicas,readyReplicas,availableReplicas,unavailableReplicas}",
    "status.{terminatingReplicas,fullyLabeledReplicas,observedGeneration,currentReplicas}",
    "status.{desiredNumberScheduled,currentNumberScheduled,numberReady,numberAvailable}",
    "status.{numberUnavailable,numberMisscheduled,updatedNumberScheduled}",
    "status.{active,ready,succeeded,failed,startTime,completionTime}",
)
_WEBHOOKS = (
    "webhooks[].{name,failurePolicy,matchPolicy,sideEffects,timeoutSeconds,reinvocationPolicy}",
    "webhooks[].clientConfig.service.{namespace,name,path,port}",
    "webhooks[].rules[].{apiGroups[],apiVersions[],resources[],operations[],scope}",
    "webhooks[].{namespaceSelector,objectSelector}.$selector",
)
_POD_GROUP = (
    "spec.{minMember,queue,priorityClassName,scheduleTimeoutSeconds,minResources.*}",
    "spec.schedulingPolicy.gang.minCount",
    "status.{phase,scheduled,running,pending,succeeded,failed,occupiedBy,scheduleStartTime}",
)
KEPT: Mapping[str, tuple[str, ...]] = {
    # core
    "Pod": (
        "spec.$pod",
        "status.{phase,reason,message,qosClass,startTime,nominatedNodeName}",
        "status.{containerStatuses,initContainerStatuses}[].{name,image,imageID,ready,started,restartCount,state.$state}",
        "status.resourceClaimStatuses[].{name,resourceClaimName}",
    ),
    "Node": (
        "metadata.annotations.@annotation",
        "spec.unschedulable",
        "spec.taints[].$taint",
        "status.{phase,capacity.*,allocatable.*}",
        "status.conditions[].lastHeartbeatTime",
        "status.nodeInfo.{kubeletVersion,containerRuntimeVersion,kernelVersion,osImage}",
        "status.nodeInfo.{operatingSystem,architecture}",
    ),
    "Namespace": ("status.phase",),
    "Service": (
        "spec.{type,selector.@label}",
        "spec.ports[].{name,port,targetPort,protocol,appProtocol}",
    ),
    "ConfigMap": (),
    "Event": (
        "{type,reason,message,note,action,count,series.count,reportingComponent}",
        "{firstTimestamp,lastTimestamp,eventTime,series.lastObservedTime,source.component}",
        "{involvedObject,regarding,related}.$reference",
    ),
    "ResourceQuota": ("spec.hard.*", "status.{hard,used}.*"),
    "Secret": ("type",),
    "Status": ("{status,reason,message,code}", "details.{group,kind,name}"),
    # workloads
    "apps/Deployment": _WORKLOAD,
    "apps/StatefulSet": _WORKLOAD,
    "apps/DaemonSet": _WORKLOAD,
    "apps/ReplicaSet": _WORKLOAD,
    "batch/Job": _WORKLOAD,
    # devices
    "resource.k8s.io/DeviceClass": ("spec.{extendedResourceName,selectors[].cel.expression}",),
    "resource.k8s.io/ResourceSlice": (
        "spec.{driver,nodeName,allNodes,perDeviceNodeSelection}",
        "spec.pool.{name,generation,resourceSliceCount}",
        "spec.devices[].$device",
        "spec.devices[].basic.$device",
        "spec.sharedCounters[].{name,counters.*.value}",
    ),
    "resource.k8s.io/ResourceClaim": (
        "spec.$claim",
        "status.allocation.allocationTimestamp",
        "status.allocation.devices.results[].{request,driver,pool,device,adminAccess,shareID}",
        "status.reservedFor[].{apiGroup,resource,name,uid}",
    ),
    "resource.k8s.io/ResourceClaimTemplate": ("spec.spec.$claim",),
    "node.k8s.io/RuntimeClass": ("handler",),
    # gateways
    "gateway.networking.k8s.io/GatewayClass": (
        "spec.{controllerName,parametersRef.$reference}",
        "status.supportedFeatures[].name",
    ),
    "gateway.networking.k8s.io/Gateway": (
        "spec.gatewayClassName",
        "spec.listeners[].{name,hostname,port,protocol,tls.mode}",
        "spec.listeners[].allowedRoutes.{kinds[].$routes,namespaces.from}",
        "spec.listeners[].allowedRoutes.namespaces.selector.$selector",
        "status.addresses[].{type,value}",
        "status.listeners[].{name,attachedRoutes,supportedKinds[].$routes}",
        "status.listeners[].conditions[].$condition",
    ),
    "gateway.networking.k8s.io/HTTPRoute": (
        "spec.parentRefs[].$reference",
        "spec.rules[].backendRefs[].{group,kind,name,port,weight}",
        "status.parents[].{controllerName,parentRef.$reference,conditions[].$condition}",
    ),
    # autoscalers
    "autoscaling/HorizontalPodAutoscaler": (
        "spec.{minReplicas,maxReplicas,scaleTargetRef.{apiVersion,kind,name}}",
        "spec.{metrics[].$metric,behavior.{scaleUp,scaleDown}.$scaling}",
        "status.{currentReplicas,desiredReplicas,lastScaleTime,observedGeneration}",
        "status.currentMetrics[].$metric",
    ),
    "karpenter.sh/NodePool": (
        "spec.{weight,replicas,limits.*}",
        "spec.disruption.{consolidateAfter,consolidationPolicy}",
        "spec.disruption.budgets[].{nodes,schedule,duration,reasons[]}",
        "spec.template.metadata.labels.@label",
        "spec.template.spec.{expireAfter,terminationGracePeriod,nodeClassRef.{group,kind,name}}",
        "spec.template.spec.requirements[].$node-requirement",
        "spec.template.spec.{taints,startupTaints}[].$taint",
        "status.{nodes,nodeClassObservedGeneration,resources.*}",
    ),
    "karpenter.sh/NodeClaim": (
        "metadata.annotations.@annotation",
        "spec.{expireAfter,terminationGracePeriod,nodeClassRef.{group,kind,name}}",
        "spec.requirements[].$node-requirement",
        "spec.{taints,startupTaints}[].$taint",
        "spec.resources.requests.*",
        "status.{nodeName,capacity.*,allocatable.*,lastPodEventTime}",
    ),
    "ConfigMap kube-system/cluster-autoscaler-status": ("data.status",),
    # gangs and queues
    "scheduling.k8s.io/PodGroup": _POD_GROUP,
    "scheduling.x-k8s.io/PodGroup": _POD_GROUP,
    "scheduling.volcano.sh/PodGroup": _POD_GROUP,
    "scheduling.run.ai/PodGroup": _POD_GROUP,
    "kueue.x-k8s.io/Workload": (
        "spec.{queueName,active,priority,priorityClassName,podSets[].{name,count,minCount}}",
        "status.admission.{clusterQueue,podSetAssignments[].{name,count,flavors.*,resourceUsage.*}}",
    ),
    "kueue.x-k8s.io/ClusterQueue": (
        "spec.{cohort,cohortName,queueingStrategy,stopPolicy,namespaceSelector.$selector}",
        "spec.resourceGroups[].{coveredResources[],flavors[].name}",
        "spec.resourceGroups[].flavors[].resources[].{name,nominalQuota,borrowingLimit}",
        "spec.resourceGroups[].flavors[].resources[].lendingLimit",
        "status.{pendingWorkloads,reservingWorkloads,admittedWorkloads}",
        "status.{flavorsReservation,flavorsUsage}[].{name,resources[].{name,total,borrowed}}",
    ),
    "kueue.x-k8s.io/LocalQueue": (
        "spec.{clusterQueue,stopPolicy}",
        "status.{pendingWorkloads,reservingWorkloads,admittedWorkloads}",
    ),
    "kueue.x-k8s.io/ResourceFlavor": ("spec.{nodeLabels.@label,nodeTaints[].$taint,topologyName}",),
    "scheduling.k8s.io/PriorityClass": ("{value,globalDefault,preemptionPolicy}",),
    "coordination.k8s.io/Lease": (
        "spec.{holderIdentity,leaseDurationSeconds,acquireTime,renewTime,leaseTransitions}",
    ),
    # operators
    "apiextensions.k8s.io/CustomResourceDefinition": (
        "spec.{group,scope,names.{kind,plural},versions[].{name,served,storage}}",
        "status.{acceptedNames.{kind,plural},storedVersions[]}",
    ),
    "admissionregistration.k8s.io/ValidatingWebhookConfiguration": _WEBHOOKS,
    "admissionregistration.k8s.io/MutatingWebhookConfiguration": _WEBHOOKS,
    "apiregistration.k8s.io/APIService": (
        "spec.{group,version,insecureSkipTLSVerify,service.{namespace,name,port}}",
    ),
    "discovery.k8s.io/EndpointSlice": (
        "{addressType,ports[].{name,port,protocol,appProtocol}}",
        "endpoints[].{nodeName,conditions.{ready,serving,terminating},targetRef.$reference}",
    ),
    # monitoring
    "monitoring.coreos.com/Prometheus": (
        "spec.{version,image,replicas,shards,paused,serviceName,portName,routePrefix}",
        "spec.{serviceMonitorSelector,serviceMonitorNamespaceSelector}.$selector",
        "spec.{podMonitorSelector,podMonitorNamespaceSelector}.$selector",
        "status.{replicas,updatedReplicas,availableReplicas,unavailableReplicas,paused}",
    ),
    "monitoring.coreos.com/ServiceMonitor": (
        "spec.{selector.$selector,namespaceSelector.{any,matchNames[]},endpoints[].$scraped}",
    ),
    "monitoring.coreos.com/PodMonitor": (
        "spec.{selector.$selector,namespaceSelector.{any,matchNames[]}}",
        "spec.podMetricsEndpoints[].$scraped",
    ),
    "monitoring.googleapis.com/PodMonitoring": ("spec.{selector.$selector,endpoints[].$scraped}",),
    "custom.metrics.k8s.io/MetricValueList": (
        "items[].{metricName,metric.name,selector,value,timestamp,windowSeconds}",
        "items[].describedObject.$reference",
    ),
    "external.metrics.k8s.io/ExternalMetricValueList": (
        "items[].{metricName,metricLabels.@series,value,timestamp,windowSeconds}",
    ),
}
"""Kind, with its group where it has one → what is kept beside ``IDENTITY`` and ``LABELS``.

A key that goes on with a namespace and a name stands for that one object.
"""

PROMETHEUS_ANSWER: tuple[str, ...] = (
    "{status,errorType,error}",
    "data.resultType",
    "data.result[].{metric.@series,value[],values[][]}",
    "data.result[]",  # of a scalar: a time and a value
)
"""Of what a Prometheus API answers to a query."""

PROMETHEUS_TARGET: tuple[str, ...] = (
    "{scrapePool,scrapeUrl,health,lastError,lastScrape,labels.@series}",
)
"""Of one of its targets."""

KNOWN_NAMES: Mapping[str, tuple[str, ...]] = {
    "@label": (
        # what selects pods, and what a thing is
        "app",
        "component",
        "k8s-app",
        "control-plane",
        "pod-template-hash",
        "release",
        "app.kubernetes.io/*",
        "kubernetes.io/*",
        "pod-security.kubernetes.io/*",
        "resource.kubernetes.io/*",
        # where a node is, and what it offers
        "beta.kubernetes.io/arch",
        "beta.kubernetes.io/os",
        "node.kubernetes.io/*",
        "node-role.kubernetes.io/*",
        "topology.kubernetes.io/*",
        "nvidia.com/*",
        "amd.com/*",
        "gpu.intel.com/*",
        # which pool it is of; other labels of clouds name accounts and networks
        "agentpool",
        "cloud.google.com/gke-accelerator",
        "cloud.google.com/gke-nodepool",
        "eks.amazonaws.com/capacityType",
        "eks.amazonaws.com/nodegroup",
        "karpenter.sh/*",
        "kubernetes.azure.com/accelerator",
        "kubernetes.azure.com/agentpool",
        "kwok.x-k8s.io/node",
        # queues and gangs
        "kueue.x-k8s.io/*",
        "scheduling.k8s.io/*",
        "scheduling.x-k8s.io/*",
        "kai.scheduler/queue",
        # ours, or a copy
        "aicr-pytest/run",
        "aicr-pytest/simulated",
    ),
    "@annotation": (
        "cluster-autoscaler.kubernetes.io/scale-down-disabled",
        "karpenter.sh/do-not-disrupt",
        "kwok.x-k8s.io/node",
    ),
    "@series": (
        "__name__",
        "job",
        "instance",
        "endpoint",
        "service",
        "le",
        "quantile",
        # whose series it is, by the names that exporters and scrape configurations give
        "namespace",
        "pod",
        "container",
        "node",
        "exported_*",
        "kubernetes_*",
        "pod_name",
        "pod_namespace",
        "container_name",
        "hostname",
        "Hostname",
        # accelerators
        "UUID",
        "gpu",
        "gpu_uuid",
        "device",
        "modelName",
        "gpu_id",
        "gpu_partition_id",
        "serial_number",
        "card_series",
        "pci_bus_id",
        "err_code",
        "DCGM_FI_*",
        "GPU_I_*",
        # inference servers
        "model",
        "model_name",
        "engine",
        "finished_reason",
        "finish_reason",
    ),
}
"""Keys of maps that others fill as they like, of which only these are kept.

An entry that ends in ``*`` stands for every key that begins so.
"""


def is_known(names: str, name: str) -> bool:
    """Whether a set of ``KNOWN_NAMES`` names a key."""
    return any(
        name.startswith(known[:-1]) if known.endswith("*") else name == known
        for known in KNOWN_NAMES[names]
    )
