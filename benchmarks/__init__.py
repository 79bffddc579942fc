"""How fast nnspec is, and what it makes: each figure against what people would use instead."""
