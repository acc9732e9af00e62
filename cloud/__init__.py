"""The cloud side: it keeps what the devices carry up, shows it, and builds the models that go back down."""
