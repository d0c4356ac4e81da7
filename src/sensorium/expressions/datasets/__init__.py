"""Data of expressions: drawn portraits and the published sets of faces, as training examples."""
