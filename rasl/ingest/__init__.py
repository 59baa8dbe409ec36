"""The door for what Meta posts to us: handshake, signature over the raw bytes, raw row, 200."""
