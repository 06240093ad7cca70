from services.scoring.core.contact_facts import Facts
from services.scoring.core.handle_levels import HandleLevels
from services.scoring.core.intake import Batch
from services.scoring.core.patience import Patience

BOUND: float
WAIT_MAX_S: float

def note(b: Batch, facts: Facts, levels: HandleLevels, patience: Patience) -> None: ...
