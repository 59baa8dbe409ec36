"""Archives of an installation, a tenant or a person: plain tar files with a checksum for every member."""
