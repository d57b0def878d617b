"""The jobs of a batch on a Dask cluster.

A task is a `Job`: paths and options, without pictures and motions. The paths must refer to the same
files on every worker (shared storage). Outputs are written to a temporary name and renamed, so a
task that runs twice, because its worker was lost, leaves one complete file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mocap.batch.jobs import Job
from mocap.batch.run import Outcome, attempt
from mocap.errors import InputError

if TYPE_CHECKING:
    from distributed import Client

LOCAL = "local"
"""The scheduler's name for a cluster of processes on this machine."""

# Seconds to wait for a scheduler.
_PATIENCE = 10.0
# A task whose worker died more often than this is tried once more at the end, alone: Dask also
# counts tasks that were only queued on a worker that died.
_DEATHS = 0


class ClusterRunner:
    """Does jobs on a cluster. Make one with `cluster`."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def __call__(self, jobs: Sequence[Job], batch: str) -> Iterator[Outcome]:
        """Do the jobs; see `batch.run.Runner`."""
        doubtful = []
        for outcome, lost in self._done(jobs, batch):
            if lost:
                doubtful.append(outcome.job)
            else:
                yield outcome
        for job in doubtful:
            for outcome, _ in self._done([job], batch):
                yield outcome

    def _done(self, jobs: Sequence[Job], batch: str) -> Iterator[tuple[Outcome, bool]]:
        """Yield each job's outcome and whether its worker was lost."""
        from distributed import KilledWorker, as_completed

        futures = {self.client.submit(attempt, job, batch, pure=False): job for job in jobs}
        for future in as_completed(futures):
            job, error = futures[future], future.exception()
            if isinstance(error, KilledWorker):
                reason = "the worker process ended whenever this clip was baked"
                yield Outcome(job, "failed", reason), True
            elif error is not None:
                yield Outcome(job, "failed", f"{type(error).__name__}: {error}"), False
            else:
                yield future.result(), False


@contextmanager
def cluster(scheduler: str, workers: int | None = None) -> Iterator[ClusterRunner]:
    """Connect to a Dask scheduler, or start a cluster of processes here.

    Args:
        scheduler: "local", or the address of a scheduler, such as "tcp://10.0.0.1:8786".
        workers: Number of local processes; None for one a core.

    Raises:
        InputError: Dask is not installed, or no scheduler answers.
    """
    try:
        import dask
        from distributed import Client, LocalCluster
    except ImportError:
        raise InputError(
            "--scheduler needs Dask: install it with pip install 'anymocap[cluster]'."
        ) from None
    if scheduler == LOCAL:
        settings = {
            "distributed.scheduler.allowed-failures": _DEATHS,
            # No clip is queued on a worker that may die because of another clip.
            "distributed.scheduler.worker-saturation": 1.0,
            "distributed.worker.daemon": False,  # a clip may use processes of its own
        }
        with (
            dask.config.set(settings),
            LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                dashboard_address=None,
                silence_logs=50,
            ) as here,
            Client(here) as client,
        ):
            yield ClusterRunner(client)
        return
    try:
        client = Client(scheduler, timeout=_PATIENCE)
    except (OSError, ValueError) as error:
        raise InputError(
            f"No Dask scheduler answers at {scheduler!r}: give its address, such as "
            f"tcp://10.0.0.1:8786, or local for processes on this machine. ({error})"
        ) from None
    with client:
        yield ClusterRunner(client)
