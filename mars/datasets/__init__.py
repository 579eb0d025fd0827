"""What is asked: contrast sets, published benchmarks, and the cases of an evaluation."""
