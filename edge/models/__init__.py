"""Models: one ONNX graph and its manifest each, verified before use, run by onnxruntime and nothing else.

onnxruntime 1.29 and later report home and write an id under the user's cache unless told not to before they are
imported. The appliance speaks to nobody that its config does not name, so that is said here, before anything else.
"""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
