"""python -m local sample | data | run: what this machine can do for the project without an account."""

from __future__ import annotations

import argparse
from pathlib import Path

from local import ROOT
from local.own_data import adopt

from contract import load_contract  # isort: skip - importing local puts jobs/ on the path
from errors import JobError, run_job  # isort: skip

from local.rehearsal import data_files, rehearse
from local.sample import write_sample

WORK = ROOT / ".local"  # made anew on each run: no place for anything else


def main(argv: list[str] | None = None) -> None:
    """Parse the arguments and do what they say."""
    parser = argparse.ArgumentParser(prog="python -m local", description="Work with the project on this machine.")
    parser.add_argument("--contract", type=Path, default=ROOT / "config" / "dataset.yaml", help="the data contract")
    parser.add_argument("--data", type=Path, default=ROOT / "data", help="folder of the three CSV files")
    commands = parser.add_subparsers(dest="command", required=True)
    sample = commands.add_parser("sample", help="make sample data that fits the contract")
    sample.add_argument("--force", action="store_true", help="in place of the data that is there")
    commands.add_parser("run", help="run all jobs in order on the data")
    own = commands.add_parser("data", help="take your own CSV file: check it, propose a contract, write the data")
    own.add_argument("csv", type=Path, help="a CSV file of labelled rows")
    own.add_argument("--target", help="the column to predict, where the contract does not fit")
    own.add_argument("--id", help="the column that names a row; empty for none")
    own.add_argument("--accept", action="store_true", help="take the proposed contract without asking")
    arguments = parser.parse_args(argv)
    if arguments.command == "sample":
        if data_files(arguments.data) and not arguments.force:
            raise JobError(f"{arguments.data} holds data already; to replace it: make sample FORCE=yes")
        write_sample(load_contract(arguments.contract), arguments.data)
        print(f"wrote training-data.csv, inference-data.csv and ground-truth.csv into {arguments.data}")
    elif arguments.command == "run":
        rehearse(arguments.data.resolve(), WORK, arguments.contract.resolve())
    else:
        adopt(
            arguments.csv,
            contract_path=arguments.contract,
            data=arguments.data,
            target=arguments.target,
            id_column=arguments.id,
            accept=arguments.accept,
        )


if __name__ == "__main__":
    run_job(main)
