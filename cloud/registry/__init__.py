"""The models that this cloud holds: each an ONNX graph with its manifest, in a folder of its own."""
