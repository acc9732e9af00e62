"""The models that the cloud can offer to devices."""
