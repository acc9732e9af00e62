"""Optional detectors that an operator installs."""
