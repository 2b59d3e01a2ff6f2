"""What every room stands on: argument checks, config, stateless draws. Knows no other room."""
