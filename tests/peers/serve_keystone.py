"""Serves a fresh Keystone on two ports of its own, the second over TLS, and prints both URLs in a line.

Usage: serve_keystone.py DIRECTORY USER PASSWORD PROJECT CERTIFICATE KEY LIFE

The user is an administrator of the project, in the domain "Default". Everything lives in DIRECTORY.
Tokens live for LIFE seconds.
One process, so that ending it ends everything.
"""

import grp
import os
import pwd
import socketserver
import ssl
import subprocess
import sys
import threading
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

directory, user, password, project = Path(sys.argv[1]), *sys.argv[2:5]
certificate, key, life = sys.argv[5:8]

CONFIGURATION = f"""
[DEFAULT]
log_file = {directory}/keystone.log
[database]
connection = sqlite:///{directory}/keystone.db
[token]
provider = fernet
expiration = {life}
allow_expired_window = 0
[fernet_tokens]
key_repository = {directory}/fernet
[fernet_receipts]
key_repository = {directory}/fernet
[credential]
key_repository = {directory}/credential
[cache]
enabled = false
"""


class Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def server_bind(self):
        # Without the look-up of the host's name, which may ask a name server.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address
        self.setup_environ()


class Quiet(WSGIRequestHandler):
    def address_string(self):
        return self.client_address[0]

    def log_message(self, *_):
        pass


def manage(*arguments):
    program = Path(sys.executable).with_name("keystone-manage")
    command = [program, "--config-file", directory / "keystone.conf", *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


server = Server(("127.0.0.1", 0), Quiet)
url = f"http://127.0.0.1:{server.server_port}"
secure = Server(("127.0.0.1", 0), Quiet)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
# The handshake belongs to the thread of the connection, not to the one that accepts.
secure.socket = context.wrap_socket(secure.socket, server_side=True, do_handshake_on_connect=False)

(directory / "keystone.conf").write_text(CONFIGURATION)
owner = ("--keystone-user", pwd.getpwuid(os.getuid()).pw_name)
owner += ("--keystone-group", grp.getgrgid(os.getgid()).gr_name)
manage("db_sync")
manage("fernet_setup", *owner)
manage("credential_setup", *owner)
manage(
    "bootstrap",
    "--bootstrap-username", user,
    "--bootstrap-password", password,
    "--bootstrap-project-name", project,
    "--bootstrap-public-url", f"{url}/v3",
    "--bootstrap-region-id", "test",
)  # fmt: skip

os.environ["OS_KEYSTONE_CONFIG_DIR"] = str(directory)
os.environ["OS_KEYSTONE_CONFIG_FILES"] = str(directory / "keystone.conf")
# Keystone reads the arguments of the process it is imported into; ours are not for it.
sys.argv = ["keystone"]
from keystone.wsgi.api import application  # noqa: E402

server.set_app(application)
secure.set_app(application)
threading.Thread(target=secure.serve_forever, daemon=True).start()
print(url, f"https://127.0.0.1:{secure.server_port}", flush=True)
server.serve_forever()
