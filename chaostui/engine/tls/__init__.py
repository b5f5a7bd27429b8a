"""TLS that ends here: between an endpoint and its socket, with certificates of its own."""
