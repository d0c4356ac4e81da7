"""Blocks: CLEVR's world. Scenes of spheres, cubes and cylinders, their pictures, and questions.

CLEVR: Johnson et al., CVPR 2017, arXiv:1612.06890. The renderer and the question engine are ours;
the files are CLEVR's own JSON.
"""
