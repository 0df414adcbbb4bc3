#!/usr/bin/env python3
"""Makes the .safetensors files of this folder with the safetensors library (0.8.0) and PyTorch; run it inside the folder.

With --load FILE it checks instead that PyTorch takes a model file of gmmvae: the tensors must load into an nn.Module
of the shape 3-5-4 / 2-4-3 under strict=True.
"""
import sys

import torch
from safetensors.torch import load_file, save_file


class Vae(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = torch.nn.Sequential(torch.nn.Linear(3, 5), torch.nn.Tanh(), torch.nn.Linear(5, 4))
        self.decoder = torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.Tanh(), torch.nn.Linear(4, 3))
        self.decoder_log_variance = torch.nn.Parameter(torch.zeros(1))


if len(sys.argv) == 3 and sys.argv[1] == "--load":
    model = Vae()
    print(model.load_state_dict(load_file(sys.argv[2]), strict=True))
    # the model-file test numbers the parameters 0, 1/8, 2/8, ... in the order of the state dictionary
    flat = torch.cat([model.state_dict()[name].flatten() for name in
                      ["encoder.0.weight", "encoder.0.bias", "encoder.2.weight", "encoder.2.bias", "decoder.0.weight",
                       "decoder.0.bias", "decoder.2.weight", "decoder.2.bias", "decoder_log_variance"]])
    assert torch.equal(flat, torch.arange(len(flat)) / 8)
    sys.exit(0)

save_file({"a.weight": torch.arange(6.0).reshape(2, 3), "b": torch.tensor([0.5], dtype=torch.float32)},
          "floats.safetensors", metadata={"format": "pt"})
save_file({"f64": torch.tensor([1.5, -2.5], dtype=torch.float64), "i32": torch.tensor([[7], [-8]], dtype=torch.int32),
           "i64": torch.tensor(1 << 40), "empty": torch.zeros(0, 3), "half": torch.ones(2, dtype=torch.bfloat16)},
          "types.safetensors")
save_file({k: v for k, v in Vae().state_dict().items()}, "foreign.safetensors")
