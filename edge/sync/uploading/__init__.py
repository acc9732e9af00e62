"""Files on their way: whose turn it is, what of them is read and proven, how fast they may go, and who may look."""
