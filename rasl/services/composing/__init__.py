"""Building a message: to whom, from which number, in answer to what, with which content."""
