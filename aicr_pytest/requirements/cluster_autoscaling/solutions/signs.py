"""What shows that nodes may come and go by something that no adapter found."""

from aicr_pytest.requirements.signs import Sign, Signs

SIGNS = Signs(
    what="autoscaler of nodes",
    signs=(
        Sign(
            product="Karpenter without a NodePool of karpenter.sh/v1",
            kinds=("*.karpenter.sh", "*.karpenter.*", "NodeClass.eks.amazonaws.com"),
            pods=("*karpenter*",),
            solutions=("karpenter",),
        ),
        Sign(
            product="Cluster Autoscaler",
            kinds=("ClusterAutoscaler.*", "MachineAutoscaler.*", "ProvisioningRequest.*"),
            solutions=("cluster-autoscaler",),
        ),
        Sign(
            product="node groups",
            kinds=(
                "*NodePool.*",
                "*NodePoolClaim.*",
                "*NodeGroup.*",
                "MachineDeployment.*",
                "MachinePool.*",
                "MachineSet.*",
            ),
        ),
        Sign(product="CAST AI", kinds=("*.cast.ai",), pods=("castai-*",)),
        Sign(product="Luna", pods=("*elotl-luna*", "*luna-manager*")),
        Sign(product="Escalator", pods=("escalator-*",)),
        Sign(product="Ocean", pods=("*spotinst*", "ocean-*", "spot-ocean*")),
        Sign(
            product="another autoscaler",
            pods=("*autoscal*", "*auto-scal*", "*goatscaler*", "*node-scaler*", "*nodescaler*"),
            but=(
                "*proportional*",
                "*vertical*",
                "*horizontal*",
                "*pod-autoscaler*",
                "*dns-autoscaler*",
                "autoscaler-hpa*",
            ),
        ),
        Sign(
            product="a provider that may scale from outside the cluster",
            providers=("?*",),  # some have no scheme: ocid1.instance…, cn-hangzhou.i-…, a bare UUID
            but=("kind://*", "k3s://*", "rke2://*", "kwok://*", "minikube://*"),
        ),
    ),
    way_out="Cluster Autoscaler, or what behaves like it, is tried unseen with --aicr-solution "
    "autoscaler=cluster-autoscaler.",
)
