"""What shows that workloads may be monitored in a way that no adapter registers them with."""

from aicr_pytest.requirements.signs import Sign, Signs

SIGNS = Signs(
    what="way to collect metrics",
    signs=(
        Sign(
            product="a Prometheus API",
            options=("prometheus_url", "prometheus_service"),
        ),
        Sign(
            product="Azure's managed Prometheus",
            kinds=("*.azmonitoring.coreos.com",),
            pods=("ama-metrics-*",),
        ),
        Sign(
            product="Google's managed Prometheus",
            kinds=("*.monitoring.googleapis.com",),
            pods=("gmp-*",),
            solutions=("gke-pod-monitoring",),
        ),
        Sign(
            product="no Prometheus that takes monitors of new namespaces",
            kinds=("*.monitoring.coreos.com",),
            pods=("*prometheus-operator*",),
            solutions=("service-monitor", "pod-monitor"),
        ),
        Sign(
            product="VictoriaMetrics",
            kinds=("*.operator.victoriametrics.com",),
            pods=("*victoria-metrics*", "*victoriametrics*", "vmagent*", "vmsingle*"),
        ),
        Sign(
            product="OpenTelemetry",
            kinds=("*.opentelemetry.io",),
            pods=("*otel*", "*opentelemetry*"),
        ),
        Sign(product="Grafana", kinds=("*.grafana.com",), pods=("*alloy*", "*grafana-agent*")),
        Sign(product="Datadog", kinds=("*.datadoghq.com",), pods=("*datadog*",)),
        Sign(
            product="CloudWatch",
            kinds=("*.cloudwatch.aws.amazon.com",),
            pods=("*cloudwatch-agent*", "*aws-otel*", "*adot-*"),
        ),
        Sign(product="Dynatrace", kinds=("*.dynatrace.com",), pods=("*dynatrace*",)),
        Sign(product="New Relic", kinds=("*.newrelic.com",), pods=("*newrelic*", "*nri-*")),
        Sign(
            product="Prometheus without annotations in its configuration",
            pods=("*prometheus*", "*thanos*", "*mimir*", "*cortex*"),
            but=("*adapter*", "*exporter*", "*operator*"),
            solutions=("annotations",),
        ),
        Sign(
            product="another monitoring system",
            kinds=("ServiceMonitor.*", "PodMonitor.*", "*Scrape*.*"),
            pods=(
                *("*arms-prom*", "*coroot*", "*elastic-agent*", "*instana*", "*metricbeat*"),
                *("*metrics-collector*", "*monitoring-agent*", "*netdata*", "*signoz*", "*splunk*"),
                *("*sysdig*", "*telegraf*", "*zabbix*", "*lgtm*", "*o11y*", "*observability*"),
                *("*prom-agent*", "*promagent*", "vector", "vector-*"),
            ),
        ),
    ),
    way_out="Name a service that it collects already, --aicr-service NAMESPACE/NAME, and where it "
    "is asked: --aicr-prometheus-service or --aicr-prometheus-url.",
)
