"""The project that a learner takes home: `start` writes it, and it needs the course no more."""
