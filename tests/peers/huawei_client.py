"""The vendor's own client signs requests for training jobs, and the simulator checks the signatures.

Usage: huawei_client.py SIMULATOR_URL

The simulator's clock stands still. Prints what went otherwise than it should and ends with 1, or prints
how many requests were accepted.
"""

import json
import os
import sys
import urllib.request

from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.client import Client, ClientBuilder
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException
from huaweicloudsdkcore.sdk_response import SdkResponse

PROJECT = "0123456789abcdef0123456789abcdef"

url = sys.argv[1]
# requests, below the client, would send loopback through whatever proxy the environment names.
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"

with urllib.request.urlopen(f"{url}/-/simulator/jobs?samples=false", timeout=20) as answer:
    truth = json.load(answer)["jobs"]


class Whatever(SdkResponse):
    """An answer of which the client keeps the bytes alone."""

    openapi_types = {"is_success": "bool"}
    attribute_map = {"is_success": "is_success"}

    def __init__(self, is_success=None):
        super().__init__()


def client(access="DEMOACCESSKEY", secret="demosecretkey", security_token=None):
    credentials = BasicCredentials(access, secret, PROJECT)
    if security_token:
        credentials = credentials.with_security_token(security_token)
    builder = ClientBuilder(Client).with_credentials(credentials)
    return builder.with_endpoint(url).build()


def call(client, method, path, query=(), body=None, content_type="application/json"):
    answer = client.do_http_request(
        method=method,
        resource_path=path,
        query_params=list(query),
        header_params={"Content-Type": content_type},
        body=body,
        response_type=Whatever,
    )
    return json.loads(answer.raw_content)


def jobs(client, **options):
    query = [("per_page", 1000), ("sortBy", "create_time"), ("order", "desc"), ("search_content", "")]
    return call(client, "GET", "/v1/{project_id}/training-jobs", query, **options)


failures = []
accepted = 0


def equal(what, seen, true):
    global accepted
    if seen == true:
        accepted += 1
    else:
        failures.append(f"{what}: {seen}, in truth {true}")


demo = client()
equal(
    "the list",
    sorted(job["job_id"] for job in jobs(demo)["jobs"]),
    sorted(job["job_id"] for job in truth),
)
# For another type than JSON the client says that the body is not signed.
plain = jobs(demo, content_type="text/plain")
equal("the list with a body that is not signed", plain["job_total_count"], len(truth))
for job in truth:
    path = f"/v1/{{project_id}}/training-jobs/{job['job_id']}/versions"
    newest = job["versions"][0]["version_id"]
    versions = call(demo, "GET", path)["versions"]
    equal(f"versions of {job['job_id']}", versions[0]["version_id"], newest)
    equal(f"version {newest}", call(demo, "GET", f"{path}/{newest}")["version_id"], newest)

role = {"agency_name": "demo-agency", "domain_name": "demo-owner", "duration_seconds": 900}
order = {"auth": {"identity": {"methods": ["assume_role"], "assume_role": role}}}
keys = call(demo, "POST", "/v3.0/OS-CREDENTIAL/securitytokens", body=json.dumps(order))["credential"]
temporary = client(keys["access"], keys["secret"], keys["securitytoken"])
equal("the list for temporary keys", jobs(temporary)["job_total_count"], len(truth))

for what, refused in [
    ("a wrong secret", client(secret="guessed")),
    ("an unknown key", client(access="NOBODY")),
    ("temporary keys without their token", client(keys["access"], keys["secret"])),
]:
    try:
        jobs(refused)
        failures.append(f"{what} was accepted")
    except ClientRequestException as error:
        equal(what, (error.status_code, error.error_code), (401, "APIGW.0301"))

if failures:
    print(*failures, sep="\n")
    sys.exit(1)
print(f"{accepted} answers as they should be")
