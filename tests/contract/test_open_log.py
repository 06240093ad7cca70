"""How many partitions a log has: chosen when it is created, kept ever after."""

from pathlib import Path

import pytest
from conftest import Store

from shared.log import WrongPartitions
from shared.settings import Environment
from tools.open_log import open_log


async def partitions(environment: Environment) -> int:
    async with open_log(environment) as log:
        assert log is not None
        return log.partitions


@pytest.mark.asyncio
async def test_a_log_of_the_embedded_server_has_one_partition(tmp_path: Path) -> None:
    assert await partitions(Environment(data_dir=tmp_path)) == 1
    assert await partitions(Environment(data_dir=tmp_path)) == 1


@pytest.mark.asyncio
async def test_a_log_keeps_the_number_that_it_was_created_with(tmp_path: Path) -> None:
    assert await partitions(Environment(data_dir=tmp_path, partitions=3)) == 3
    assert await partitions(Environment(data_dir=tmp_path)) == 3
    with pytest.raises(WrongPartitions, match="STRAINWATCH_PARTITIONS=3"):
        await partitions(Environment(data_dir=tmp_path, partitions=1))


@pytest.mark.asyncio
async def test_a_log_in_a_store_of_ones_own_has_eight(store: Store) -> None:
    assert await partitions(Environment(redis_url=store.url)) == 8
    assert await partitions(Environment(redis_url=store.url)) == 8
