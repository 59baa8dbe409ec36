"""`rasl simulator`."""

import os
import secrets
from typing import Annotated

import typer

import metasim
from metasim.config import SimulatorConfig
from metasim.server import HOST, PORT
from rasl.cli.output import AsJson, show
from rasl.start import supervised
from rasl.start.listening import bound
from rasl.start.signals import ended_by_signal


def run(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = HOST,
    port: Annotated[int, typer.Option(help="Port to listen on.")] = PORT,
    media_port: Annotated[
        int | None,
        typer.Option(help="Port of the media host; by default the next one, or any that is free."),
    ] = None,
    media_url: Annotated[
        str | None,
        typer.Option(help="Public address of the media host, where it is not this machine's."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Makes ids repeat from run to run; by default they never do.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run the Meta simulator alone; its control API is under /_control/."""
    # Only to tell in our own words that the port is taken: the simulator binds it itself.
    bound(host, port, "--port").close()
    if media_port is not None:
        bound(host, media_port, "--media-port").close()
    if supervised.is_supervised():
        supervised.follow_parent()
    url = f"http://{host}:{port}"
    show(
        as_json,
        {"url": url, "control_url": f"{url}/_control/", "pid": os.getpid()},
        f"Simulating Meta at {url} (set RASL_GRAPH_BASE_URL to it), control API at {url}/_control/",
    )
    with ended_by_signal():
        # A message id that came back after a restart would be taken for the message that had it before.
        config = SimulatorConfig(
            seed=secrets.randbits(48) if seed is None else seed, public_media_url=media_url
        )
        metasim.run(host, port, config, media_port)
