"""Pure tensor functions: coordinate maps, the resampling that realises them, colour matrices."""
