"""Archives of an installation or of a person: plain tar files with a checksum for every member."""
