from collections.abc import Mapping

from services.scoring.core.baseline import HandleTimes
from services.scoring.core.contact_facts import Facts
from services.scoring.core.decay import Floats
from services.scoring.core.intake import Batch

def impulses(
    b: Batch, facts: Facts, handle_times: HandleTimes, queue_strain: Floats, p: Mapping[str, Mapping[str, float]]
) -> tuple[Floats, Floats]: ...
