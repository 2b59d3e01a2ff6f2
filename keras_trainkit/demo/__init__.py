"""The command `python -m keras_trainkit demo`: one network trained bare, and with a recipe."""
