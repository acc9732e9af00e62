"""What asks the cloud for signed addresses, without a broker between: questions cross as the bytes they would be."""

import itertools
from pathlib import Path

from cloud.objects.settings import S3Settings
from cloud.objects.uploads import RefusedError, S3Uploads
from contract.codec import decode, encode
from contract.storage import StorageReply, StorageRequest
from edge.sync.settings import CloudSettings
from edge.sync.targets.presigned import PresignedTarget


class AskedCloud:
    """The cloud's side of a bucket; remembers what it was asked and what it said."""

    def __init__(self, settings: S3Settings, keys: tuple[str, str]) -> None:
        self.uploads = S3Uploads(settings, access_key=keys[0], secret_key=keys[1])
        self.asked: list[StorageRequest] = []
        self.said: list[StorageReply] = []

    def ask(self, request: StorageRequest) -> StorageReply:
        """One question, answered at once."""
        self.asked.append(request)
        try:
            reply = self.uploads.answer(decode(encode(request), StorageRequest))
        except RefusedError as error:
            reply = StorageReply(request_id=request.request_id, refused=error.refusal, detail=str(error))
        self.said.append(decode(encode(reply), StorageReply))
        return self.said[-1]

    def target(self, *, ca_file: Path | None = None, part_bytes: int = 5 << 20) -> PresignedTarget:
        """The device's side; close it."""
        numbers = itertools.count(1)
        settings = CloudSettings(part_size_bytes=part_bytes, timeout_s=20, ca_file=str(ca_file or ""))
        return PresignedTarget(self.ask, settings, new_id=lambda: f"q{next(numbers)}")
