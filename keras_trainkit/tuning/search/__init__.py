"""The search: a study in a storage, workers that take trials from it, and a folder for each."""
