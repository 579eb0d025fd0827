"""Options that several commands have: the model, its artifact, and the Ray to work on."""

import argparse
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import get_args

import torch

from mars.bundled import ARTIFACT, model_source
from mars.distributed.executor import Cluster
from mars.model.info import Load
from mars.model.load_checks import Quantization
from mars.model.loading import load_model

POCKET = "pocket-vl"
DTYPES = ("float32", "bfloat16", "float16")


def add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", default=POCKET, help="folder, hub id, or pocket-vl, the bundled model (default)")
    parser.add_argument("--revision", help="revision of a hub model")
    parser.add_argument(
        "--dtype",
        choices=DTYPES,
        help="default: the checkpoint's own; on a CPU float32, or for one in bfloat16 the faster of the two",
    )
    parser.add_argument("--device", help="such as cpu or cuda:1 (default: a GPU where there is one)")
    parser.add_argument("--device-map", help="auto spreads the model over all GPUs")
    parser.add_argument("--quantization", choices=get_args(Quantization), help="to fit a smaller GPU")
    parser.add_argument(
        "--trust-remote-code",
        action="store_true",
        help="run the Python that comes with a checkpoint: read it first",
    )


def add_artifact(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--artifact", type=Path, help="folder of the artifact (default: artifact/ in the model folder)"
    )


def add_ray(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--ray",
        nargs="?",
        const="local",
        metavar="ADDRESS",
        help="work on the Ray at HOST:PORT, or without an address on a Ray of this machine's own",
    )
    parser.add_argument("--workers", type=int, help="with --ray: how many (default: as many as there is room for)")
    parser.add_argument("--cpus-per-worker", type=float, default=1.0, help="with --ray: also threads of a worker")
    parser.add_argument(
        "--gpus-per-worker", type=float, help="with --ray: a fraction shares a GPU (default: 1 where there are GPUs)"
    )


def cluster_of(options: argparse.Namespace, packages: tuple[Path, ...] = ()) -> AbstractContextManager[Cluster]:
    """packages: folders of packages that travel to the workers, besides that of the engine."""
    from mars.distributed.ray_cluster import RayCluster

    cluster = RayCluster(options.workers, options.cpus_per_worker, options.gpus_per_worker, packages)
    return cluster.at(options.ray)


def load_of(options: argparse.Namespace) -> Load:
    """How the model is loaded, here or where a worker is, whose current folder is another."""
    folder = Path(model_source(options.model))
    return partial(
        load_model,
        str(folder.resolve()) if folder.is_dir() else options.model,
        revision=options.revision,
        dtype=options.dtype and getattr(torch, options.dtype),
        device=options.device,
        device_map=options.device_map,
        quantization=options.quantization,
        trust_remote_code=options.trust_remote_code,
    )


def artifact_folder(options: argparse.Namespace) -> Path:
    """Where the artifact is: as named, else in the model's folder."""
    return (options.artifact or Path(model_source(options.model)) / ARTIFACT).resolve()
