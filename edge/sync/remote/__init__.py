"""Remote hands: what the cloud asks of this device, and what the device answers."""
