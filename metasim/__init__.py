"""A Meta of our own: the Graph side, the webhooks and the misbehaviour, for tests, benchmarks and demos."""

from metasim.app import create_app
from metasim.config import SimulatorConfig
from metasim.server import run, running, serve

__all__ = ["SimulatorConfig", "create_app", "run", "running", "serve"]
