"""Who this device is to the others: its key, its certificate, how it gets one and keeps it fresh."""
