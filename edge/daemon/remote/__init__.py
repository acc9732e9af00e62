"""What is done here when the cloud asks: settings that are desired, and a handler for each command."""
