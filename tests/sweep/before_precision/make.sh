#!/bin/sh
# Made this folder's sweep with gmmvae at commit 00dd4a8, the last one without --precision.
gmmvae sweep run 'hidden=4;3,2' lr=0.01,0.001 seed=1..2 --components 2 --dim 2 --samples 30 --epochs 2 --out "$1"
