"""Deletes releases that nobody would go back to."""

from collections.abc import Set as AbstractSet

from edge.core.files import sync_folder
from edge.releases.layout import Layout, discard


def prune(layout: Layout, keep: AbstractSet[str]) -> list[str]:
    """Delete every release but current, good and those in `keep`; return the names of the deleted.

    One that is being deleted has a name that counts as none from the first moment on.
    """
    kept = {layout.points_to("current"), layout.points_to("good"), *keep}
    gone = [name for name in layout.staged() if name not in kept]
    for name in gone:
        drop(layout, name)
    return gone


def drop(layout: Layout, release: str) -> None:
    """Delete one release, which must not be one that a link chooses."""
    draft = layout.draft_of(release)
    discard(draft)
    layout.of(release).replace(draft)
    sync_folder(layout.releases)
    discard(draft)
