"""Serves the gauges of an exposition as most exporters in Python do: one Gauge a family.

Usage: gauges.py FILE
"""

import sys
from wsgiref.simple_server import WSGIRequestHandler, make_server

from prometheus_client import CollectorRegistry, Gauge, make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer
from prometheus_client.parser import text_fd_to_metric_families


class Silent(WSGIRequestHandler):
    """Logs no requests: none of the others does."""

    def log_message(self, *_):
        pass


def load(file, registry):
    with open(file, encoding="utf-8") as exposition:
        for family in text_fd_to_metric_families(exposition):
            if family.type != "gauge" or not family.samples:
                continue
            names = list(family.samples[0].labels)
            gauge = Gauge(family.name, family.documentation, names, registry=registry)
            for sample in family.samples:
                child = gauge.labels(*sample.labels.values()) if names else gauge
                child.set(sample.value)


def main():
    registry = CollectorRegistry()
    server = make_server(
        "127.0.0.1", 0, make_wsgi_app(registry), ThreadingWSGIServer, handler_class=Silent
    )
    # Whoever comes now waits until the values are there.
    print(f"listening on http://127.0.0.1:{server.server_port}")
    load(sys.argv[1], registry)
    server.serve_forever()


main()
