"""Builds the bundles that devices and servers are installed from; see docs/releases.md."""
