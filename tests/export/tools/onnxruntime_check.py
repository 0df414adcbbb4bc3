"""onnxruntime gives what gmmvae encode and decode wrote, in raw units and for any number of points."""
import sys

import numpy
import onnxruntime
from common import close

x = numpy.load("data.npz")["x"]
for folder in sys.argv[1:]:
    encoder = onnxruntime.InferenceSession(f"{folder}/encoder.onnx", providers=["CPUExecutionProvider"])
    decoder = onnxruntime.InferenceSession(f"{folder}/decoder.onnx", providers=["CPUExecutionProvider"])
    expected, points = numpy.load(f"{folder}/latents.npz"), numpy.load(f"{folder}/decoded.npy")
    for count in (1, len(x)):
        mean, variance = encoder.run(["mean", "variance"], {"x": x[:count]})
        close(mean, expected["mean"][:count], f"mean of {folder}")
        close(variance, expected["variance"][:count], f"variance of {folder}")
        (out,) = decoder.run(["x"], {"z": expected["mean"][:count]})
        close(out, points[:count], f"x of {folder}")
