"""Programs that run inside a host, with Debian's own Python and nothing else."""
