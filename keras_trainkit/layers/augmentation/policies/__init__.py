"""Policies: several operations on the levels, which ones each image draws for itself."""
