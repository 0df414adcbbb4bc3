"""One model, its loss and gradient compiled by torch.compile; both batch lengths keep a compilation of their own."""

import torch

from pytorch_training import Vae, train_one
from work import read_work, serve

work = read_work()
points = torch.from_numpy(work.points)
model = Vae(work)
compiled = torch.compile(model, dynamic=False)
serve(work, lambda seed: train_one(work, points, seed, model, compiled))
