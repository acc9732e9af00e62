"""The soak: the real parts under a seeded schedule of faults, judged by the conservation oracle. See docs/proof.md."""
