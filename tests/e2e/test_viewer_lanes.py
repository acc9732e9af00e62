"""The lanes of several body sensors: whose is whose must be seen, and heard by who cannot see."""

from playwright.sync_api import Page, expect

from tests.support.stage import Stage


def test_a_lane_says_whose_it_is(page: Page, stage: Stage) -> None:
    """The sensor stands in a line of its own under the channel, and in what a screen reader says of the plot."""
    for sensor in ("wrist", "belt"):
        stage.samples({"t_ms": stage.now_ms - 1000, "hr_bpm": 70}, {"t_ms": stage.now_ms, "hr_bpm": 71}, sensor=sensor)
    lanes = page.locator("[data-channel='hr_bpm']")
    expect(lanes).to_have_count(2)
    expect(lanes.locator(".sensor")).to_have_text(["wrist", "belt"])
    for lane, sensor in zip(lanes.all(), ("wrist", "belt"), strict=True):
        expect(lane.get_by_role("img", name=f"Heart rate, {sensor}")).to_be_visible()
        name, whose = lane.locator("h3").bounding_box(), lane.locator(".sensor").bounding_box()
        assert name is not None
        assert whose is not None
        assert name["x"] == whose["x"]
