"""What shows that pods of a gang may be scheduled by something that no adapter drives."""

from aicr_pytest.requirements.signs import Sign, Signs

SIGNS = Signs(
    what="gang scheduler",
    signs=(
        Sign(
            product="gang scheduling of Kubernetes",
            kinds=("PodGroup.scheduling.k8s.io", "Workload.scheduling.k8s.io"),
            solutions=("native",),
        ),
        Sign(
            product="Kueue",
            kinds=("*.kueue.x-k8s.io",),
            pods=("kueue-*",),
            solutions=("kueue",),
        ),
        Sign(
            product="KAI",
            kinds=("*.scheduling.run.ai", "*.kai.scheduler"),
            pods=("kai-scheduler*",),
            solutions=("kai",),
        ),
        Sign(
            product="Volcano",
            kinds=("*.volcano.sh",),
            pods=("volcano-*", "vc-scheduler*"),
            solutions=("volcano",),
        ),
        Sign(
            product="coscheduling",
            kinds=("PodGroup.scheduling.x-k8s.io", "PodGroup.scheduling.sigs.k8s.io"),
            solutions=("coscheduling",),
        ),
        Sign(product="YuniKorn", kinds=("*.yunikorn.apache.org",), pods=("*yunikorn*",)),
        Sign(product="Slurm", kinds=("*.slurm.net",), pods=("*slurm*",)),
        Sign(product="Armada", kinds=("*.armadaproject.io",), pods=("armada-*",)),
        Sign(product="Run:ai", kinds=("*.run.ai",), pods=("runai-*",)),
        Sign(product="AppWrapper", kinds=("AppWrapper.*",)),
        Sign(product="Flux", kinds=("*.flux-framework.org",)),
        Sign(product="groups of pods", kinds=("PodGroup.*", "*Gang*.*")),
        Sign(
            product="another scheduler",
            pods=("*scheduler*",),
            but=("kube-scheduler*", "*descheduler*"),
        ),
    ),
    way_out="Install one that docs/solutions.md lists, or write an adapter; --aicr-solution "
    "gang=NAME names one that is listed.",
)
