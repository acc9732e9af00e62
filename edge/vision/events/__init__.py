"""The life of events and what is kept of them."""
