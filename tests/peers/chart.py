"""Renders the Helm chart with Helm's own engine and checks what comes out.

Usage: chart.py CHART OUT
For the chart's defaults and each file of its `ci` folder, the manifests have to fit the schemas of Kubernetes and what
its "restricted" pod security standard asks for. OUT gets the rule groups of the PrometheusRule, for promtool.
"""

import pathlib
import sys

import helm_python as helm
import kubernetes_validate
import yaml

KUBERNETES = "1.31"

chart_folder = pathlib.Path(sys.argv[1])
rules_file = pathlib.Path(sys.argv[2])
failures = []


def check(holds, what):
    if not holds:
        failures.append(what)


def manifests(chart, values):
    rendered = chart.render(values, name="exporter", namespace="monitoring")
    for path, text in sorted(rendered.items()):
        if path.endswith(".txt"):
            continue
        for manifest in yaml.safe_load_all(text):
            if manifest is not None:
                yield path, manifest


def fits_kubernetes(path, manifest):
    # Kinds of others have no schema here.
    if manifest["apiVersion"].startswith("monitoring.coreos.com/"):
        return
    try:
        kubernetes_validate.validate(manifest, KUBERNETES, strict=True)
    except kubernetes_validate.ValidationError as error:
        failures.append(f"{path}: {error.message}")


def is_restricted(name, pod):
    """https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted, and the house's own rules."""
    security = pod["securityContext"]
    check(security["runAsNonRoot"] is True, f"{name}: may run as root")
    check(security["runAsUser"] == 65532, f"{name}: another user than the image's")
    check(security["seccompProfile"]["type"] == "RuntimeDefault", f"{name}: no seccomp profile")
    check(pod["enableServiceLinks"] is False, f"{name}: service links")
    check(pod["automountServiceAccountToken"] is False, f"{name}: has a token of Kubernetes")
    for container in pod["containers"]:
        own = container["securityContext"]
        check(own["allowPrivilegeEscalation"] is False, f"{name}: privilege escalation")
        check(own["readOnlyRootFilesystem"] is True, f"{name}: may write its root")
        check(own["capabilities"] == {"drop": ["ALL"]}, f"{name}: capabilities")
    allowed = {"configMap", "emptyDir", "secret", "persistentVolumeClaim", "projected"}
    for volume in pod.get("volumes", []):
        check(set(volume) - {"name"} <= allowed, f"{name}: volume {volume['name']}")


def of_kind(found, kind):
    return [manifest for _, manifest in found if manifest["kind"] == kind]


def refuses(chart, values, what):
    try:
        chart.render(values, name="exporter", namespace="monitoring")
    except helm.HelmError as error:
        check(what in str(error), f"{values}: the refusal does not say {what!r}: {error}")
    else:
        failures.append(f"{values} is taken")


report = helm.chart.lint(chart_folder, {}, strict=True)
for message in report["messages"]:
    # An icon is for catalogues of charts.
    check(message["severity"] < 2 or "icon" in message["error"], f"lint: {message}")

count = 0
with helm.Chart.load(chart_folder) as chart:
    files = sorted(chart_folder.glob("ci/*-values.yaml"))
    cases = {"defaults": {}} | {file.name: yaml.safe_load(file.read_text()) for file in files}
    check(len(cases) > 3, "there are hardly any values to try")
    for name, values in cases.items():
        found = list(manifests(chart, values))
        count += len(found)
        for path, manifest in found:
            fits_kubernetes(path, manifest)
            check(manifest["metadata"]["namespace"] == "monitoring", f"{path}: no namespace")
        (stateful,) = of_kind(found, "StatefulSet")
        pod = stateful["spec"]["template"]["spec"]
        is_restricted(name, pod)
        (container,) = pod["containers"]
        shards = values.get("shards", 1)
        check(stateful["spec"]["replicas"] == shards, f"{name}: replicas")
        check((f"--shard.total={shards}" in container["args"]) == (shards > 1), f"{name}: {container['args']}")
        (config_map,) = [m for m in of_kind(found, "ConfigMap") if "modelarts-exporter.yaml" in m["data"]]
        config = yaml.safe_load(config_map["data"]["modelarts-exporter.yaml"])
        check(config == values.get("config", {"projects": []}), f"{name}: the configuration is not what was set")
        for rule in of_kind(found, "PrometheusRule"):
            groups = rule["spec"]["groups"]
            rules_file.write_text(yaml.safe_dump({"groups": groups}))
            numbers = {r["labels"]["of"]: r["expr"] for g in groups for r in g["rules"] if r.get("record") == "modelarts:threshold"}
            for threshold, number in values["prometheusRule"]["thresholds"].items():
                check(float(numbers[threshold]) == number, f"{name}: {threshold} is {numbers[threshold]}")
            runbooks = [r["annotations"]["runbook"] for g in groups for r in g["rules"] if "alert" in r]
            check(runbooks and all(r.startswith("https://wiki.example/operations.md#") for r in runbooks), f"{name}: {runbooks}")
        for monitor in of_kind(found, "ServiceMonitor"):
            (endpoint,) = monitor["spec"]["endpoints"]
            (service,) = of_kind(found, "Service")
            check(endpoint["port"] in [port["name"] for port in service["spec"]["ports"]], f"{name}: no such port")
            check(monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items(), f"{name}: selects nothing")
        if name.startswith("everything"):
            kinds = {manifest["kind"] for _, manifest in found}
            wanted = {"ConfigMap", "NetworkPolicy", "PodDisruptionBudget", "PrometheusRule", "Service", "ServiceAccount", "ServiceMonitor", "StatefulSet"}
            check(kinds == wanted, f"{name}: {kinds}")
            dashboards = [m for m in of_kind(found, "ConfigMap") if "-dashboards" in m["metadata"]["name"]]
            check(dashboards and all(key.endswith(".json") for key in dashboards[0]["data"]), f"{name}: no dashboards")
    refuses(chart, {"shard": 2}, "shard")
    refuses(chart, {"shards": 0}, "shards")
    in_the_open = {"name": "v", "endpoint": "https://e.example", "auth": {"password": "hunter2"}}
    refuses(chart, {"config": {"projects": [in_the_open]}}, "auth")
    refuses(chart, {"prometheusRule": {"enabled": True, "thresholds": {"patience": 1}}}, "pending_seconds")

if failures:
    sys.exit("\n".join(failures))
check(rules_file.exists(), "no rules were rendered")
print(f"{count} manifests fit Kubernetes {KUBERNETES}")
