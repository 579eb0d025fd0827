"""Icon-VL: a language model of half a billion parameters and a vision network, joined by a connector."""
