"""What helps a learner learn: quiz, cards, exercises, progress, ways to learn."""
