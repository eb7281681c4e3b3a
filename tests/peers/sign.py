"""Signs requests with the vendor's own signer.

Usage: sign.py <REQUESTS

Reads one request a line, as JSON, and prints the `Authorization` of each.
"""

import json
import sys
from types import SimpleNamespace

from huaweicloudsdkcore.sdk_request import SdkRequest
from huaweicloudsdkcore.signer.signer import Signer

for line in sys.stdin:
    wanted = json.loads(line)
    request = SdkRequest(
        method=wanted["method"],
        schema="https",
        host="unused.example",
        resource_path=wanted["path"],
        query_params=[tuple(pair) for pair in wanted["query"]],
        header_params=dict(wanted["headers"]),
        body=wanted["body"],
    )
    key = SimpleNamespace(ak=wanted["access"], sk=wanted["secret"])
    print(Signer(key).sign(request).header_params["Authorization"])
