"""Stage 6, Monitoring & Maintenance."""
