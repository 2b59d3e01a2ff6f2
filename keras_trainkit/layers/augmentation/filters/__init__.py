"""Filters: what reads a pixel's neighbours."""
