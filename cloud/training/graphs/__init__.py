"""The models bundled with the edge, one module each, written as ONNX graphs by our own code.

A module here has one function, `build() -> Bundle` (`cloud.training.bundle`), deterministic to the byte and without
network or recordings: what was learned from recordings lies beside it as numbers. `cloud.training.build` lists the
modules. `builder` has the small language they are written in.
"""
