"""What everything that was recorded may take of the disk, for how long, and what gives way first."""
