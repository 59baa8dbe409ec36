"""The phones of the people at the other end: what reached them, and what they write."""

from metasim.phone.chats import read_chats
from metasim.phone.page import answer_page, is_page

__all__ = ["answer_page", "is_page", "read_chats"]
