"""What is an exchange on a connection: by turns, by the protocol's frames, with STARTTLS."""
