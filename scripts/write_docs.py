"""Writes the pages of docs/ that are made from the code. A test fails while they are not up to date."""

from pathlib import Path

from contract.reference import reference

DOCS = Path(__file__).resolve().parent.parent / "docs"
EDGE_INTRO = """The appliance's settings are TOML: `afferent edge run --config edge.toml`, by default
`/etc/afferent/edge.toml`, and without any file the defaults below. `afferent edge check-config` says what is wrong and
where. Passwords and keys are never in this file: a setting that ends in `_secret` names a file in the secrets folder
or a systemd credential. This page is written by `make docs` from the settings themselves."""
CLOUD_INTRO = """The cloud's settings are TOML: `afferent cloud run --config cloud.toml`; without any file the
defaults below. `afferent cloud check-config` says what is wrong and where.
This page is written by `make docs` from the settings themselves."""


def pages() -> dict[Path, str]:
    """Each generated page with its text."""
    from cloud.config import CloudConfig
    from edge.config import EdgeConfig
    from scripts.lan_routes import with_routes

    return {
        DOCS / "configuration.md": reference("Settings of the appliance", EDGE_INTRO, EdgeConfig),
        DOCS / "lan-security.md": with_routes((DOCS / "lan-security.md").read_text(encoding="utf-8")),
        DOCS / "configuration-cloud.md": reference("Settings of the cloud", CLOUD_INTRO, CloudConfig),
    }


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
