#!/bin/bash
# The main job from a bare Debian 12: set up, build, and run the course experiment into runs/course.
source "$(dirname "$0")/setup.sh"

configure_and_build release gmmvae_program
build/release/gmmvae run --out runs/course
echo "Look next at runs/course/report.html; build/release/gmmvae --help shows the other verbs."
