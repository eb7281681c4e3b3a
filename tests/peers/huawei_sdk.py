"""The vendor's SDK lists v2 training jobs, shows their details and reads their metrics.

Usage: huawei_sdk.py SIMULATOR_URL [METRICS_URL PROJECT NOT_BEFORE]

The simulator's clock stands still. What the SDK made of every answer is compared with the answer's own
bytes, so that nothing in it is unknown to the vendor's types or lost by them, with the simulator's own
account of its jobs, and with what an exporter says of them that follows them all since NOT_BEFORE, Unix
time, as its project of this name. Prints the differences and ends with 1, or prints how much was compared.
"""

import json
import os
import sys
import urllib.request

from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException
from huaweicloudsdkmodelarts import v1 as sdk

import compare
import sdk_series

PROJECT = "0123456789abcdef0123456789abcdef"
PER_PAGE = 7

# Name on the wire -> name in the truth.
GAUGES = {
    "cpuUsage": "cpu",
    "memUsage": "memory",
    "gpuUtil": "gpu",
    "gpuMemUsage": "gpu_memory",
    "npuUtil": "npu",
    "npuMemUsage": "npu_memory",
}

url = sys.argv[1]
# requests, below the client, would send loopback through whatever proxy the environment names.
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"

with urllib.request.urlopen(f"{url}/-/simulator/jobs", timeout=20) as answer:
    truth = {job["job_id"]: job for job in json.load(answer)["v2_jobs"]}

credentials = BasicCredentials("DEMOACCESSKEY", "demosecretkey", PROJECT)
client = sdk.ModelArtsClient.new_builder().with_credentials(credentials).with_endpoint(url).build()

failures = []
compared = 0


def equal(what, seen, true):
    global compared
    compared += 1
    if seen != true:
        failures.append(f"{what}: {seen!r}, in truth {true!r}")


def whole(what, parsed, raw):
    """Everything in a piece of JSON is in what the SDK made of it, with the same value."""
    if isinstance(raw, dict) and hasattr(parsed, "attribute_map"):
        names = {wire: name for name, wire in parsed.attribute_map.items()}
        for key, value in raw.items():
            if key in names:
                whole(f"{what}.{key}", getattr(parsed, names[key]), value)
            else:
                failures.append(f"{what}.{key} is unknown to the SDK")
    elif isinstance(raw, dict):
        equal(f"{what}: keys", sorted(parsed), sorted(raw))
        for key in raw:
            whole(f"{what}.{key}", parsed[key], raw[key])
    elif isinstance(raw, list):
        # Of an answer that is an empty list the SDK makes nothing.
        parsed = parsed or []
        equal(f"{what}: length", len(parsed), len(raw))
        for place, (one, value) in enumerate(zip(parsed, raw)):
            whole(f"{what}[{place}]", one, value)
    elif isinstance(parsed, str) and not isinstance(raw, str):
        # Where a type says text, a number becomes one.
        equal(what, parsed, str(raw))
    elif isinstance(raw, str) and not isinstance(parsed, str):
        equal(what, parsed, int(raw))
    else:
        equal(what, parsed, raw)


def ask(what, call, request):
    answer = call(request)
    if answer.raw_content:
        raw = json.loads(answer.raw_content)
        # A list by itself has no key; the SDK calls it the body.
        whole(what, answer, {"body": raw} if isinstance(raw, list) else raw)
    return answer


def search(offset, **order):
    body = sdk.JobSearches(offset=offset, limit=PER_PAGE, **order)
    return ask(f"page {offset}", client.list_training_jobs, sdk.ListTrainingJobsRequest(body=body))


def requested(job):
    """What the job asks for in all, from the vendor's objects alone."""
    nothing = dict.fromkeys(("workers", "gpus", "npus", "cpu_cores", "memory_bytes"), 0)
    return nothing | sdk_series.requested(sdk_series.roles(job))


def same_job(what, job, true):
    status = job.status
    equal(f"{what}: name", job.metadata.name, true["name"])
    equal(f"{what}: description", job.metadata.description or "", true["description"])
    equal(f"{what}: user", job.metadata.user_name, true["user_name"])
    equal(f"{what}: workspace", job.metadata.workspace_id, true["workspace_id"])
    equal(f"{what}: kind", job.kind, true["kind"])
    equal(f"{what}: phase", status.phase, true["phase"])
    equal(f"{what}: secondary phase", status.secondary_phase, true["secondary_phase"])
    equal(f"{what}: created", job.metadata.create_time / 1000, true["created"])
    equal(f"{what}: started", (status.start_time or 0) / 1000 or None, true["started"])
    equal(f"{what}: duration", status.duration / 1000, true["duration"])
    equal(f"{what}: engine", job.algorithm.engine.engine_name, true["engine_name"])
    equal(f"{what}: engine version", job.algorithm.engine.engine_version, true["engine_version"])
    equal(f"{what}: flavour", job.spec.resource.flavor_id, true["flavor"])
    equal(f"{what}: pool", job.spec.resource.pool_name, true["pool_name"])
    if status.tasks is not None:
        equal(f"{what}: tasks", status.tasks, [task["task"] for task in true["tasks"]])
        equal(f"{what}: requested", requested(job), true["requested"])
    if status.node_count_metrics:
        equal(f"{what}: nodes", status.node_count_metrics[-1][1], true["nodes"])


def same_runs(what, status, true):
    """What only those answers say that have the records."""
    records = status.running_records or []
    equal(f"{what}: restarts", max(len(records) - 1, 0), true["restarts"])
    failed = (status.task_statuses or [None])[0]
    failure = failed and {"task": failed.task, "exit_code": failed.exit_code, "message": failed.message}
    equal(f"{what}: failure", failure, true["failure"])


def same_metrics(what, answer, usage):
    # 204: there is nothing yet.
    equal(f"{what}: nothing yet", answer.status_code == 204, answer.metrics is None)
    valid = {
        GAUGES[one.metric]: [value for value in one.value if value != -1]
        for one in answer.metrics or []
        if one.metric in GAUGES and one.value is not None
    }
    valid = {name: values for name, values in valid.items() if values}
    true = {name: curve["samples"] for name, curve in usage["metrics"].items()} if usage else {}
    equal(f"{what}: metrics", sorted(valid), sorted(true))
    for name in valid.keys() & true.keys():
        equal(f"{what}: {name}", valid[name], true[name])


listed = {}
offset = 0
while items := (page := search(offset)).items:
    equal("count", page.count, len(truth))
    for job in items:
        equal(f"{job.metadata.id} is listed once", job.metadata.id in listed, False)
        listed[job.metadata.id] = job
    offset += 1
equal("the list", sorted(listed), sorted(truth))

phases = sorted({true["phase"] for true in truth.values()})
for phase in phases:
    of_phase = sdk.Filter(key="phase", operator="in", value=[phase])
    count = search(0, filters=[of_phase]).count
    equal(f"jobs that are {phase}", count, sum(true["phase"] == phase for true in truth.values()))

jobs, usage = {}, {}
for job_id, true in truth.items():
    if job_id in listed:
        same_job(f"list: {job_id}", listed[job_id], true)
    shown = ask(
        job_id,
        client.show_training_job_details,
        sdk.ShowTrainingJobDetailsRequest(training_job_id=job_id),
    )
    jobs[job_id] = shown
    same_job(f"detail: {job_id}", shown, true)
    same_runs(f"detail: {job_id}", shown.status, true)
    for task in true["tasks"]:
        what = f"{job_id} {task['task']}"
        request = sdk.ShowTrainingJobMetricsRequest(training_job_id=job_id, task_id=task["task"])
        usage[job_id, task["task"]] = []
        try:
            answer = ask(what, client.show_training_job_metrics, request)
            usage[job_id, task["task"]] = answer.metrics or []
            same_metrics(what, answer, task["usage"])
        except ClientRequestException as error:
            # One of the two ways to say that there is nothing yet.
            equal(what, (error.error_code, task["usage"]), ("ModelArts.2777", None))
    places = ask(
        f"{job_id}: tasks",
        client.list_training_job_tasks,
        sdk.ListTrainingJobTasksRequest(training_job_id=job_id),
    )
    names = [task["task"] for task in true["tasks"]] if true["started"] else []
    equal(f"{job_id}: places", [place.task for place in places.body or []], names)
    events = ask(
        f"{job_id}: events",
        client.list_training_job_events,
        sdk.ListTrainingJobEventsRequest(training_job_id=job_id, limit=100),
    )
    equal(f"{job_id}: events", len(events.events), min(events.total, 100))

quotas = ask("quotas", client.show_training_quotas, sdk.ShowTrainingQuotasRequest()).quotas
quota = quotas[0]
equal("the quota", (quota.resource, quota.used), ("job-num", len(truth)))

nobody = "3faf5c03-aaa1-4cbe-879d-24b05d997347"
try:
    client.show_training_job_details(sdk.ShowTrainingJobDetailsRequest(training_job_id=nobody))
    failures.append("a job that is not there was shown")
except ClientRequestException as error:
    equal("no such job", (error.status_code, error.error_code), (400, "ModelArts.2775"))

SHOWN = ("modelarts_job_", "modelarts_model_", "modelarts_quota_", "modelarts_runs_")

shown_series = ""
if len(sys.argv) > 2:
    metrics_url, project, not_before = sys.argv[2:5]
    seen = compare.Moment(float(not_before))
    expected = sdk_series.all_series(project, jobs, usage, quotas, seen)
    families = {family for family, _ in expected}
    for name, said in compare.said(f"{metrics_url}?project={project}"):
        ours = {
            key: value
            for key, value in said.items()
            # What the exporter says of itself is no part of any job.
            if key[0].startswith(SHOWN)
        }
        # Whoever has such a job from the list alone cannot know how often it was started.
        unknown = {
            key
            for key in expected.keys() - ours.keys()
            if key[0] == "modelarts_job_restarts"
            and listed[dict(key[1])["job_id"]].status.running_records is None
        }
        told = {key: value for key, value in expected.items() if key not in unknown}
        failures += [f"{name}: {line}" for line in compare.differences(told, ours)]
    shown_series = f"; {len(expected)} series of {len(families)} families are equal in both formats"

if failures:
    print(f"{len(failures)} differences", *failures[:100], sep="\n")
    sys.exit(1)
print(f"{len(truth)} jobs, {compared} values as they should be{shown_series}")
