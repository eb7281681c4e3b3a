"""Renders the Helm chart with Helm's own engine and checks what comes out.

Usage: chart.py CHART OUT
For the chart's defaults and each file of its `ci` folder, the manifests have to fit the schemas of Kubernetes and of the
Prometheus operator, and what the "restricted" pod security standard asks for. The folder OUT gets the rule groups of
each PrometheusRule, for promtool.
"""

import pathlib
import re
import sys

import helm_python as helm
import kubernetes_validate
import pydantic
import yaml
from cloudcoil.models.prometheus_operator import v1 as operator

KUBERNETES = "1.31"
METADATA_SERVICE = {"to": [{"ipBlock": {"cidr": "169.254.169.254/32"}}], "ports": [{"port": 80, "protocol": "TCP"}]}

chart_folder = pathlib.Path(sys.argv[1])
rules_folder = pathlib.Path(sys.argv[2])
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


def fits_operator(path, manifest):
    """The models are made of the operator's CRDs; they drop the fields that these do not have."""
    try:
        model = getattr(operator, manifest["kind"]).model_validate(manifest, strict=True)
    except pydantic.ValidationError as error:
        failures.append(f"{path}: {error}")
    else:
        known = model.model_dump(mode="json", by_alias=True, exclude_unset=True)
        check(known == manifest, f"{path}: has fields that the operator does not know")


def fits_kubernetes(path, manifest):
    if manifest["apiVersion"] == "monitoring.coreos.com/v1":
        return fits_operator(path, manifest)
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


def scraped(monitor, pod_name):
    """The `instance` that the first relabeling makes of a pod."""
    first = monitor["spec"]["endpoints"][0]["relabelings"][0]
    check(first["sourceLabels"] == ["__meta_kubernetes_pod_name"] and first["targetLabel"] == "instance", f"instance: {first}")
    return re.fullmatch(first["regex"], pod_name).expand(first["replacement"].replace("$", "\\"))


report = helm.chart.lint(chart_folder, {}, strict=True)
for message in report["messages"]:
    # An icon is for catalogues of charts.
    check(message["severity"] < 2 or "icon" in message["error"], f"lint: {message}")

alerts = (chart_folder / "files/alerts.yml").read_text()
links = len(re.findall(r"/jobs/{{|/\?project={{", alerts))
check(links > 0 and links == alerts.count("http://{{"), "the alerts link to a page in a way that is not known here")

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
        web = config.get("web", {})
        prefix = web.get("route_prefix", "").rstrip("/")
        scheme = "https" if values.get("webConfig", {}).get("tls") else "http"
        for probe, path in {"livenessProbe": "/-/healthy", "readinessProbe": "/-/ready"}.items():
            asked = container[probe]["httpGet"]
            check(asked == {"path": prefix + path, "port": "metrics", "scheme": scheme.upper()}, f"{name}: {probe}: {asked}")
        (service,) = of_kind(found, "Service")
        is_headless = service["spec"]["clusterIP"] == "None" and service["spec"]["publishNotReadyAddresses"] is True
        check(is_headless and stateful["spec"]["serviceName"] == service["metadata"]["name"], f"{name}: pods without names")
        for budget in of_kind(found, "PodDisruptionBudget"):
            check(budget["spec"]["maxUnavailable"] == 1, f"{name}: {budget['spec']}")
            check(budget["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow", f"{name}: {budget['spec']}")
        asks_machine = any(project["auth"]["method"] == "ecs_metadata" for project in config["projects"])
        for policy in of_kind(found, "NetworkPolicy"):
            check((METADATA_SERVICE in policy["spec"]["egress"]) == asks_machine, f"{name}: {policy['spec']['egress']}")
        for rule in of_kind(found, "PrometheusRule"):
            groups = rule["spec"]["groups"]
            (rules_folder / f"{name}.yml").write_text(yaml.safe_dump({"groups": groups}))
            wanted = values["prometheusRule"]
            numbers = {r["labels"]["of"]: r["expr"] for g in groups for r in g["rules"] if r.get("record") == "modelarts:threshold"}
            for threshold, number in wanted.get("thresholds", {}).items():
                check(float(numbers[threshold]) == number, f"{name}: {threshold} is {numbers[threshold]}")
            notes = [r["annotations"] for g in groups for r in g["rules"] if "alert" in r]
            is_called, base = ("runbook_url", wanted["runbookBase"]) if "runbookBase" in wanted else ("runbook", "")
            for note in notes:
                runbooks = {key: text for key, text in note.items() if key.startswith("runbook")}
                check(list(runbooks) == [is_called], f"{name}: {runbooks}")
                check(all(text.startswith(f"{base}operations.md#") for text in runbooks.values()), f"{name}: {runbooks}")
            text = "\n".join(text for note in notes for text in note.values())
            if "statusPage" in wanted:
                pages = re.escape(wanted["statusPage"].rstrip("/"))
            else:
                pages = scheme + r"://{{[^}]*instance[^}]*}}" + re.escape(prefix)
            check(len(re.findall(rf"{pages}/(?:jobs/|\?project=){{{{", text)) == links, f"{name}: not every link is {pages}")
            is_default = scheme == "http" and "statusPage" not in wanted
            check(is_default or "http://{{" not in text, f"{name}: links to where nobody answers")
        for monitor in of_kind(found, "ServiceMonitor"):
            (endpoint,) = monitor["spec"]["endpoints"]
            check(endpoint["path"] == prefix + web.get("telemetry_path", "/metrics"), f"{name}: scrapes {endpoint['path']}")
            check(endpoint["scheme"] == scheme, f"{name}: scrapes by {endpoint['scheme']}")
            (port,) = [port["containerPort"] for port in container["ports"]]
            named = f"{stateful['metadata']['name']}-0.{service['metadata']['name']}.monitoring.svc:{port}"
            instance = scraped(monitor, f"{stateful['metadata']['name']}-0")
            check(instance == named, f"{name}: instance is {instance}")
            own = values["serviceMonitor"].get("relabelings", [])
            check(endpoint["relabelings"][1:] == own, f"{name}: {endpoint['relabelings']}")
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
    for web in [{"listen_addresses": [":80"]}, {"config_file": "/x"}, {"route_prefix": "x"}, {"telemetry_path": "$1"}]:
        refuses(chart, {"config": {"projects": [], "web": web}}, "web")
    refuses(chart, {"extraArgs": ["--web.route-prefix=/x"]}, "extraArgs")
    refuses(chart, {"extraEnv": [{"name": "MODELARTS_EXPORTER_SHARD__TOTAL", "value": "2"}]}, "extraEnv")
    refuses(chart, {"podDisruptionBudget": {"maxUnavailable": 0}}, "maxUnavailable")
    refuses(chart, {"prometheusRule": {"statusPage": "modelarts.example"}}, "statusPage")
    refuses(chart, {"secrets": [{"secretName": "otc", "mountPath": "/etc/modelarts-exporter/otc"}]}, "mountPath")
    in_the_open = {"name": "v", "endpoint": "https://e.example", "auth": {"password": "hunter2"}}
    refuses(chart, {"config": {"projects": [in_the_open]}}, "auth")
    refuses(chart, {"prometheusRule": {"enabled": True, "thresholds": {"patience": 1}}}, "pending_seconds")

check(any(rules_folder.iterdir()), "no rules were rendered")
if failures:
    sys.exit("\n".join(failures))
print(f"{count} manifests fit Kubernetes {KUBERNETES}")
