"""Those who read the document: people in a browser, and clients generated from it."""
