"""The explorers: one control panel a notebook, for trying out what a stage's decisions change."""
