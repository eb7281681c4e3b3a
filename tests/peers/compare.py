"""Compares what the exporter says with what the simulator knows, series by series.

Usage: compare.py METRICS_URL TRUTH_URL NOT_BEFORE

The clock of the simulator stands still and every version of every job is followed, so that each series
has one true value. What that value is, is written here once more, from the documents and not from the
exporter's source. NOT_BEFORE is the Unix time before which the exporter cannot have seen anything.
Prints the differences and ends with 1, or prints how many series were equal.
"""

import collections
import json
import math
import sys
import time
import urllib.request

from prometheus_client import parser as text_parser
from prometheus_client.openmetrics import parser as openmetrics_parser

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

STATUSES = {
    "creating": {1, 2, 4, 18},
    "pending": {7, 19, 20},
    "running": {8, 15},
    "terminating": {9},
    "completed": {10},
    "failed": {3, 5, 11, 16, 17, 21, 22},
    "terminated": {12, 13},
    "abnormal": {6, 14},
}
DELETE_FAILED = 6

# Name of the share in the truth -> the words of the family's name.
SHARES = {
    "cpu": "cpu_usage",
    "memory": "memory_usage",
    "gpu": "gpu_utilization",
    "gpu_memory": "gpu_memory_usage",
}
RATES = {
    "network_receive": "network_receive_bytes_per_second",
    "network_transmit": "network_transmit_bytes_per_second",
    "disk_read": "disk_read_rate",
    "disk_write": "disk_write_rate",
}
OUTCOMES = ("completed", "failed", "terminated")
SCORES = ("recall", "precision", "accuracy", "f1_score")


class Moment:
    """A time between the start of the exporter and now."""

    def __init__(self, earliest):
        self.earliest = earliest

    def __eq__(self, value):
        return self.earliest <= value <= time.time()

    def __repr__(self):
        return f"a time from {self.earliest} to now"


class Number(float):
    """Equal but for the last digits, which depend on the order of an addition."""

    def __eq__(self, value):
        return math.isclose(self, value, rel_tol=1e-12)


def get(url, accept):
    # Whatever proxy the environment names: this goes to loopback.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(url, headers={"Accept": accept})
    with opener.open(request, timeout=20) as answer:
        return answer.headers["Content-Type"], answer.read().decode()


def series(name, **labels):
    return name, tuple(sorted(labels.items()))


def status_of(code):
    return next((name for name, codes in STATUSES.items() if code in codes), "unknown")


def true_usage(version, running):
    usage = version["usage"]
    if usage is None:
        return
    shares = {share: name for share, name in SHARES.items() if share in usage["metrics"]}
    if not version["has_gpu"]:
        shares = {share: name for share, name in shares.items() if "gpu" not in share}
    for share, name in shares.items():
        curve = usage["metrics"][share]
        for part in ("mean", "max"):
            if curve[part] is not None:
                yield f"modelarts_job_{name}_{part}_ratio", curve[part] / 100
        if running and curve["last"] is not None:
            yield f"modelarts_job_{name}_ratio", curve["last"] / 100
    if running:
        for rate, name in RATES.items():
            if usage["metrics"].get(rate, {}).get("last") is not None:
                yield f"modelarts_job_{name}", usage["metrics"][rate]["last"]


def true_version(version, key, seen):
    """The series of one version, as (series, value) pairs."""
    code = version["status_code"]
    status = status_of(code)
    running = status == "running"
    terminal = status in ("completed", "failed", "terminated") or code == DELETE_FAILED

    def text(field):
        return version[field] or ""

    yield series(
        "modelarts_job_info",
        **key,
        version_id=str(version["version_id"]),
        api="v1",
        kind="",
        engine_name=text("engine_name"),
        engine_version=text("engine_version"),
        flavor=text("flavor"),
        gpu_type=text("gpu_type"),
        npu_type="",
        pool_name=text("pool_name"),
    ), 1
    for name in (*STATUSES, "unknown"):
        yield series("modelarts_job_status", **key, status=name), int(name == status)

    numbers = {
        "status_code": code,
        "status_changed_timestamp_seconds": seen,
        "version_rank": version["rank"],
        "created_timestamp_seconds": version["created"],
        "duration_seconds": version["duration"],
        "workers": version["requested"]["workers"],
        "gpus": version["requested"]["gpus"],
        "cpu_cores": version["requested"]["cpu_cores"],
        "memory_bytes": version["requested"]["memory_bytes"],
    }
    if version["started"]:
        numbers["started_timestamp_seconds"] = version["started"]
    if terminal:
        # Without a start: the time it was first seen so, which for one that had ended before is its creation.
        end = version["started"] + version["duration"] if version["started"] else version["created"]
        numbers["finished_timestamp_seconds"] = end
    for name, value in numbers.items():
        yield series(f"modelarts_job_{name}", **key), value

    for name, value in true_usage(version, running):
        yield series(name, **key, task=""), value
    if running and version["usage"]:
        yield series("modelarts_job_usage_samples", **key, task=""), version["usage"]["samples"]
        yield series("modelarts_job_usage_last_sample_timestamp_seconds", **key, task=""), seen

    if version["quality"]:
        for score in SCORES:
            if (value := version["quality"]["overall"][score]) is not None:
                yield series(f"modelarts_model_{score}", **key), value
        for one in version["quality"]["classes"]:
            for score in SCORES:
                if (value := one[score]) is not None:
                    name = f"modelarts_model_class_{score}"
                    yield series(name, **key, class_id=one["id"], class_name=one["name"]), value


def cut(text):
    """A label value as the exporter shows it: by default, 128 characters of it at most."""
    return text[:128]


class Run:
    """A version that had ended when the exporter saw it first."""

    def __init__(self, job, label, version, outcome):
        self.job, self.label, self.version, self.outcome = job, label, version, outcome
        started = version["started"]
        self.finished = started + version["duration"] if started else version["created"]

    def key(self):
        return round(self.finished, 3), self.version["version_id"], self.job["job_id"]


def true_outcomes(project, name, runs):
    """The series of one name: nothing counts, because all of it had ended before."""
    key = {"project": project, "job_name": name}
    runs.sort(key=Run.key)
    failures = 0
    for run in runs:
        failures = {"completed": 0, "failed": failures + 1, "terminated": failures}[run.outcome]
        if run.outcome != "terminated":
            family = f"modelarts_job_last_{run.outcome}_timestamp_seconds"
            # The last one stands.
            yield series(family, **key), run.finished
    yield series("modelarts_job_consecutive_failures", **key), failures
    for outcome in OUTCOMES:
        yield series("modelarts_job_runs_total", **key, outcome=outcome), 0
        if runs:
            yield series("modelarts_job_last_outcome", **key, outcome=outcome), int(runs[-1].outcome == outcome)
    if runs:
        last = runs[-1]
        ids = {"job_id": str(last.job["job_id"]), "version": last.label, "outcome": last.outcome}
        yield series("modelarts_job_last_run_info", **key, **ids), 1


def true_previous(version, runs):
    """The scores of the completed run before a version; of the name's last two, since more are not kept."""
    completed = sorted((run for run in runs if run.outcome == "completed"), key=Run.key)[-2:]
    own = next((run for run in runs if run.version is version), None)
    before = [run for run in completed if own is None or run.key() < own.key()]
    if before and before[-1].version["quality"]:
        for score in SCORES:
            if (value := before[-1].version["quality"]["overall"][score]) is not None:
                yield f"modelarts_model_previous_{score}", value
            classes = [each[score] for each in before[-1].version["quality"]["classes"]]
            if known := [value for value in classes if value is not None]:
                yield f"modelarts_model_previous_worst_class_{score}", min(known)


def true_series(truth, seen):
    expected = {}
    named = collections.defaultdict(list)
    versions = []
    for job in truth["jobs"]:
        ids = {"project": job["project"], "job_id": str(job["job_id"])}
        expected[series("modelarts_job_poll_success", **ids)] = 1
        expected[series("modelarts_job_poll_last_success_timestamp_seconds", **ids)] = seen
        names = collections.Counter(version["version_name"] for version in job["versions"])
        for version in job["versions"]:
            name = version["version_name"]
            if not name or names[name] > 1:
                name = str(version["version_id"])
            key = {**ids, "job_name": job["name"], "version": name}
            for (family, labels), value in true_version(version, key, seen):
                labels = tuple((label, cut(text)) for label, text in labels)
                assert (family, labels) not in expected, f"two truths about {family} {labels}"
                expected[family, labels] = value
            versions.append((key, version))
            runs = named[job["project"], cut(job["name"])]
            outcome = status_of(version["status_code"])
            if outcome in OUTCOMES:
                runs.append(Run(job, cut(name), version, outcome))
    for (project, name), runs in named.items():
        if not name:
            # Jobs without a name have nothing in common.
            continue
        for (family, labels), value in true_outcomes(project, name, runs):
            expected[family, labels] = value
    for key, version in versions:
        key = {label: cut(text) for label, text in key.items()}
        for family, value in true_previous(version, named[key["project"], key["job_name"]]):
            expected[series(family, **key)] = value
    return expected


def said_series(families):
    """Every series by name and labels; what breaks a promise of the format is said at once."""
    said = {}
    for family in families:
        assert family.documentation, f"{family.name} has no HELP"
        for sample in family.samples:
            assert sample.timestamp is None, f"{sample.name} carries a timestamp"
            key = series(sample.name, **sample.labels)
            assert key not in said, f"{key} is there twice"
            said[key] = sample.value
    return said


def ours(said):
    return {
        key: value for key, value in said.items() if key[0].startswith(("modelarts_job_", "modelarts_model_"))
    }


def show(key):
    name, labels = key
    return name + "{" + ",".join(f"{label}={value!r}" for label, value in labels) + "}"


def differences(expected, said):
    for key in sorted(expected.keys() - said.keys()):
        yield f"missing: {show(key)}, in truth {expected[key]}"
    for key in sorted(said.keys() - expected.keys()):
        yield f"extra: {show(key)} {said[key]}"
    for key in sorted(expected.keys() & said.keys()):
        true = expected[key] if isinstance(expected[key], Moment) else Number(expected[key])
        if not true == said[key]:
            yield f"wrong: {show(key)} {said[key]}, in truth {true}"


def said(metrics_url):
    """What the exporter says in each format, as that format's parser reads it."""
    text_type, text = get(metrics_url, TEXT)
    openmetrics_type, openmetrics = get(metrics_url, OPENMETRICS)
    assert text_type == TEXT, text_type
    assert openmetrics_type == OPENMETRICS, openmetrics_type
    yield "text", said_series(text_parser.text_string_to_metric_families(text))
    yield "OpenMetrics", said_series(openmetrics_parser.text_string_to_metric_families(openmetrics))


def main():
    metrics_url, truth_url, not_before = sys.argv[1:4]
    _, truth = get(truth_url, "application/json")
    expected = true_series(json.loads(truth), Moment(float(not_before)))
    found = []
    for name, all_said in said(metrics_url):
        found += [f"{name}: {line}" for line in differences(expected, ours(all_said))]
    if found:
        print(f"{len(found)} differences", *found[:200], sep="\n")
        sys.exit(1)
    print(f"{len(expected)} series are equal")


if __name__ == "__main__":
    main()
