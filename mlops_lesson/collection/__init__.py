"""Stage 1, Data Collection."""
