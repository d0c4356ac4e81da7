"""Questions about pictures, answered by programs that can be read: Neural-Symbolic VQA."""
