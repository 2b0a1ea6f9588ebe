"""At most one has a lease, whatever the others do and whenever it stops living."""

import errno
import os
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from bulk.leases import Holder, Lease, holder_of, is_taken

STALE = 60.0


def make_old(folder: Path, number: int) -> None:
    os.utime(folder / str(number), (time.time() - 2 * STALE,) * 2)


def elsewhere() -> Holder:
    """A process that cannot be asked from here whether it lives."""
    return replace(Holder.here(), world="another machine", host="another")


def ended_process() -> Holder:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return replace(Holder.here(), pid=process.pid, born=1)


def test_a_lease_is_had_once_until_it_is_given_back(tmp_path: Path) -> None:
    first = Lease.take(tmp_path, Holder.here("core 1"), STALE)
    assert first is not None
    assert first.beat()
    assert Lease.take(tmp_path, Holder.here(), STALE) is None
    holder = holder_of(tmp_path, STALE)
    assert holder is not None
    assert (holder.pid, holder.device) == (os.getpid(), "core 1")
    first.give_back()
    first.give_back()
    assert not is_taken(tmp_path, STALE)
    assert Lease.take(tmp_path, Holder.here(), STALE) is not None


def test_a_holder_that_gives_no_sign_of_life_loses_it_and_knows(tmp_path: Path) -> None:
    sleeper = Lease.take(tmp_path, elsewhere(), STALE)
    assert sleeper is not None
    make_old(tmp_path, 1)
    assert not is_taken(tmp_path, STALE)
    taker = Lease.take(tmp_path, elsewhere(), STALE)
    assert taker is not None
    assert not sleeper.beat()
    sleeper.give_back()
    assert taker.beat()
    assert is_taken(tmp_path, STALE)


def test_a_disk_that_does_not_answer_takes_no_lease_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = Lease.take(tmp_path, Holder.here(), STALE)
    assert lease is not None

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ESTALE, "stale")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "exists", refuse)
        assert lease.beat()
    (tmp_path / "2").touch()
    assert not lease.beat()


def test_an_ended_process_of_this_machine_is_not_waited_for(tmp_path: Path) -> None:
    assert Lease.take(tmp_path, ended_process(), STALE) is not None
    if Holder.here().world:
        assert not is_taken(tmp_path, STALE)
        assert Lease.take(tmp_path, Holder.here(), STALE) is not None


def test_a_number_that_another_process_has_now_is_not_its_holder(tmp_path: Path) -> None:
    reused = replace(Holder.here(), born=Holder.here().born + 1)
    assert reused.has_ended == bool(reused.world)
    assert not Holder.here().has_ended
    assert not elsewhere().has_ended


def test_a_holder_killed_while_it_took_the_lease_becomes_stale(tmp_path: Path) -> None:
    (tmp_path / "1").touch()
    assert is_taken(tmp_path, STALE)
    assert holder_of(tmp_path, STALE) is None
    make_old(tmp_path, 1)
    assert Lease.take(tmp_path, Holder.here(), STALE) is not None


@pytest.mark.parametrize("round_", range(20))
def test_of_many_that_take_over_at_once_one_gets_it(tmp_path: Path, round_: int) -> None:
    assert Lease.take(tmp_path, elsewhere(), STALE) is not None
    make_old(tmp_path, 1)
    got: list[Lease] = []
    barrier = threading.Barrier(8)

    def take() -> None:
        barrier.wait()
        lease = Lease.take(tmp_path, Holder.here(), STALE)
        if lease is not None:
            got.append(lease)

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [lease.number for lease in got] == [2]


def test_a_folder_that_is_not_there_has_no_holder(tmp_path: Path) -> None:
    assert not is_taken(tmp_path / "none", STALE)
    assert holder_of(tmp_path / "none", STALE) is None
