"""One path for ten families, each as a tiny checkpoint in the true layout: what is read, and what is answered."""
