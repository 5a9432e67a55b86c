"""Stage 5, Deployment."""
