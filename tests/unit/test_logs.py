"""What is never in the log: addresses that are lent, and passwords in them."""

import logging
from collections.abc import Iterator

import httpx
import pytest

from edge.core.logs import begin_log


@pytest.fixture(autouse=True)
def levels() -> Iterator[None]:
    """As they were before, also for tests that come later."""
    loggers = [logging.getLogger(name) for name in ("", "httpx", "httpcore", "botocore", "boto3", "s3transfer")]
    before = [logger.level for logger in loggers]
    yield
    for logger, level in zip(loggers, before, strict=True):
        logger.setLevel(level)


@pytest.mark.parametrize("level", ["debug", "info"])
def test_no_address_of_a_request_is_logged(level: str, caplog: pytest.LogCaptureFixture) -> None:
    begin_log(level)
    logging.getLogger().setLevel(level.upper())
    with httpx.Client(transport=httpx.MockTransport(lambda _request: httpx.Response(200))) as client:
        client.put("http://user:word@bucket.example/part?X-Amz-Signature=s3cret", content=b"")
    for name in ("httpcore.http11", "botocore.auth", "urllib3.connectionpool"):
        logging.getLogger(name).info("Authorization: s3cret")
    logging.getLogger("edge.sync").info("said")
    assert "said" in caplog.text
    assert "s3cret" not in caplog.text
    assert "word@" not in caplog.text
