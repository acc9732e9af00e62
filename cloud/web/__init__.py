"""What people and programs see of the cloud: an API, its description and a plain console page."""
