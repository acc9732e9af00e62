"""From a picture to what of it moves."""
