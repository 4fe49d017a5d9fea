"""data: import a team's own file, or write sample data."""

from __future__ import annotations

import argparse

from mlops_jobs.contract import load_contract
from mlops_jobs.errors import UserError
from mlops_kit.project import Project


def data(project: Project, arguments: argparse.Namespace) -> None:
    """Import a file of labelled rows, or write sample data.

    Raises:
        UserError: the arguments ask for neither or both, or the data or the contract is refused.
    """
    if arguments.sample == bool(arguments.file):
        raise UserError("name the file to import, or pass --sample: mlops data FILE.csv, mlops data --sample")
    if arguments.sample:
        _write_sample(arguments)
        return
    from mlops_kit.data.file_form import delimiter_named
    from mlops_kit.data.import_data import Place, import_file
    from mlops_kit.data.schema_inference import Wishes

    import_file(
        arguments.file,
        Place(arguments.contract, arguments.data, project.jobs, project.config / "pipelines.yaml"),
        Wishes(
            target=arguments.target,
            id=arguments.id,
            delimiter=delimiter_named(arguments.delimiter),
            header=arguments.header,
            decimal=arguments.decimal,
            thousands=arguments.thousands,
            format=arguments.format,
        ),
        accept=arguments.accept,
        distinct=arguments.distinct_classes,
    )


def _write_sample(arguments: argparse.Namespace) -> None:
    from mlops_kit.data.data_files import data_files
    from mlops_kit.data.sample import write_sample

    if data_files(arguments.data) and not arguments.force:
        raise UserError(
            f"{arguments.data} holds data already; to replace it: mlops data --sample --force (make: FORCE=yes)"
        )
    write_sample(load_contract(arguments.contract), arguments.data)
    print(f"wrote training-data.csv, inference-data.csv and ground-truth.csv into {arguments.data}")
