"""Stage 2, Data Preprocessing."""
