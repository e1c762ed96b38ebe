"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from bench.data.registry import DATASETS

Results = Annotated[Path, typer.Option("--results", help="Folder of records and reports.")]
Models = Annotated[
    str,
    typer.Option(
        help="Names, or files of your own (./my_net.py, ./my_net.py:my_net), separated by commas. "
        "Default: every model in models/."
    ),
]
RecipeName = Annotated[
    str | None,
    typer.Option("--recipe", help="A name that 'recipes' lists, or a TOML file of your own. Default: the suite's."),
]
TimingRounds = Annotated[
    int | None, typer.Option(help="Rounds in which the models are timed in turn, 0 for none. Default: the suite's.")
]
DataDir = Annotated[Path | None, typer.Option("--data-dir", help="Cache of the data. [env: MNIST_BENCH_DATA]")]
Dataset = Annotated[
    str,
    typer.Option(help=f"{' or '.join(DATASETS)}; downloaded where it is not on this machine and can be."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else on standard output.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
Timeout = Annotated[float | None, typer.Option(help="Seconds after which a trial is given up.")]
Executor = Annotated[str, typer.Option(help="local, or ray: on the nodes of a cluster.")]
RayAddress = Annotated[str | None, typer.Option(help="auto or HOST:PORT. Default: a cluster of this machine.")]
