"""The series that v2 jobs stand for, from the objects that the vendor's SDK made of the cloud's answers.

What they are is written here once more, from the documents and not from the exporter's source.
"""

import collections

from compare import OUTCOMES, STATUSES, Run, cut, series, true_outcomes

GIB = 2**30

# What stands for a sample that is not there.
MISSING = -1

# Name on the wire -> the words of the family's name.
SHARES = {
    "cpuUsage": "cpu_usage",
    "memUsage": "memory_usage",
    "gpuUtil": "gpu_utilization",
    "gpuMemUsage": "gpu_memory_usage",
    "npuUtil": "npu_utilization",
    "npuMemUsage": "npu_memory_usage",
}

# The phase behind the phase, where it says why.
REASONS = {"CreateFailed": "create_failed", "TerminatedFailed": "terminate_failed", "Lost": "lost"}

# By signal: SIGKILL; SIGILL, SIGABRT, SIGBUS, SIGFPE and SIGSEGV.
SIGNALS = {9: "killed"} | dict.fromkeys((4, 6, 7, 8, 11), "crashed")

# What one role asks of each of its nodes; what nothing is known of is left out of `share`.
Role = collections.namedtuple("Role", "nodes share flavor gpu npu pool")


def number_of(cards):
    return int(cards.unit_num) if cards else 0


def role(resource, info, nodes, pool):
    """From a flavour, or from what a dedicated pool gave."""
    flavor = resource.flavor_id
    if info:
        assert info.memory.unit == "GB", info.memory.unit
        share = {
            "gpus": number_of(info.gpu),
            "npus": number_of(info.npu),
            "cpu_cores": int(info.cpu.core_num),
            "memory_bytes": info.memory.size * GIB,
        }
        gpu, npu = (cards.product_name if cards else None for cards in (info.gpu, info.npu))
        return Role(nodes, share, flavor, gpu, npu, pool)
    given = resource.main_container_allocated_resources
    name = given.accelerator_type
    has_npus = name.startswith("ascend")
    share = {
        "npus" if has_npus else "gpus": given.accelerator_num,
        "cpu_cores": given.cpu_core_num,
        "memory_bytes": given.mem_size * GIB,
    }
    gpu, npu = (None, name) if has_npus else (name, None)
    return Role(nodes, share, flavor, gpu, npu, pool)


def roles(job):
    """Those of a heterogeneous job; another one is of one role."""
    resource = job.spec.resource
    if not job.tasks:
        detail = resource.flavor_detail
        info = detail.flavor_info if detail else None
        return [role(resource, info, resource.node_count, resource.pool_name)]
    # How many nodes a role has, only the names of the tasks say.
    names = collections.Counter(name.rsplit("-", 1)[0] for name in job.status.tasks)
    return [
        role(task.task_resource, task.task_resource.flavor_info, names[task.role], resource.pool_name)
        for task in job.tasks
    ]


def requested(all_roles):
    """By all nodes together."""
    total = collections.Counter()
    for one in all_roles:
        total["workers"] += one.nodes
        for what, each in one.share.items():
            total[what] += one.nodes * each
    return dict(total)


def side_by_side(texts):
    return ",".join(dict.fromkeys(text for text in texts if text))


def status_of(job):
    word = job.status.phase.lower()
    return word if word in STATUSES and job.status.phase == word.capitalize() else "unknown"


def reason(status):
    if status.secondary_phase in REASONS:
        return REASONS[status.secondary_phase]
    code = next((task.exit_code for task in status.task_statuses or [] if task.exit_code), None)
    if code is None:
        return "unknown"
    if code in (126, 127):
        return "command"
    return SIGNALS.get(code - 128, "signal") if 128 < code <= 192 else "error"


def job_series(job, key, seen):
    """The series of one job but for its usage."""
    status, engine, of_roles = job.status, job.algorithm.engine, roles(job)
    word = status_of(job)
    yield series(
        "modelarts_job_info",
        **key,
        version_id="",
        api="v2",
        kind=job.kind,
        engine_name=engine.engine_name or "",
        engine_version=engine.engine_version or "",
        flavor=side_by_side(one.flavor for one in of_roles),
        gpu_type=side_by_side(one.gpu for one in of_roles),
        npu_type=side_by_side(one.npu for one in of_roles),
        pool_name=side_by_side(one.pool for one in of_roles),
    ), 1
    for name in (*STATUSES, "unknown"):
        yield series("modelarts_job_status", **key, status=name), int(name == word)
    run = as_run(job)
    numbers = {
        "status_changed_timestamp_seconds": seen,
        "version_rank": 0,
        "created_timestamp_seconds": run["created"],
        "started_timestamp_seconds": run["started"],
        "duration_seconds": run["duration"],
        **requested(of_roles),
    }
    if has_ended(word):
        # It had ended when it was first seen.
        numbers["finished_timestamp_seconds"] = Run(None, None, run, None).finished
    elif status.node_count_metrics:
        numbers["nodes"] = max(status.node_count_metrics)[1]
    if status.running_records is not None:
        numbers["restarts"] = max(len(status.running_records) - 1, 0)
    for name, value in numbers.items():
        if value is not None:
            yield series(f"modelarts_job_{name}", **key), value
    if word in ("failed", "abnormal"):
        yield series("modelarts_job_failure_info", **key, reason=reason(status)), 1


def has_ended(word):
    return word in (*OUTCOMES, "abnormal")


def has_samples(job):
    """Nobody asks for the usage of what waits, even if it ran before."""
    word = status_of(job)
    return word == "running" or has_ended(word) and as_run(job)["started"] is not None


def as_run(job):
    """What the comparison with the truth asks of a version."""
    status = job.status
    return {
        "created": job.metadata.create_time / 1000,
        "started": (status.start_time or 0) / 1000 or None,
        "duration": status.duration / 1000,
        "version_id": "",
    }


def usage_series(job, key, metrics, seen):
    """The series of one task; without samples `metrics` is empty."""
    values = {SHARES[one.metric]: one.value for one in metrics if one.metric in SHARES and one.value}
    length = max(map(len, values.values()), default=0)
    # Those with a sample of anything.
    minutes = [
        at
        for at in range(length)
        if any(at < len(sent) and sent[at] != MISSING for sent in values.values())
    ]
    running = status_of(job) == "running"
    asked = requested(roles(job))
    for name, sent in values.items():
        if asked.get(f"{name[:3]}s") == 0:
            continue
        valid = [value for value in sent if 0 <= value <= 100]
        if valid:
            yield series(f"modelarts_job_{name}_mean_ratio", **key), sum(valid) / len(valid) / 100
            yield series(f"modelarts_job_{name}_max_ratio", **key), max(valid) / 100
        if running and minutes and minutes[-1] < len(sent) and 0 <= sent[minutes[-1]] <= 100:
            yield series(f"modelarts_job_{name}_ratio", **key), sent[minutes[-1]] / 100
    if running:
        yield series("modelarts_job_usage_samples", **key), len(minutes)
        if minutes:
            yield series("modelarts_job_usage_last_sample_timestamp_seconds", **key), seen


def all_series(project, jobs, usage, quotas, seen):
    """Every series of a project and its jobs. `jobs` is of details by id, `usage` of metrics by job id and task."""
    expected = {}
    named = collections.defaultdict(list)

    def expect(every):
        for (family, labels), value in every:
            labels = tuple((label, cut(text)) for label, text in labels)
            assert (family, labels) not in expected, f"two truths about {family} {labels}"
            expected[family, labels] = value

    for job_id, job in jobs.items():
        ids = {"project": project, "job_id": job_id}
        key = {**ids, "job_name": job.metadata.name, "version": ""}
        expect([(series("modelarts_job_poll_success", **ids), 1)])
        expect([(series("modelarts_job_poll_last_success_timestamp_seconds", **ids), seen)])
        expect(job_series(job, key, seen))
        for (of_job, task), metrics in usage.items():
            if of_job == job_id and has_samples(job):
                expect(usage_series(job, {**key, "task": task}, metrics, seen))
        runs = named[cut(job.metadata.name)]
        word = status_of(job)
        if has_ended(word):
            outcome = "failed" if word == "abnormal" else word
            runs.append(Run({"job_id": job_id}, "", as_run(job), outcome))
    for name, runs in named.items():
        if name:
            # A name has several timestamps of one kind; the last one stands.
            expect(dict(true_outcomes(project, name, runs)).items())
    for quota in quotas:
        of = {"project": project, "resource": quota.resource}
        expect([(series("modelarts_quota_used", **of), quota.used)])
        expect([(series("modelarts_quota_limit", **of), quota.quota)])
    expect((series("modelarts_runs_total", project=project, outcome=outcome), 0) for outcome in OUTCOMES)
    return expected
