"""Open Telekom Cloud's own client logs in at the simulator and reads its training jobs.

Usage: otc_client.py SIMULATOR_URL

The simulator's clock stands still. Prints what differs from the simulator's own account and ends with 1,
or prints how many jobs and versions the client read.
"""

import json
import os
import sys
import urllib.request

import openstack
from otcextensions import sdk

MOST_PER_PAGE = 1000

url = sys.argv[1]
# requests, below the client, would send loopback through whatever proxy the environment names.
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"

with urllib.request.urlopen(f"{url}/-/simulator/jobs", timeout=20) as answer:
    truth = json.load(answer)["jobs"]

connection = openstack.connect(
    load_yaml_config=False,
    load_envvars=False,
    auth_url=f"{url}/v3",
    username="demo",
    password="demo",
    user_domain_name="demo",
    project_domain_name="demo",
    project_name="demo",
)
sdk.register_otc_extensions(connection)
client = connection.modelartsv1


def version_seen(version):
    return {
        "id": version.version_id,
        "name": version.version_name,
        "status": version.status,
        "created": version.created_at,
        "duration": version.duration,
    }


def version_true(version):
    return {
        "id": version["version_id"],
        "name": version["version_name"],
        "status": version["status_code"],
        "created": round(version["created"] * 1000),
        "duration": round(version["duration"] * 1000),
    }


seen = {}
for job in client.training_jobs(limit=MOST_PER_PAGE, offset=1):
    versions = list(client.training_job_versions(job.job_id, limit=MOST_PER_PAGE, offset=1))
    seen[job.job_id] = {
        "name": job.job_name,
        "newest": job.version_id,
        "versions": sorted(map(version_seen, versions), key=lambda version: version["id"]),
    }

true = {}
for job in truth:
    true[job["job_id"]] = {
        "name": job["name"],
        "newest": job["versions"][0]["version_id"],
        "versions": sorted(map(version_true, job["versions"]), key=lambda version: version["id"]),
    }

differences = [
    f"job {job_id}: {seen.get(job_id)}, in truth {true.get(job_id)}"
    for job_id in sorted(seen.keys() | true.keys())
    if seen.get(job_id) != true.get(job_id)
]
if differences:
    print(*differences, sep="\n")
    sys.exit(1)
print(f"{len(seen)} jobs, {sum(len(job['versions']) for job in seen.values())} versions")
