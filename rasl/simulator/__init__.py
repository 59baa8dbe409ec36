"""A Meta of our own: the Graph side, the webhooks and the misbehaviour, for tests, benchmarks and demos."""

from rasl.simulator.app import create_app
from rasl.simulator.config import SimulatorConfig
from rasl.simulator.server import run, running, serve

__all__ = ["SimulatorConfig", "create_app", "run", "running", "serve"]
