"""Compile every kernel for every architecture, and list the resources of each.

    python -m gridrt.plugins.compile --json kernels.json

It needs nvcc and no GPU.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path

import click

from gridrt.errors import GridRTError
from gridrt.files import write_text
from gridrt.plugins.kernel import Kernel
from gridrt.plugins.kernels import ALL_KERNELS
from gridrt.plugins.nvcc import ARCHITECTURES, Resources, nvcc_version, resources_of


@dataclass(frozen=True)
class Compiled:
    """A kernel that was compiled for one architecture.

    Attributes:
        op: name of the op.
        variant: name of the variant.
        attributes: of the node.
        resources: that a thread and a block need.
        dynamic_shared_memory: bytes per block beside the static ones, for the example's shapes.
    """

    op: str
    variant: str
    attributes: dict[str, object]
    resources: Resources
    dynamic_shared_memory: int


def compiled(
    kernels: Sequence[Kernel] = ALL_KERNELS, architectures: Sequence[str] = ARCHITECTURES
) -> Iterator[Compiled]:
    """Compile all variants and examples of the kernels.

    Raises:
        DependencyError: there is no nvcc.
        GridRTError: a kernel does not compile, or spills registers without a reason in its description.
    """
    for kernel in kernels:
        for variant, example in product(kernel.variants, kernel.examples):
            dynamic = kernel.launch(variant, example.attributes).shared_memory.value(example.shapes)
            for resources in resources_of(kernel.entry, kernel.defines(variant, example.attributes), architectures):
                if resources.spilled and not kernel.spills:
                    raise GridRTError(
                        "a kernel's registers must not spill, unless its description says why",
                        place=f"{kernel.contract.name}, {variant.name}, sm_{resources.architecture}",
                        value=f"{resources.spilled} bytes",
                    )
                yield Compiled(kernel.contract.name, variant.name, dict(example.attributes), resources, dynamic)


@click.command
@click.option("--json", "out", type=click.Path(path_type=Path), help="File to write the table to.")
def command(*, out: Path | None) -> None:
    """Compile every kernel for every architecture, and list registers, spills and shared memory of each."""
    rows: list[Compiled] = []
    try:
        click.echo(HEADING)
        for row in compiled():
            rows.append(row)
            needs = row.resources
            shared = needs.shared_memory + row.dynamic_shared_memory
            attributes = ", ".join(f"{name} {value}" for name, value in row.attributes.items())
            click.echo(
                f"{row.op:<20} {row.variant:<22} {needs.architecture:>3} {needs.registers:>9} {needs.spilled:>7} "
                f"{needs.stack:>5} {shared:>6}  {attributes}"
            )
        if out is not None:
            table = {"nvcc": nvcc_version(), "kernels": [asdict(row) for row in rows]}
            write_text(out, json.dumps(table, indent=2) + "\n")
    except GridRTError as error:
        raise click.ClickException(str(error)) from error


HEADING = (
    f"{'kernel':<20} {'variant':<22} {'sm':>3} {'registers':>9} {'spilled':>7} {'stack':>5} {'shared':>6}  attributes"
)


if __name__ == "__main__":
    command()
