"""From a run to a bundle: the network as an ONNX graph, smaller kinds of it, and the gate that each must pass."""
