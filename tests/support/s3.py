"""An S3 server over HTTP in a process of its own (moto), for the happy path: it takes wrong secrets and digests."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from edge.sync.settings import S3Settings
from tests.support.ports import free_port, wait_for_port

KEYS = ("test-access", "test-secret")


class S3Server:
    """A server with no buckets at first."""

    def __init__(self) -> None:
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        program = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        self._process = subprocess.Popen(program, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for_port(self.port)

    def client(self) -> Any:
        """A plain boto3 client, to look and to meddle; close it."""
        import boto3

        session = boto3.session.Session(KEYS[0], KEYS[1], region_name="us-east-1")
        return session.client("s3", endpoint_url=self.endpoint)

    def make_bucket(self, name: str) -> None:
        """Make an empty bucket."""
        client = self.client()
        client.create_bucket(Bucket=name)
        client.close()

    def drop_bucket(self, name: str) -> None:
        """Delete a bucket and everything in it, uploads under way included."""
        client = self.client()
        for upload in client.list_multipart_uploads(Bucket=name).get("Uploads", []):
            client.abort_multipart_upload(Bucket=name, Key=upload["Key"], UploadId=upload["UploadId"])
        for found in client.list_objects_v2(Bucket=name).get("Contents", []):
            client.delete_object(Bucket=name, Key=found["Key"])
        client.delete_bucket(Bucket=name)
        client.close()

    def read(self, bucket: str, key: str) -> bytes:
        """The bytes of an object."""
        client = self.client()
        try:
            body: bytes = client.get_object(Bucket=bucket, Key=key)["Body"].read()
            return body
        finally:
            client.close()

    def write(self, bucket: str, key: str, content: bytes) -> None:
        """Make an object."""
        client = self.client()
        client.put_object(Bucket=bucket, Key=key, Body=content)
        client.close()

    def settings(self, bucket: str, *, endpoint: str = "", part_size_bytes: int = 5 << 20) -> S3Settings:
        """How the appliance reaches it."""
        return S3Settings(
            bucket=bucket, endpoint=endpoint or self.endpoint, part_size_bytes=part_size_bytes, timeout_s=5
        )

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(30)


@contextmanager
def s3_server() -> Iterator[S3Server]:
    """A server that ends with the block."""
    server = S3Server()
    try:
        yield server
    finally:
        server.stop()
