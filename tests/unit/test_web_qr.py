"""QR codes of a participant's address: read again by another's decoder."""

import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.web.problem import ProblemError
from edge.web.qr_routes import QUIET, QrRoutes, QrView, qr_of
from tests.support.web import make_web

ADDRESS = f"http://192.168.1.40:8000/participant?token={'aB3_-' * 9}&participant=P07&by=square&consent=here"


def read(view: QrView, scale: int = 6) -> str:
    """What a decoder makes of the path."""
    picture = np.full((view.size, view.size), 255, np.uint8)
    for x, y, width in re.findall(r"M(\d+) (\d+)h(\d+)v1H\d+z", view.path):
        picture[int(y), int(x) : int(x) + int(width)] = 0
    assert not (picture[:QUIET] == 0).any() and not (picture[:, -QUIET:] == 0).any()
    large = np.asarray(picture.repeat(scale, 0).repeat(scale, 1))
    return str(cv2.QRCodeDetector().detectAndDecode(large)[0])


@pytest.mark.parametrize("text", ["x", ADDRESS])
def test_a_camera_reads_the_very_address(text: str) -> None:
    assert read(qr_of(text)) == text


def test_a_text_that_no_code_holds_is_refused_in_words() -> None:
    with pytest.raises(ProblemError, match="No QR code holds this text"):
        qr_of("\u6f22" * 2000)


async def test_only_who_signed_in_has_one_made_and_it_is_no_deed(tmp_path: Path) -> None:
    web = make_web(tmp_path)
    made = await web.ask("POST", "/v1/qr", json={"text": ADDRESS}, role="viewer")
    assert (made.status_code, made.headers["cache-control"]) == (200, "no-store")
    assert read(QrView(**made.json())) == ADDRESS
    assert (await web.ask("POST", "/v1/qr", json={"text": ""})).status_code == 400
    assert (await web.ask("POST", "/v1/qr", json={"text": "x"}, signed_in=False)).status_code == 401
    assert not QrRoutes().endpoints()[0].action, "nothing for the audit log"
