"""The modules of the page, called as such in a real browser."""
