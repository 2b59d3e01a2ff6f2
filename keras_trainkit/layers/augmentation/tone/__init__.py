"""Tone: curves of grey levels."""
