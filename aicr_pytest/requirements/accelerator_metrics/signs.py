"""What shows that accelerators may be measured by an exporter that no profile describes."""

from aicr_pytest.requirements.signs import Sign, Signs

SIGNS = Signs(
    what="metrics exporter",
    signs=(
        Sign(product="DCGM", pods=("*dcgm*",)),
        Sign(
            product="an exporter of accelerators",
            pods=(
                *("*gpu*exporter*", "*gpu*metrics*", "*gpu*monitor*", "*gpud*", "*npu*exporter*"),
                *(
                    "*tpu*metrics*",
                    "*accelerator*exporter*",
                    "*device-metrics*",
                    "*neuron-monitor*",
                ),
                *("*nvidia*exporter*", "*amd*exporter*", "*rocm*exporter*", "*habana*exporter*"),
                *("*nvml*", "*xpu*manager*", "*xpum*"),
            ),
        ),
        Sign(
            product="an agent that may measure accelerators",
            pods=("*datadog*", "*cloudwatch-agent*", "*dynatrace*"),
        ),
    ),
    way_out="Say in which namespace the exporter is, and its pods are known by their name or "
    "image: --aicr-exporter NAMESPACE.",
)
