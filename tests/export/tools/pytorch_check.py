"""The README's own code loads a model into PyTorch, which gives what gmmvae encode and decode wrote."""
import sys

import numpy
import torch
from common import close

readme = open(sys.argv[1]).read()
blocks = [block.split("\n```")[0] for block in readme.split("```python\n")[1:]]
(code,) = [block for block in blocks if "load_state_dict" in block]
names = {}
exec(compile(code, "README.md", "exec"), names)  # reads model.safetensors
x = torch.tensor(numpy.load("data.npz")["x"])
with torch.no_grad():
    mean, variance, reconstruction = names["model"]((x - names["offset"]) / names["scale"])
    raw = reconstruction * names["scale"] + names["offset"]
expected = numpy.load("latents.npz")
close(mean, expected["mean"], "mean")
close(variance, expected["variance"], "variance")
close(raw, numpy.load("decoded.npy"), "reconstruction")
