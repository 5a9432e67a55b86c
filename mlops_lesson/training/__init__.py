"""Stage 3, Model Training."""
