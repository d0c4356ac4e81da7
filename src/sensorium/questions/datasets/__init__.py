"""Data of questions: worlds of blocks, CLEVR and its kin, as training examples."""
