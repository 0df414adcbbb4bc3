"""One model, as PyTorch is written by hand."""

import torch

from pytorch_training import Vae, train_one
from work import read_work, serve

work = read_work()
points = torch.from_numpy(work.points)
model = Vae(work)
serve(work, lambda seed: train_one(work, points, seed, model, model))
