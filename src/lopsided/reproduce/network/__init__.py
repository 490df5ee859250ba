"""Network: the deep networks of the claims, their training and what is seen of them."""
