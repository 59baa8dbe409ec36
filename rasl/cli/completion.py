"""`rasl completion`."""

import sys
from typing import Annotated

import typer
from typer.completion import get_completion_script  # type: ignore[attr-defined]

from rasl.cli.output import AsJson, show

VARIABLE = "_RASL_COMPLETE"
SHELLS = ("bash", "zsh", "fish")


def run(
    shell: Annotated[str, typer.Argument(help="bash, zsh or fish.")],
    as_json: AsJson = False,
) -> None:
    """Print what makes a shell complete commands and options of rasl.

    bash: echo 'eval "$(rasl completion bash)"' >> ~/.bashrc

    zsh: echo 'eval "$(rasl completion zsh)"' >> ~/.zshrc (after compinit)

    fish: rasl completion fish > ~/.config/fish/completions/rasl.fish
    """
    if shell not in SHELLS:
        raise typer.BadParameter(f"A shell is one of {', '.join(SHELLS)}.")
    script = get_completion_script(prog_name="rasl", complete_var=VARIABLE, shell=shell)
    if as_json:
        show(True, {"shell": shell, "script": script})
    else:
        sys.stdout.write(f"{script}\n")
