"""From a bundle to answers: a network in one ONNX file, opened by onnxruntime. No torch."""
