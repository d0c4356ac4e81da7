"""Action recognition: TSM (arXiv:1811.08383), StNet (arXiv:1811.01549), and their baselines."""
