"""The appliance: it sees, feels, understands on the spot, shows it on the LAN and carries it to the cloud."""
