"""Asks for each text format in each encoding, and unpacks it with the standard decoders.

Usage: unpack.py METRICS_URL PREFIX...

Families whose name begins with a PREFIX differ from answer to answer. Ends with an error at the first
thing that is not as it should be.
"""

import sys
import urllib.request
import zlib

import zstandard
from prometheus_client import parser as text_parser
from prometheus_client.openmetrics import parser as openmetrics_parser

READERS = {
    "text/plain;version=0.0.4": text_parser.text_string_to_metric_families,
    "text/plain;version=1.0.0": text_parser.text_string_to_metric_families,
    "application/openmetrics-text;version=1.0.0": openmetrics_parser.text_string_to_metric_families,
    "application/openmetrics-text;version=0.0.1": openmetrics_parser.text_string_to_metric_families,
}

# What HTTP clients that know zstd must be ready for (RFC 9659).
LARGEST_WINDOW = 8 << 20


def identity(body):
    return body


def gzip(body):
    decoder = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    text = decoder.decompress(body) + decoder.flush()
    assert decoder.eof and not decoder.unused_data, "one whole member and nothing else"
    return text


def zstd(body):
    frame = zstandard.get_frame_parameters(body)
    assert frame.has_checksum and frame.window_size <= LARGEST_WINDOW, "checksum, small window"
    decoder = zstandard.ZstdDecompressor().decompressobj()
    text = decoder.decompress(body)
    assert decoder.eof and not decoder.unused_data, "one whole frame and nothing else"
    assert frame.content_size == len(text), "the size it says"
    return text


def samples(url, prefixes, accept, decode):
    headers = {"Accept": accept, "Accept-Encoding": decode.__name__}
    # No proxy of the environment.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(urllib.request.Request(url, headers=headers), timeout=30) as answer:
        encoding = answer.headers.get("Content-Encoding", "identity")
        assert encoding == decode.__name__, f"{encoding} is not what was asked for"
        text = decode(answer.read()).decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in READERS[accept](text)
        for sample in family.samples
        if not sample.name.startswith(prefixes)
    }


def main(url, *prefixes):
    want = None
    for accept in READERS:
        for decode in (identity, gzip, zstd):
            got = samples(url, prefixes, accept, decode)
            want = want or got
            assert len(got) > 100, f"{len(got)} series are too few to compare"
            assert got == want, f"{accept} in {decode.__name__} says something else"
    print(f"{len(want)} series are equal in {len(READERS)} formats and 3 encodings")


main(*sys.argv[1:])
