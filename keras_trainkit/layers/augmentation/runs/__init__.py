"""Runs: neighbouring operations of one kind, carried out together."""
