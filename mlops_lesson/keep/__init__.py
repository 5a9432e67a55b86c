"""What the learner makes is kept here, safely."""
