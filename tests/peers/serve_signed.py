"""A cloud with one job that answers whom the vendor's own signer would have signed the same, and nobody else.

Usage: serve_signed.py ACCESS_KEY SECRET_KEY SECURITY_TOKEN

Prints its URL. The job has one version, of which list and detail say the same.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from urllib.parse import parse_qsl, urlsplit

from huaweicloudsdkcore.sdk_request import SdkRequest
from huaweicloudsdkcore.signer.signer import Signer

access, secret, security_token = sys.argv[1:4]
VERSION = {"version_id": 1, "version_name": "V0001", "status": 8, "create_time": 1700000000000}
MUST_BE_SIGNED = {"host", "x-sdk-date", "x-project-id", "x-security-token", "content-type"}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        given = self.headers.get("Authorization", "")
        signed = given.partition("SignedHeaders=")[2].partition(",")[0].split(";")
        url = urlsplit(self.path)
        request = SdkRequest(
            method="GET",
            schema="http",
            host="unused.example",
            resource_path=url.path,
            query_params=parse_qsl(url.query, keep_blank_values=True),
            header_params={name: self.headers.get(name, "") for name in signed},
        )
        wanted = Signer(SimpleNamespace(ak=access, sk=secret)).sign(request)
        good = (
            given == wanted.header_params["Authorization"]
            and MUST_BE_SIGNED <= set(signed)
            and self.headers.get("X-Security-Token") == security_token
        )
        if not good:
            self.answer(401, {"error_code": "APIGW.0301", "error_msg": "verify aksk signature fail"})
        elif url.path.endswith("/versions"):
            self.answer(200, {"is_success": True, "version_count": 1, "versions": [VERSION]})
        else:
            self.answer(200, {"is_success": True, "job_id": 1, **VERSION})

    def answer(self, status, document):
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(f"http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
