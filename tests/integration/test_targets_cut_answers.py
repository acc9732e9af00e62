"""An answer of the object storage that breaks off is a fault of the way, not the end of the appliance."""

import random

from edge.core.errors import LinkError
from edge.sync.targets.s3 import S3Target
from edge.sync.targets.target import Object
from tests.support.faulty_bucket import faulty_bucket
from tests.support.s3 import KEYS, s3_server


def test_an_answer_cut_anywhere_is_tried_again_and_never_believed() -> None:
    thing = Object(key="recordings/d/cam/rec-1.mp4", size_bytes=4, sha256="0" * 64)
    with s3_server() as server, faulty_bucket(server.port, random.Random(1)) as bucket:
        server.make_bucket("recordings")
        target = S3Target(server.settings("recordings", endpoint=f"http://127.0.0.1:{bucket.port}"), KEYS)
        target.put(thing, b"data", lambda _: None)
        bucket.fault = "truncated"
        for work in (lambda: target.confirm(thing, {}), lambda: target.begin(thing), target.check):
            try:
                assert work() in {True, False, None}, "what was cut is not whole"
            except LinkError:
                continue
        bucket.fault = None
        assert target.confirm(thing, {})
        target.close()
