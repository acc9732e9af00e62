"""What every room of the appliance stands on: frames, samples, time, the latest-wins slot, health, services, errors."""
