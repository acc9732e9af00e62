"""The folder of a session: its signals, predictions, labels and video on one clock, whole for a notebook."""
