"""Stage 4, Model Validation."""
