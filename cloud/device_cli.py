"""`afferent cloud device`: the devices of the fleet. `cloud.trust_cli` adds what is about their certificates."""

import click


@click.group(
    epilog="""\b
Examples:
  afferent cloud device show gate
  afferent cloud device command gate snapshot
  afferent cloud device desired gate --set settings.json"""
)
def device() -> None:
    """Devices: what they are, what they shall be, and what they shall do."""
