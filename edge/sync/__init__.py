"""What leaves the appliance: records to the broker, recordings to object storage."""
