"""What edge and cloud agree on: ids, units, messages, topics, object keys, manifests, codec. Nothing here does I/O."""
