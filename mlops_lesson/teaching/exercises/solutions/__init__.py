"""The model answers, a file for each exercise."""
